"""scripts/deploy-infra: what it changes in AWS, and what it refuses."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from delivery.aws import deploy_infra, infra_parameters
from delivery.aws.deploy_infra import Environment
from delivery.aws.infra_parameters import (
    TEMPLATES,
    check_one_place,
    declared,
    read_parameters,
)
from delivery.errors import Failure
from delivery.paths import INFRA
from tests.delivery.cloudformation import TEMPLATES as TEMPLATES_AS_YAML
from tests.delivery.fake_aws import FakeAws
from tests.delivery.in_process import run_here

ROOT = INFRA.parent
STACKS = [f"myapp-staging-{template}" for template in TEMPLATES]
BASE = "arn:aws:ecs:us-east-1:1:task-definition/myapp-staging-task-base:1"
REVISION = "arn:aws:ecs:us-east-1:1:task-definition/myapp-staging-task:"


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


def deploy(aws: FakeAws, yes: bool = True, **values: str) -> Environment:
    parameters = read_parameters(INFRA / "parameters/staging.json")[2]
    environment = Environment("staging", aws, parameters | values, yes)
    environment.deploy()
    return environment


def test_a_new_environment_is_created_in_order(aws: FakeAws) -> None:
    deploy(aws)
    assert aws.calls == [("execute", stack) for stack in STACKS]
    assert aws.recorded() == ""


def test_a_new_account_gets_the_shared_parts_first(aws: FakeAws) -> None:
    aws.ecs_role = aws.provider = False
    deploy(aws, GitHubSubject="repo:acme/shop")
    shared = ["ecs.amazonaws.com", "https://token.actions.githubusercontent.com"]
    assert aws.calls == [("create", part) for part in shared] + [("execute", s) for s in STACKS]


def test_an_environment_that_is_created_again_uses_the_existing_identity_provider(
    aws: FakeAws,
) -> None:
    deploy(aws, GitHubSubject="repo:acme/shop")
    aws.stacks.clear()
    aws.calls.clear()
    deploy(aws, GitHubSubject="repo:acme/shop")
    assert aws.calls == [("execute", stack) for stack in STACKS]


@pytest.mark.parametrize(
    "answer",
    [
        "An error occurred (EntityAlreadyExists)",
        "An error occurred (InvalidInput): Service role name AWSServiceRoleForECS has been taken in"
        " this account, please try a different suffix.",
    ],
)
def test_a_shared_part_that_somebody_created_in_the_meantime_is_used(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    def taken(options: object) -> None:
        raise Failure(answer)

    aws.ecs_role = False
    monkeypatch.setattr(aws, "create_service_linked_role", taken)
    deploy(aws)
    assert len(aws.stacks) == len(STACKS)


def test_without_a_confirmation_of_the_shared_parts_no_stack_is_created(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.ecs_role = False
    monkeypatch.setattr("builtins.input", lambda question: "n")
    with pytest.raises(Failure, match="nothing was created"):
        deploy(aws, yes=False)
    assert (aws.calls, aws.stacks) == ([], {})


def test_a_second_run_changes_nothing(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(aws)
    aws.runs(BASE)
    aws.calls.clear()
    deploy(aws)
    assert aws.calls == []
    assert f"{STACKS[0]}: no changes" in capsys.readouterr().out


def test_the_running_revision_is_recorded_before_other_changes(aws: FakeAws) -> None:
    deploy(aws)
    aws.runs(f"{REVISION}7")
    aws.calls.clear()
    deploy(aws, TaskMemory="2048")
    assert aws.calls == [
        ("record", "myapp-staging-service"),
        ("execute", "myapp-staging-service"),
        ("execute", "myapp-staging-alarms"),  # of what runs, from the first deploy on
    ]
    assert aws.recorded() == f"{REVISION}7"


def test_a_run_after_a_deploy_only_records_the_revision(aws: FakeAws) -> None:
    deploy(aws)
    aws.runs(f"{REVISION}7")
    deploy(aws)
    aws.runs(f"{REVISION}8")
    aws.calls.clear()
    deploy(aws)
    assert aws.calls == [("record", "myapp-staging-service")]


def test_a_run_during_a_deploy_is_refused(aws: FakeAws) -> None:
    aws.runs(f"{REVISION}8", "IN_PROGRESS")
    with pytest.raises(Failure, match="myapp-staging-service is being deployed: wait until"):
        deploy(aws)
    assert aws.calls == []


def test_each_stack_with_a_service_is_told_what_its_own_service_runs(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    infra = Path(shutil.copytree(INFRA, tmp_path / "infra"))
    shutil.copy(INFRA / "service.yaml", infra / "second.yaml")
    monkeypatch.setattr(deploy_infra, "TEMPLATES", (*TEMPLATES, "second"))
    for module in (deploy_infra, infra_parameters):
        monkeypatch.setattr(module, "INFRA", infra)
    aws.runs(f"{REVISION}7")
    aws.runs("arn:aws:ecs:us-east-1:1:task-definition/myapp-staging-second-base:1", of="second")
    made = deploy(aws)
    assert (aws.recorded(), aws.recorded("second")) == (f"{REVISION}7", "")
    assert made.values["Deployed"] == "true"


def test_a_deploy_between_the_question_and_the_answer_is_noticed(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(aws)
    aws.runs(f"{REVISION}8")

    def answer(question: str) -> str:
        aws.runs(f"{REVISION}9")
        return "y"

    monkeypatch.setattr("builtins.input", answer)
    with pytest.raises(Failure, match="a deploy moved the service in the meantime; run this again"):
        deploy(aws, yes=False, TaskMemory="2048")
    assert aws.recorded() == f"{REVISION}8"


CERTIFICATE = {
    "DomainName": "www.example.com",
    "CertificateArn": "arn:aws:acm:us-east-1:1:certificate/1",
}


def test_https_is_refused_for_a_name_that_the_running_tasks_refuse(aws: FakeAws) -> None:
    deploy(aws)
    aws.runs(f"{REVISION}8")
    aws.calls.clear()
    with pytest.raises(
        Failure, match=r"myapp-staging-task:8, which runs now, .* not to www.example.com"
    ):
        deploy(aws, True, **CERTIFICATE)
    assert aws.calls == []


@pytest.mark.parametrize(
    "hosts", ["www.example.com", "a.example.net, www.Example.com", ".example.com"]
)
def test_https_is_accepted_once_the_running_tasks_allow_the_name(aws: FakeAws, hosts: str) -> None:
    deploy(aws)
    aws.runs(f"{REVISION}8")
    aws.hosts = hosts
    deploy(aws, True, **CERTIFICATE)


def test_https_is_accepted_before_the_first_deploy(aws: FakeAws) -> None:
    deploy(aws, True, **CERTIFICATE)


@pytest.mark.parametrize(("environment", "times"), [("staging", 1), ("production", 0)])
def test_the_values_for_github_are_printed(
    aws: FakeAws, capsys: pytest.CaptureFixture[str], environment: str, times: int
) -> None:
    made = deploy(aws)
    made.name = environment
    made.report()
    lines = capsys.readouterr().out.splitlines()
    assert "  variable APP_URL       Url-value" in lines
    # Production asks staging what it runs.
    assert lines.count("  variable STAGING_URL   Url-value") == times


@pytest.mark.parametrize("answer", ["", "n", "no", "perhaps"])
def test_the_answer_no_leaves_nothing_behind(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("builtins.input", lambda question: answer)
    with pytest.raises(Failure, match="myapp-staging-network and later stacks stay unchanged"):
        deploy(aws, yes=False)
    assert (aws.stacks, aws.proposed) == ({}, {})


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("ROLLBACK_COMPLETE", "aws cloudformation delete-stack --stack-name myapp-staging-data"),
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name"),
        ("UPDATE_IN_PROGRESS", "wait until that is over, and run this again"),
    ],
)
def test_a_stack_that_can_not_be_changed_is_reported_with_the_remedy(
    aws: FakeAws, status: str, remedy: str
) -> None:
    deploy(aws)
    aws.stacks["myapp-staging-data"]["StackStatus"] = status
    with pytest.raises(Failure, match=f"myapp-staging-data is {status}: .*{remedy}"):
        deploy(aws)


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_template_reader_agrees_with_a_yaml_parser(name: str) -> None:
    for section in ("Parameters", "Outputs"):
        assert list(declared(name, section)) == list(TEMPLATES_AS_YAML[name].get(section, {}))


def test_both_environments_set_the_same_parameters() -> None:
    files = (INFRA / f"parameters/{name}.json" for name in ("staging", "production"))
    staging, production = (read_parameters(file)[2].keys() for file in files)
    assert staging == production


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    hidden = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL")
    return run_here("scripts/deploy-infra", "staging", *words, without=hidden, **variables)


def fake_cli(folder: Path, script: str) -> str:
    """Put an `aws`, and nothing else, on a PATH."""
    if script:
        (folder / "aws").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "aws").chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("cli", "problem"),
    [
        ("", "the AWS CLI is missing: https://docs.aws.amazon.com"),
        ("echo Unable to locate credentials >&2; exit 255", "AWS accepts no credentials"),
        ("""echo '{"Account": "999999999999"}'""", "the credentials are for account 999999999999"),
    ],
)
def test_the_credentials_are_checked_first(tmp_path: Path, cli: str, problem: str) -> None:
    done = run(PATH=fake_cli(tmp_path, cli))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"scripts/deploy-infra: {problem}")


def test_another_region_is_refused(tmp_path: Path) -> None:
    done = run(PATH=fake_cli(tmp_path, "exit 1"), AWS_REGION="eu-west-1")
    assert (
        "AWS_REGION is eu-west-1, and infra/parameters/staging.json is for us-east-1" in done.stderr
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"TaskCpuu": "1"}, "TaskCpuu: not parameters that can be set there"),
        ({"RunningRevision": "x"}, "RunningRevision: not parameters that can be set there"),
        ({"VpcCidr": None}, "VpcCidr missing, see infra/network.yaml"),
    ],
)
def test_a_wrong_parameter_is_reported(
    tmp_path: Path, change: dict[str, str | None], problem: str
) -> None:
    content = json.loads((INFRA / "parameters/staging.json").read_text())
    content["parameters"] |= change
    content["parameters"] = {k: v for k, v in content["parameters"].items() if v is not None}
    file = tmp_path / "parameters.json"
    file.write_text(json.dumps(content))
    done = run("--parameters", str(file))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.endswith(f"{problem}\n")


@pytest.mark.parametrize(("name", "value"), [("account", "999999999999"), ("region", "eu-west-1")])
def test_two_accounts_or_regions_are_refused_before_aws_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    (tmp_path / "parameters").mkdir()
    for environment, change in (("staging", {}), ("production", {name: value})):
        content = json.loads((INFRA / f"parameters/{environment}.json").read_text()) | change
        (tmp_path / f"parameters/{environment}.json").write_text(json.dumps(content))
    monkeypatch.setattr(deploy_infra, "INFRA", tmp_path)
    monkeypatch.setattr("sys.argv", ["deploy-infra", "staging"])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=f"{name} is .* in staging.json and {value} in production"):
        deploy_infra.main()


def test_two_architectures_are_refused(
    tmp_path: Path,
) -> None:
    for environment, architecture in (("staging", "X86_64"), ("production", "ARM64")):
        text = (INFRA / f"parameters/{environment}.json").read_text()
        (tmp_path / f"{environment}.json").write_text(text.replace("X86_64", architecture))
    with pytest.raises(Failure, match=r"X86_64 in staging\.json and ARM64 in prod"):
        check_one_place(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", "no JSON"])
def test_an_invalid_parameter_file_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "parameters.json"
    file.write_text(content)
    done = run("--parameters", str(file))
    assert done.stderr.endswith("is not JSON with account, region and parameters\n")

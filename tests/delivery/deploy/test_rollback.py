"""scripts/rollback: which version it returns to, what it records, and what it refuses."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from delivery import command
from delivery.aws.ecs import Service
from delivery.deploy.deploy_service import deploy
from delivery.deploy.mark_verified import mark
from delivery.deploy.revisions import History
from delivery.deploy.rollback import roll_back
from delivery.errors import Failure
from tests.delivery.fake_ecs import ARN, BASE, NEW, OLD, VERSIONS, FakeEcs, commit
from tests.delivery.in_process import run_here
from tests.delivery.kill_switch import KillSwitch, run_killed
from tests.delivery.raw_server import answering, http

ROOT = Path(__file__).resolve().parents[3]


class Site(HTTPServer):
    """The load balancer and Slack; /health/ answers for the revision that the service runs."""

    ecs: FakeEcs
    runs: str = ""
    status: str = "ok"
    told: list[str]
    hosts: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.hosts.append(self.headers["Host"].partition(":")[0])
        number = int(self.server.ecs.service["taskDefinition"].rpartition(":")[2])
        runs = self.server.runs or commit(number)
        self.answer({"status": self.server.status, "commit": runs, "environment": "staging"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append(json.loads(body)["text"])
        self.answer({})

    def answer(self, body: dict[str, str]) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *words: Any) -> None: ...


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with Site(("127.0.0.1", 0), Handler) as server:
        server.ecs, server.told, server.hosts = FakeEcs(runs=NEW), [], []
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("APP_URL", url)
        monkeypatch.setenv("SLACK_WEBHOOK_URL", url)
        monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def ecs(site: Site) -> FakeEcs:
    """An ECS that runs revision 8, v1.2.3."""
    return site.ecs


class MortalEcs(FakeEcs):
    """An ECS whose caller may be killed at each call."""

    def __init__(self, runs: str) -> None:
        super().__init__(runs)
        self.kill_switch = KillSwitch()

    def __call__(self, service: str, action: str, *words: str) -> Any:
        self.kill_switch.tick()
        return super().__call__(service, action, *words)


def back(ecs: FakeEcs, version: str = "", revision: str = "", leave: str = "") -> bool:
    named = {"version": version, "revision": revision, "leave": leave}
    return roll_back("staging", service_of(ecs), **named, yes=True, seconds=0)


def service_of(ecs: FakeEcs) -> Service:
    return Service(ecs, "myapp-staging-cluster", "myapp-staging-service")


def know_balancer(site: Site) -> None:
    """Let AWS name the site as the load balancer."""
    url = f"http://staging.example.com:{site.server_port}"
    site.ecs.outputs = {"Url": url, "LoadBalancerDnsName": "127.0.0.1"}


def recorded(ecs: FakeEcs) -> list[str]:
    """Return the recordings of live releases."""
    return [
        f"{options['--task-definition'].rpartition(':')[2]} {' '.join(override['command'][3:])}"
        for action, options in ecs.calls
        if action == "run-task"
        for override in json.loads(options["--overrides"])["containerOverrides"]
    ]


def went_to(ecs: FakeEcs) -> list[str]:
    return [move["--task-definition"].rpartition(":")[2] for move in ecs.moves()]


# --- where it goes


def test_the_default_target_is_the_last_verified_revision(ecs: FakeEcs) -> None:
    back(ecs)
    assert went_to(ecs) == ["7"]
    assert "--desired-count" not in ecs.moves()[0]


@pytest.mark.parametrize(
    "words",
    [{"version": "v1.2.1"}, {"version": commit(6)}, {"revision": "6"}, {"revision": f"{ARN}:6"}],
)
def test_a_version_or_a_revision_can_be_chosen(ecs: FakeEcs, words: dict[str, str]) -> None:
    back(ecs, **words)
    assert went_to(ecs) == ["6"]


def test_a_revision_that_was_never_verified_is_skipped(ecs: FakeEcs) -> None:
    ecs.tags[7] = {}
    back(ecs)
    assert went_to(ecs) == ["6"]


def test_a_rolled_back_revision_and_those_it_replaced_are_skipped(ecs: FakeEcs) -> None:
    ecs.tags[7] |= {"rolled-back": "2026-01-07T13:00:00.000+00:00", "rolled-back-to": "5"}
    back(ecs)
    assert went_to(ecs) == ["5"]


def test_a_revision_that_was_verified_again_after_a_rollback_is_good(ecs: FakeEcs) -> None:
    ecs.tags[7] |= {"rolled-back": "2026-01-07T11:00:00.000+00:00", "rolled-back-to": "5"}
    back(ecs)
    assert went_to(ecs) == ["7"]


def test_another_revision_of_the_same_image_is_skipped(
    ecs: FakeEcs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VERSIONS, 7, "v1.2.3")
    back(ecs)
    assert went_to(ecs) == ["6"]


def test_a_rollback_of_the_first_deploy_stops_all_tasks(ecs: FakeEcs) -> None:
    back(ecs, revision=BASE)
    ((_, move),) = ecs.calls
    assert (move["--task-definition"], move["--desired-count"]) == (BASE, "0")


# --- what it does


def test_a_rollback_is_recorded_tagged_and_reported(ecs: FakeEcs, site: Site) -> None:
    back(ecs)
    (override,) = json.loads(ecs.calls[-1][1]["--overrides"])["containerOverrides"]
    assert override["command"] == ["python", "manage.py", "record_release", "--rollback"]
    assert ecs.calls[-1][1]["--task-definition"] == OLD
    assert ecs.tags[8]["rolled-back-to"] == "7"
    assert ecs.tags[7]["verified"] > ecs.tags[8]["rolled-back"] > ecs.tags[8]["verified"]
    (text,) = site.told
    assert text.startswith("staging: rolled back from v1.2.3 to v1.2.2 (revision 7, commit 0000")


def test_a_rollback_turns_alarms_off_and_the_next_deploy_turns_them_on(ecs: FakeEcs) -> None:
    back(ecs)
    deploy(service_of(ecs), f"{ARN}:6", 0)
    assert (went_to(ecs), ecs.alarms_on()) == (["7", "6"], [False, True])


def test_a_move_to_a_newer_revision_turns_alarms_on(ecs: FakeEcs) -> None:
    back(ecs)
    back(ecs, version="v1.2.3")
    assert ecs.alarms_on() == [False, True]


def test_a_rollback_of_the_first_deploy_turns_alarms_off(ecs: FakeEcs) -> None:
    back(ecs, revision=BASE)
    assert ecs.alarms_on() == [False]


def test_a_rollback_that_ecs_gave_up_is_started_again(site: Site) -> None:
    site.ecs = ecs = FakeEcs(runs=OLD)
    ecs.service["deployments"] = [ecs.deployment(OLD, "FAILED")]
    back(ecs, revision=OLD, leave=NEW)
    assert (went_to(ecs), ecs.alarms_on()) == (["7"], [False])


def test_a_second_rollback_does_nothing(ecs: FakeEcs, capsys: pytest.CaptureFixture[str]) -> None:
    back(ecs)
    back(ecs)
    assert went_to(ecs) == ["7"]
    assert "since it was rolled back from v1.2.3" in capsys.readouterr().out


def test_a_second_rollback_to_the_same_version_moves_nothing(ecs: FakeEcs, site: Site) -> None:
    back(ecs, version="v1.2.2")
    back(ecs, version="v1.2.2")
    assert went_to(ecs) == ["7"]
    assert len(site.told) == 1


def test_a_rollback_is_undone_by_choosing_the_newer_version(ecs: FakeEcs, site: Site) -> None:
    back(ecs)
    back(ecs, version="v1.2.3")
    assert went_to(ecs) == ["7", "8"]
    assert "--rollback" not in ecs.calls[-1][1]["--overrides"]
    back(ecs)
    assert went_to(ecs) == ["7", "8", "7"]


def test_a_rollback_by_ecs_is_awaited_recorded_and_tagged(site: Site) -> None:
    site.ecs = ecs = FakeEcs(runs=OLD)
    ecs.tags[8] = {}
    back(ecs, revision=OLD, leave=NEW)
    assert [action for action, _ in ecs.calls] == ["run-task"]
    assert ecs.tags[8]["rolled-back-to"] == "7"


def test_a_service_that_somebody_moved_in_the_meantime_is_left_alone(ecs: FakeEcs) -> None:
    with pytest.raises(Failure, match=r"runs v1.2.3 \(revision 8, .* now"):
        back(ecs, revision="6", leave=OLD)
    assert ecs.calls == []


def test_a_deployment_in_progress_is_stopped(ecs: FakeEcs) -> None:
    ecs.service["deployments"] = [ecs.deployment(NEW, "IN_PROGRESS")]
    ecs.service_deployments = [{"serviceDeploymentArn": "arn:service-deployment/x"}]
    back(ecs)
    assert ecs.calls[0][0] == "stop-service-deployment"
    assert went_to(ecs) == []


def test_a_deployment_that_can_not_be_stopped_is_replaced(ecs: FakeEcs) -> None:
    ecs.service["deployments"] = [ecs.deployment(NEW, "IN_PROGRESS")]
    back(ecs)
    assert went_to(ecs) == ["7"]


def test_a_rollback_succeeds_when_slack_does_not_answer(
    ecs: FakeEcs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "http://127.0.0.1:1")
    assert back(ecs)
    assert "Slack was not notified: " in capsys.readouterr().out


def test_a_rollback_by_more_than_one_version_prints_a_warning(
    ecs: FakeEcs, capsys: pytest.CaptureFixture[str]
) -> None:
    back(ecs, version="v1.2.1")
    assert "a contract step since then may have dropped" in capsys.readouterr().out
    back(ecs, version="v1.2.3")
    back(ecs)
    assert "a contract step" not in capsys.readouterr().out


# --- what becomes of it when something fails after the service has moved

AGAIN = "Run scripts/rollback staging --revision 7 --from 8"


def other_site(body: dict[str, str]) -> Any:
    return answering(http(json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            {"status": "ok", "commit": "ff", "environment": "production"},
            "{} leads to production, not to staging: it runs ff",
        ),
        ({"status": "ok", "commit": "ff"}, f"{{}} runs ff, not {commit(7)}"),
    ],
)
def test_the_load_balancer_is_asked_if_the_url_is_wrong(
    ecs: FakeEcs,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    body: dict[str, str],
    problem: str,
) -> None:
    know_balancer(site)
    with other_site(body) as url:
        monkeypatch.setenv("APP_URL", url)
        assert not back(ecs)
    assert (recorded(ecs), ecs.tags[8]["rolled-back-to"]) == (["7 --rollback"], "7")
    assert ecs.tags[7]["verified"] > ecs.tags[8]["rolled-back"]
    assert site.hosts == ["staging.example.com"] * 3
    (text,) = site.told
    assert text.endswith(
        f", confirmed by ECS and the load balancer, but {problem.format(url)}."
        " Correct APP_URL of staging"
    )


def test_a_url_with_the_right_version_that_is_not_ready_is_not_wrong(
    ecs: FakeEcs, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    know_balancer(site)
    with other_site({"status": "failed", "commit": commit(7)}) as url:
        monkeypatch.setenv("APP_URL", url)
        with pytest.raises(Failure, match=f"confirmed by ECS only, but {url} is not ready"):
            back(ecs)
    assert site.hosts == []


def test_the_load_balancer_is_asked_if_the_url_does_not_answer(
    ecs: FakeEcs, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    know_balancer(site)
    monkeypatch.setenv("APP_URL", "http://127.0.0.1:1")
    assert not back(ecs)
    assert recorded(ecs) == ["7 --rollback"]
    assert re.search(r"load balancer, but http://127\.0\.0\.1:1/.* refused\. ", site.told[0])


def test_the_load_balancer_is_asked_for_a_host_that_the_version_allows(
    ecs: FakeEcs, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    know_balancer(site)
    monkeypatch.setenv("APP_URL", "http://127.0.0.1:1")
    ecs.hosts = ".old.example.com,older.example.com"
    back(ecs)
    assert site.hosts == ["old.example.com"] * 3


def test_the_url_of_the_stack_is_the_default(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    know_balancer(site)
    monkeypatch.delenv("APP_URL")
    monkeypatch.setitem(site.ecs.outputs, "Url", f"http://127.0.0.1:{site.server_port}")
    assert back(site.ecs)


@pytest.mark.parametrize("balancer", [True, False])
def test_an_unverified_rollback_is_recorded_and_completed_by_the_next_run(
    ecs: FakeEcs, site: Site, balancer: bool
) -> None:
    if balancer:
        know_balancer(site)
    site.status = "failed"
    with pytest.raises(Failure, match=rf"confirmed by ECS only, but .* is not ready: .*{AGAIN}"):
        back(ecs)
    assert recorded(ecs) == ["7 --rollback"]
    assert ecs.tags[7]["verified"] < ecs.tags[8]["rolled-back"]
    site.status = "ok"
    assert back(ecs)
    assert went_to(ecs) == ["7"]
    assert ecs.tags[7]["verified"] > ecs.tags[8]["rolled-back"]
    assert [text.partition("), ")[2][:8] for text in site.told] == ["confirme", "verified"]


def test_a_failed_recording_is_reported_and_repeated_by_the_next_run(
    ecs: FakeEcs, site: Site
) -> None:
    ecs.task["containers"] = [ecs.container(1)]
    assert not back(ecs)
    assert "verified, but the release is not recorded as live: python manage.py" in site.told[0]
    assert site.told[0].endswith(f". {AGAIN}")
    ecs.task["containers"] = [ecs.container(0)]
    assert back(ecs)
    assert recorded(ecs) == ["7 --rollback"] * 2


def test_a_failed_mark_is_reported_with_the_command_that_repeats_it(
    ecs: FakeEcs, site: Site
) -> None:
    ecs.denied = {"tag-resource": "AccessDenied"}
    assert not back(ecs)
    assert recorded(ecs) == ["7 --rollback"]
    assert "revision 8, commit 000000000000) is not marked as rolled back: " in site.told[0]
    assert site.told[0].endswith(f". {AGAIN}")
    ecs.denied = {}
    assert back(ecs, revision="7", leave="8")
    assert went_to(ecs) == ["7"]
    assert ecs.tags[7]["verified"] > ecs.tags[8]["rolled-back"]


def test_credentials_that_expire_after_the_move_do_not_hide_its_success(
    ecs: FakeEcs, site: Site
) -> None:
    expired = dict.fromkeys(["run-task", "describe-tasks"], "ExpiredTokenException")
    ecs.denied = expired
    assert not back(ecs)
    assert (
        "verified, but the release is not recorded as live: aws ecs run-task: Expired"
        in site.told[0]
    )


def test_credentials_that_expire_during_the_move_leave_the_rest_to_the_next_run(
    ecs: FakeEcs, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expire(self: Service, deployment: str, seconds: float) -> None:
        raise Failure("ExpiredTokenException")

    with monkeypatch.context() as expired:
        expired.setattr(Service, "wait", expire)
        with pytest.raises(Failure, match="ExpiredToken"):
            back(ecs)
    assert (went_to(ecs), recorded(ecs), site.told) == (["7"], [], [])
    assert back(ecs)
    assert (went_to(ecs), recorded(ecs), len(site.told)) == (["7"], ["7 --rollback"], 1)


def test_a_rollback_that_is_killed_at_any_time_is_completed_by_the_next_run(site: Site) -> None:
    for end in itertools.count(1):
        site.ecs = ecs = MortalEcs(runs=NEW)
        site.told.clear()
        was_killed = run_killed(ecs.kill_switch, end, lambda: back(ecs))  # noqa: B023
        assert (went_to(ecs), ecs.alarms_on()) == (["7"], [False])
        assert recorded(ecs)[-1] == "7 --rollback"
        assert ecs.tags[7]["verified"] > ecs.tags[8]["rolled-back"]
        assert [text.rpartition(", ")[2] for text in site.told] == ["verified"]
        if not was_killed:
            break
    assert end > 10


@pytest.mark.parametrize(("done", "code"), [(True, 0), (False, 3)])
def test_the_exit_code_says_whether_something_is_left_to_do(done: bool, code: int) -> None:
    program = (
        f"from delivery.deploy import rollback as r; r.roll_back = lambda *a, **k: {done}; r.main()"
    )
    command = [sys.executable, "-c", program, "staging"]
    assert subprocess.run(command, cwd=ROOT).returncode == code


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_rollback_says_how_to_complete_it(
    tmp_path: Path, kill: signal.Signals
) -> None:
    aws, asked = tmp_path / "aws", tmp_path / "asked"
    aws.write_text(f"#!/bin/sh\ntouch {asked}\nexec sleep 60\n")
    aws.chmod(0o755)
    environ = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    # Not by the script: python3 may be a shim that puts another `aws` first.
    command = [sys.executable, "-m", "delivery.deploy.rollback", "staging"]
    in_background = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command]
    with subprocess.Popen(
        in_background, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True
    ) as process:
        while not asked.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(kill)
        _, said = process.communicate()
    assert said == "scripts/rollback: interrupted. To complete it, run this again\n"
    assert process.returncode == 1


# --- what it refuses


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"version": "v9.9.9"}, "v9.9.9 never ran here"),
        ({"revision": "9"}, "there is no revision 9 of myapp-staging-task"),
        ({"revision": "myapp-production-task:7"}, "'myapp-production-task:7' is not a revision of"),
        ({"revision": "v1.2.2"}, "'v1.2.2' is not a revision of"),
    ],
)
def test_an_unknown_version_or_revision_is_reported(
    ecs: FakeEcs, words: dict[str, str], problem: str
) -> None:
    with pytest.raises(Failure, match=problem):
        back(ecs, **words)
    assert ecs.calls == []


def test_a_rollback_without_an_earlier_version_is_refused(ecs: FakeEcs) -> None:
    ecs.tags = {number: {} for number in ecs.tags}
    with pytest.raises(Failure, match="no version to return to"):
        back(ecs)


def test_a_rollback_before_the_first_deploy_is_refused(site: Site) -> None:
    with pytest.raises(Failure, match="nothing was deployed to staging yet"):
        back(FakeEcs(runs=BASE))


def test_a_missing_image_is_reported_before_the_move(ecs: FakeEcs) -> None:
    ecs.images.remove("myapp-staging:v1.2.2")
    with pytest.raises(
        Failure, match=r"image is no longer in the registry: .*myapp-staging:v1.2.2"
    ):
        back(ecs)
    assert (ecs.calls, ecs.tags[8].get("rolled-back")) == ([], None)


def test_a_missing_address_is_reported_before_the_move(
    ecs: FakeEcs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("APP_URL")
    with pytest.raises(Failure, match="AccessDenied"):
        back(ecs)
    assert ecs.calls == []


@pytest.mark.parametrize(("answer", "moves"), [("n", []), ("", []), ("y", ["7"])])
def test_a_rollback_needs_a_confirmation(
    ecs: FakeEcs, monkeypatch: pytest.MonkeyPatch, answer: str, moves: list[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda question: answer)
    try:
        roll_back("staging", service_of(ecs), seconds=0)
    except Failure as failure:
        assert "stays as it is" in str(failure)
    assert went_to(ecs) == moves


def test_no_answer_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(question: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    assert command.confirm("Apply these changes?") is False


def test_a_version_together_with_a_revision_is_refused() -> None:
    words = ("staging", "--to", "v1.2.2", "--revision", "7")
    done = run_here("scripts/rollback", *words)
    assert (done.returncode, "not allowed with argument" in done.stderr) == (2, True)


# --- what deploys leave for it


def test_a_deploy_is_marked_as_verified(ecs: FakeEcs) -> None:
    ecs.tags[8] = {}
    mark(History(ecs, "myapp-staging-task"), NEW, OLD)
    assert (list(ecs.tags[8]), list(ecs.tags[7])) == (["verified"], ["verified"])


def test_a_deploy_of_a_lower_version_is_marked_as_a_rollback(ecs: FakeEcs) -> None:
    mark(History(ecs, "myapp-staging-task"), OLD, NEW)
    assert ecs.tags[8]["rolled-back-to"] == "7"
    assert ecs.tags[7]["verified"] > ecs.tags[8]["rolled-back"]


def test_the_first_deploy_is_marked_as_verified(ecs: FakeEcs) -> None:
    mark(History(ecs, "myapp-staging-task"), NEW, BASE)
    assert ecs.tags[8]["verified"] > "2026-01-09"

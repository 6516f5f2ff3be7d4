"""scripts/rollback: where it goes, what it leaves behind, and what it refuses."""

import json
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from scripts import actions
from scripts.aws import Failure
from scripts.ecs import Service
from scripts.mark_verified import mark
from scripts.revisions import History
from scripts.rollback import roll_back
from tests.delivery.fake_ecs import ARN, BASE, NEW, OLD, VERSIONS, FakeEcs, commit

ROOT = Path(__file__).resolve().parents[2]


class Site(HTTPServer):
    """What the load balancer leads to, and Slack: /health/ says what the service runs."""

    ecs: FakeEcs
    runs: str = ""
    told: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        number = int(self.server.ecs.service["taskDefinition"].rpartition(":")[2])
        self.answer({"status": "ok", "commit": self.server.runs or commit(number)})

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
        server.ecs, server.told = FakeEcs(runs=NEW), []
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("APP_URL", url)
        monkeypatch.setenv("SLACK_WEBHOOK_URL", url)
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def ecs(site: Site) -> FakeEcs:
    """An ECS that runs revision 8, v1.2.3."""
    return site.ecs


def back(ecs: FakeEcs, version: str = "", revision: str = "", leave: str = "") -> None:
    named = {"version": version, "revision": revision, "leave": leave}
    roll_back("staging", service_of(ecs), **named, yes=True, seconds=0)


def service_of(ecs: FakeEcs) -> Service:
    return Service(ecs, "myapp-staging-cluster", "myapp-staging-service")


def went_to(ecs: FakeEcs) -> list[str]:
    return [move["--task-definition"].rpartition(":")[2] for move in ecs.moves()]


# --- where it goes


def test_without_a_name_it_goes_to_what_ran_well_before(ecs: FakeEcs) -> None:
    back(ecs)
    assert went_to(ecs) == ["7"]
    assert "--desired-count" not in ecs.moves()[0]


@pytest.mark.parametrize(
    "words",
    [{"version": "v1.2.1"}, {"version": commit(6)}, {"revision": "6"}, {"revision": f"{ARN}:6"}],
)
def test_a_version_or_a_revision_can_be_named(ecs: FakeEcs, words: dict[str, str]) -> None:
    back(ecs, **words)
    assert went_to(ecs) == ["6"]


def test_what_was_never_verified_is_passed_over(ecs: FakeEcs) -> None:
    ecs.tags[7] = {}
    back(ecs)
    assert went_to(ecs) == ["6"]


def test_what_was_rolled_back_is_passed_over_with_what_it_had_replaced(ecs: FakeEcs) -> None:
    ecs.tags[7] |= {"rolled-back": "2026-01-07T13:00:00.000+00:00", "rolled-back-to": "5"}
    back(ecs)
    assert went_to(ecs) == ["5"]


def test_what_was_deployed_again_after_a_rollback_is_good_again(ecs: FakeEcs) -> None:
    ecs.tags[7] |= {"rolled-back": "2026-01-07T11:00:00.000+00:00", "rolled-back-to": "5"}
    back(ecs)
    assert went_to(ecs) == ["7"]


def test_the_same_image_under_another_revision_is_no_way_back(
    ecs: FakeEcs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VERSIONS, 7, "v1.2.3")
    back(ecs)
    assert went_to(ecs) == ["6"]


def test_a_rollback_of_the_first_deploy_leaves_no_task(ecs: FakeEcs) -> None:
    back(ecs, revision=BASE)
    ((_, move),) = ecs.calls
    assert (move["--task-definition"], move["--desired-count"]) == (BASE, "0")


# --- what it does


def test_a_rollback_is_recorded_noted_and_told(ecs: FakeEcs, site: Site) -> None:
    back(ecs)
    (override,) = json.loads(ecs.calls[-1][1]["--overrides"])["containerOverrides"]
    assert override["command"] == ["python", "manage.py", "record_release", "--rollback"]
    assert ecs.calls[-1][1]["--task-definition"] == OLD
    assert ecs.tags[8]["rolled-back-to"] == "7"
    assert ecs.tags[7]["verified"] > ecs.tags[8]["rolled-back"] > ecs.tags[8]["verified"]
    (text,) = site.told
    assert text.startswith("staging: rolled back from v1.2.3 to v1.2.2 (revision 7, commit 0000")


def test_a_second_run_does_nothing(ecs: FakeEcs, capsys: pytest.CaptureFixture[str]) -> None:
    back(ecs)
    back(ecs)
    assert went_to(ecs) == ["7"]
    assert "since it was rolled back from v1.2.3" in capsys.readouterr().out


def test_a_second_run_with_a_name_makes_sure_and_moves_nothing(ecs: FakeEcs, site: Site) -> None:
    back(ecs, version="v1.2.2")
    back(ecs, version="v1.2.2")
    assert went_to(ecs) == ["7"]
    assert len(site.told) == 1


def test_a_run_that_was_killed_is_finished_by_the_next(ecs: FakeEcs, site: Site) -> None:
    site.runs = "something else"
    with pytest.raises(Failure, match="runs something else"):
        back(ecs)
    site.runs = ""
    back(ecs)
    assert went_to(ecs) == ["7"]
    assert [text.partition(" (")[0] for text in site.told] == [
        "staging: rolled back from v1.2.3 to v1.2.2"
    ]


def test_a_rollback_is_undone_by_name(ecs: FakeEcs, site: Site) -> None:
    back(ecs)
    back(ecs, version="v1.2.3")
    assert went_to(ecs) == ["7", "8"]
    assert "--rollback" not in ecs.calls[-1][1]["--overrides"]
    back(ecs)
    assert went_to(ecs) == ["7", "8", "7"]


def test_what_ecs_returned_to_itself_is_waited_for_recorded_and_noted(site: Site) -> None:
    site.ecs = ecs = FakeEcs(runs=OLD)
    ecs.tags[8] = {}
    back(ecs, revision=OLD, leave=NEW)
    assert [action for action, _ in ecs.calls] == ["run-task"]
    assert ecs.tags[8]["rolled-back-to"] == "7"


def test_what_somebody_moved_meanwhile_is_left_alone(ecs: FakeEcs) -> None:
    with pytest.raises(Failure, match=r"runs v1.2.3 \(revision 8, .* meanwhile"):
        back(ecs, revision="6", leave=OLD)
    assert ecs.calls == []


def test_a_deployment_under_way_is_stopped(ecs: FakeEcs) -> None:
    ecs.service["deployments"] = [ecs.deployment(NEW, "IN_PROGRESS")]
    ecs.service_deployments = [{"serviceDeploymentArn": "arn:service-deployment/x"}]
    back(ecs)
    assert ecs.calls[0][0] == "stop-service-deployment"
    assert went_to(ecs) == []


def test_a_deployment_that_can_not_be_stopped_is_replaced(ecs: FakeEcs) -> None:
    ecs.service["deployments"] = [ecs.deployment(NEW, "IN_PROGRESS")]
    back(ecs)
    assert went_to(ecs) == ["7"]


def test_a_rollback_that_can_not_be_recorded_is_still_one(
    ecs: FakeEcs, capsys: pytest.CaptureFixture[str]
) -> None:
    ecs.task["containers"] = [ecs.container(1)]
    back(ecs)
    assert "not recorded as live: python manage.py" in capsys.readouterr().out


def test_a_slack_that_does_not_answer_harms_nobody(
    ecs: FakeEcs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "http://127.0.0.1:1")
    back(ecs)
    assert "Slack was not told: " in capsys.readouterr().out


def test_further_back_than_one_version_is_said(
    ecs: FakeEcs, capsys: pytest.CaptureFixture[str]
) -> None:
    back(ecs, version="v1.2.1")
    assert "a contract step since then may have dropped" in capsys.readouterr().out
    back(ecs, version="v1.2.3")
    back(ecs)
    assert "a contract step" not in capsys.readouterr().out


# --- what it refuses


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"version": "v9.9.9"}, "v9.9.9 never ran here"),
        ({"revision": "9"}, "there is no revision 9 of myapp-staging-task"),
        ({"revision": "myapp-production-task:7"}, "'myapp-production-task:7' is no revision of"),
        ({"revision": "v1.2.2"}, "'v1.2.2' is no revision of"),
    ],
)
def test_what_does_not_exist_is_named(ecs: FakeEcs, words: dict[str, str], problem: str) -> None:
    with pytest.raises(Failure, match=problem):
        back(ecs, **words)
    assert ecs.calls == []


def test_nothing_to_go_back_to_is_said(ecs: FakeEcs) -> None:
    ecs.tags = {number: {} for number in ecs.tags}
    with pytest.raises(Failure, match="nothing to go back to"):
        back(ecs)


def test_an_environment_without_a_deploy_has_nothing_to_go_back_from(site: Site) -> None:
    with pytest.raises(Failure, match="nothing was deployed to staging yet"):
        back(FakeEcs(runs=BASE))


def test_an_image_that_is_gone_is_named_before_anything_moves(ecs: FakeEcs) -> None:
    ecs.images.remove("myapp-staging:v1.2.2")
    with pytest.raises(Failure, match=r"image is gone from the registry: .*myapp-staging:v1.2.2"):
        back(ecs)
    assert (ecs.calls, ecs.tags[8].get("rolled-back")) == ([], None)


def test_an_address_that_aws_does_not_tell_is_missed_before_anything_moves(
    ecs: FakeEcs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("APP_URL")
    with pytest.raises(Failure, match="AccessDenied"):
        back(ecs)
    assert ecs.calls == []


@pytest.mark.parametrize(("answer", "moves"), [("n", []), ("", []), ("y", ["7"])])
def test_it_asks_first(
    ecs: FakeEcs, monkeypatch: pytest.MonkeyPatch, answer: str, moves: list[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda question: answer)
    try:
        roll_back("staging", service_of(ecs), seconds=0)
    except Failure as failure:
        assert "stays as it is" in str(failure)
    assert went_to(ecs) == moves


def test_nobody_there_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(question: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    assert actions.confirm("Make it so?") is False


def test_a_version_and_a_revision_at_once_are_refused() -> None:
    words = ["scripts/rollback", "staging", "--to", "v1.2.2", "--revision", "7"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, "not allowed with argument" in done.stderr) == (2, True)


# --- what deploys leave for it


def test_a_deploy_is_noted_as_verified(ecs: FakeEcs) -> None:
    ecs.tags[8] = {}
    mark(History(ecs, "myapp-staging-task"), NEW, OLD)
    assert (list(ecs.tags[8]), list(ecs.tags[7])) == (["verified"], ["verified"])


def test_a_deploy_of_a_lower_version_is_noted_as_a_rollback(ecs: FakeEcs) -> None:
    mark(History(ecs, "myapp-staging-task"), OLD, NEW)
    assert ecs.tags[8]["rolled-back-to"] == "7"
    assert ecs.tags[7]["verified"] > ecs.tags[8]["rolled-back"]


def test_the_first_deploy_has_nothing_before_it(ecs: FakeEcs) -> None:
    mark(History(ecs, "myapp-staging-task"), NEW, BASE)
    assert ecs.tags[8]["verified"] > "2026-01-09"

"""scripts/watch-deployment: which metrics roll a deployment back, and which do not."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from delivery.aws.ecs import Service
from delivery.deploy.report_outcome import outcome
from delivery.deploy.watch_deployment import GOOD, INVESTIGATE, ROLL_BACK, Watch, conclude, queries
from delivery.errors import Failure
from tests.delivery.cloudformation import Resolver
from tests.delivery.fake_ecs import NEW, OLD, FakeEcs
from tests.delivery.in_process import run_here

ROOT = Path(__file__).resolve().parents[3]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
ARN = "arn:aws:elasticloadbalancing:us-east-1:1"
BALANCER, GROUP = "app/myapp-staging/0a1b", "targetgroup/myapp-staging/2c3d"
FINE = {"counted": 100.0, "p95": 0.2}
BAD = {"counted": 100.0, "target5xx": 10.0, "p95": 0.2}


class FakeCloudWatch(FakeEcs):
    """A service that moved at noon, with the metrics of each minute since; before, all was good."""

    def __init__(self, *minutes: dict[str, float]) -> None:
        super().__init__(runs=NEW)
        self.minutes = minutes
        self.before = FINE
        self.time = NOON + 20
        self.looks = 0
        self.gives_up = False
        self.fails: set[int] = set()
        self.late = 0  # minutes after its end at which a minute has figures
        self.service["loadBalancers"] = [{"targetGroupArn": f"{ARN}:{GROUP}"}]
        self.service["deployments"][0]["createdAt"] = "2026-01-01T12:00:00+00:00"

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        if self.gives_up:
            self.service["deployments"] = [self.deployment(OLD)]

    def describe_target_groups(self, options: Mapping[str, str]) -> Any:
        assert options["--target-group-arns"] == f"{ARN}:{GROUP}"
        return {"TargetGroups": [{"LoadBalancerArns": [f"{ARN}:loadbalancer/{BALANCER}"]}]}

    def get_metric_data(self, options: Mapping[str, str]) -> Any:
        self.looks += 1
        if self.looks in self.fails:
            raise Failure("aws cloudwatch get-metric-data: Rate exceeded")
        found: dict[str, dict[str, Any]] = {}
        times = [datetime.fromisoformat(options[f"--{end}-time"]) for end in ("start", "end")]
        begin, end = (moment.timestamp() for moment in times)
        assert begin % 60 == end % 60 == 0
        for moment in range(int(begin), int(end), 60):
            number = int(moment - NOON) // 60
            known = 0 <= number < len(self.minutes)
            figures = self.minutes[number] if known else self.before if number < 0 else {}
            if moment + (1 + self.late) * 60 > self.time:
                figures = {}
            for name, value in figures.items():
                result = found.setdefault(name, {"Id": name, "Timestamps": [], "Values": []})
                result["Timestamps"].append(datetime.fromtimestamp(moment, UTC).isoformat())
                result["Values"].append(value)
        return {"MetricDataResults": list(found.values())}


def watched(cloud: FakeCloudWatch, minutes: int = 6) -> tuple[str, str]:
    service = Service(cloud, "myapp-staging-cluster", "myapp-staging-service")
    return Watch("staging", service, 60, lambda: cloud.time, cloud.sleep).watch(minutes)


def verdict(*minutes: dict[str, float]) -> str:
    return watched(FakeCloudWatch(*minutes))[0]


def test_unchanged_figures_are_good(capsys: pytest.CaptureFixture[str]) -> None:
    cloud = FakeCloudWatch(*[FINE | {"cpu": 31.4}] * 6)
    assert watched(cloud) == (GOOD, "600 requests")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "myapp-staging-task:8 is watched; p95 before the deploy: 200 ms"
    said = "100 requests, 0.0 % failed, p95 200 ms, 0 unhealthy, cpu 31 %"
    assert lines[1:] == [f"minute {number}: {said}" for number in range(1, 7)]
    # One call a minute, one for the time before, and two until nothing can come any more.
    assert (cloud.looks, cloud.time) == (9, NOON + 20 + 9 * 60)


def test_errors_for_five_minutes_roll_back_at_once() -> None:
    cloud = FakeCloudWatch(FINE, *[BAD] * 20)
    assert watched(cloud, 20) == (ROLL_BACK, "over 5 % of answers were 5xx, for 5 minutes")
    assert cloud.time == NOON + 20 + 7 * 60


def test_errors_of_the_load_balancer_count() -> None:
    assert verdict(*[{"balancer5xx": 3.0}] * 6) == ROLL_BACK


def test_errors_in_both_minutes_of_a_short_watch_roll_back() -> None:
    assert watched(FakeCloudWatch(BAD, BAD), 2)[0] == ROLL_BACK


@pytest.mark.parametrize("late", [1, 2, 3])
def test_errors_with_late_figures_roll_back(late: int) -> None:
    cloud = FakeCloudWatch(*[BAD] * 5)
    cloud.late = late
    assert watched(cloud, 5)[0] == ROLL_BACK
    cloud = FakeCloudWatch(BAD, BAD)
    cloud.late = late
    assert watched(cloud, 2)[0] == ROLL_BACK


@pytest.mark.parametrize("absent", range(5))
def test_errors_in_four_of_five_minutes_roll_back_if_the_fifth_has_no_figures(absent: int) -> None:
    minutes = [BAD] * 5
    minutes[absent] = {}
    reason = "over 5 % of answers were 5xx, for 5 minutes, 1 of them without figures"
    assert watched(FakeCloudWatch(*minutes), 5) == (ROLL_BACK, reason)
    assert watched(FakeCloudWatch(FINE, *minutes), 6) == (ROLL_BACK, reason)


def test_errors_roll_back_even_if_ecs_does_not_answer() -> None:
    cloud = FakeCloudWatch(BAD, BAD)
    wait = cloud.sleep

    def sleep(seconds: float) -> None:
        wait(seconds)
        cloud.denied = {"describe-services": "Rate exceeded"}

    cloud.sleep = sleep  # type: ignore[method-assign]
    assert watched(cloud, 2) == (ROLL_BACK, "over 5 % of answers were 5xx, for 2 minutes")


@pytest.mark.parametrize("minutes", [[BAD, {}], [BAD, BAD, BAD, {}, {}], [{}, {}, BAD, {}, {}]])
def test_errors_in_too_few_minutes_with_figures_are_to_be_investigated(minutes: Any) -> None:
    assert watched(FakeCloudWatch(*minutes), len(minutes))[0] == INVESTIGATE


def test_figures_that_arrive_after_others_of_their_minute_count() -> None:
    cloud = FakeCloudWatch(BAD, {"counted": 100.0})
    wait = cloud.sleep

    def sleep(seconds: float) -> None:
        wait(seconds)
        if cloud.time >= NOON + 20 + 5 * 60:
            cloud.minutes = (BAD, BAD)

    cloud.sleep = sleep  # type: ignore[method-assign]
    assert watched(cloud, 2)[0] == ROLL_BACK


def test_a_minute_without_figures_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    cloud = FakeCloudWatch(FINE, FINE)
    cloud.late = 2
    watched(cloud, 2)
    said = "100 requests, 0.0 % failed, p95 200 ms, 0 unhealthy"
    assert capsys.readouterr().out.splitlines()[1:] == [
        "minute 1: no figures yet",
        f"minute 1: {said}",
        "minute 2: no figures yet",
        f"minute 2: {said}",
    ]


def test_errors_in_four_of_five_minutes_are_to_be_investigated() -> None:
    assert verdict(BAD, BAD, BAD, BAD, FINE, BAD) == INVESTIGATE


@pytest.mark.parametrize(
    ("errors", "expected"), [(1.0, GOOD), (1.1, INVESTIGATE), (5.0, INVESTIGATE)]
)
def test_between_one_and_five_percent_are_to_be_investigated(errors: float, expected: str) -> None:
    assert verdict(*[FINE | {"target5xx": errors}] * 6) == expected


def test_a_failing_health_check_rolls_back_after_two_minutes() -> None:
    cloud = FakeCloudWatch(FINE, *[FINE | {"unhealthy": 1.0}] * 5)
    assert watched(cloud) == (ROLL_BACK, "a task failed its health check, for 2 minutes")
    assert cloud.time == NOON + 20 + 4 * 60


def test_a_health_check_that_fails_for_one_minute_does_not_roll_back() -> None:
    assert verdict(FINE | {"unhealthy": 1.0}, FINE, FINE, FINE, FINE, FINE) == GOOD


def test_a_deployment_that_ecs_gave_up_is_rolled_back() -> None:
    cloud = FakeCloudWatch(*[FINE] * 6)
    cloud.gives_up = True
    assert watched(cloud) == (ROLL_BACK, "ECS moved to myapp-staging-task:7 in the meantime")


@pytest.mark.parametrize(
    ("before", "p95", "expected"),
    [
        (0.2, 0.24, GOOD),
        (0.2, 0.26, INVESTIGATE),
        (0.01, 0.04, GOOD),
        (0.6, 0.5, GOOD),
        (0.6, 0.51, INVESTIGATE),
    ],
)
def test_slower_answers_are_to_be_investigated(before: float, p95: float, expected: str) -> None:
    cloud = FakeCloudWatch(*[FINE | {"p95": p95}] * 6)
    cloud.before = FINE | {"p95": before}
    assert watched(cloud)[0] == expected


def test_one_slow_minute_or_few_slow_requests_are_good() -> None:
    assert verdict(FINE, FINE | {"p95": 3.0}, FINE, FINE, FINE, FINE) == GOOD
    assert verdict(*[{"counted": 19.0, "p95": 3.0}] * 6) == GOOD


def test_no_traffic_is_good_and_reported() -> None:
    assert watched(FakeCloudWatch(), 3) == (GOOD, "no traffic")


def test_the_next_query_makes_up_for_a_failed_one(capsys: pytest.CaptureFixture[str]) -> None:
    cloud = FakeCloudWatch(*[BAD] * 6)
    cloud.fails = {3}
    assert watched(cloud)[0] == ROLL_BACK
    assert "query 2 failed: aws cloudwatch" in capsys.readouterr().out


def test_a_watch_without_any_figures_fails() -> None:
    cloud = FakeCloudWatch(*[FINE] * 6)
    cloud.fails = set(range(2, 12))
    with pytest.raises(Failure, match=r"nothing could be watched: .*Rate exceeded"):
        watched(cloud)


def test_a_slow_query_does_not_shift_the_watched_minutes() -> None:
    cloud = FakeCloudWatch(BAD, BAD, *[FINE] * 9)
    ask = cloud.get_metric_data

    def slow(options: Mapping[str, str]) -> Any:
        cloud.time += 130 * (cloud.looks > 0)
        return ask(options)

    cloud.get_metric_data = slow  # type: ignore[method-assign]
    assert watched(cloud, 2)[0] == ROLL_BACK


def test_a_faster_clock_shortens_the_watch() -> None:
    cloud = FakeCloudWatch(*[FINE] * 6)
    cloud.time = NOON
    service = Service(cloud, "myapp-staging-cluster", "myapp-staging-service")
    Watch("staging", service, 6, lambda: cloud.time, cloud.sleep).watch(6)
    assert cloud.time == NOON + 9 * 6


def test_the_watch_reads_the_metrics_of_the_alarms() -> None:
    monitoring = Resolver("monitoring", "staging", LoadBalancerName=BALANCER, TargetGroupName=GROUP)
    asked = {query["Id"]: query["MetricStat"] for query in queries("staging", BALANCER, GROUP)}
    watched = [
        query["MetricStat"]
        for name in ("ErrorsAbove5Percent", "SlowAnswers")
        for query in monitoring.resource(name)["Metrics"]
        if query.get("MetricStat", {}).get("Stat") in ("Sum", "p95")
    ]
    alarm = monitoring.resource("UnhealthyTargets")
    metric = {part: alarm[part] for part in ("Namespace", "MetricName", "Dimensions")}
    watched.append({"Metric": metric, "Period": alarm["Period"], "Stat": alarm["Statistic"]})
    assert len(watched) == 5
    assert all(stat in asked.values() for stat in watched)


def test_a_watch_of_zero_minutes_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    cloud = FakeCloudWatch()
    service = Service(cloud, "myapp-staging-cluster", "myapp-staging-service")
    assert conclude(Watch("staging", service, 60), 0) == GOOD
    assert (capsys.readouterr().out, cloud.looks) == ("not watched: --minutes 0\n", 0)


@pytest.mark.parametrize(
    "words", [["--minutes", "-1"], ["--minutes", "many"], ["--minutes", "5", "--period", "0"]]
)
def test_an_invalid_duration_is_refused(words: list[str]) -> None:
    done = run_here("scripts/watch-deployment", "staging", *words)
    assert (done.returncode, " number of " in done.stderr) == (2, True)


def test_a_verdict_to_investigate_reaches_slack() -> None:
    assert outcome("success", True, "", "investigate: p95 is 800 ms") == (
        "deployed. Investigate: p95 is 800 ms"
    )
    assert outcome("success", True, "", "good: 600 requests") == "deployed"

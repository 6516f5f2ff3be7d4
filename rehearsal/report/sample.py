"""Sample rehearsals: one that passed, one that failed, and one that was interrupted."""

from __future__ import annotations

from collections.abc import Sequence

from rehearsal.timeline import (
    Image,
    Job,
    Load,
    Lost,
    Message,
    Outcome,
    Release,
    Sample,
    Second,
    Stage,
    Step,
    Tasks,
    Timeline,
)

OLD = "9d3c1f0a7be24586cf1d2a90b4e7835d61fa20c8"
NEW = "4b1e88d2c07f4c39a5e6d1b20f9a7c3358de6014"
DIGEST = "sha256:6f1d0c4be2a97d53408bfa16c9e2507d81b34e9fa05c67d2138be94f60a7c215"
EARLIER = "sha256:b02e7719ad4c5f80e63d1b98c4fa2057793e16d8bb40c2f5a9617de3084c5f1a"

CHECKOUT = ("Run actions/checkout", 0.6)
CREDENTIALS = ("Configure AWS credentials", 0.4)
SETUP = (CHECKOUT, ("Set up Python", 2.1), ("Install dependencies", 9.4))
TESTS = (
    ("Check migrations", 3.2),
    ("Check production settings", 2.4),
    ("Run tests", 31.7),
    ("Upload coverage", 0.0),
)
DEPLOY = (
    CREDENTIALS,
    ("Login to Amazon ECR", 0.5),
    ("Build, tag, and push image to ECR", 11.2),
    ("Register task definition", 1.5),
    ("Run database migrations", 9.5),
    ("Deploy to ECS", 34.6),
    ("Verify deployment", 2.6),
    ("Notify Slack", 0.4),
)
PROMOTE = tuple(("Promote image", 1.9) if "Build" in name else (name, s) for name, s in DEPLOY)


def job(name: str, started: float, steps: Sequence[tuple[str, float]]) -> Job:
    """Return a job whose steps took these seconds and passed; 0 s means skipped."""
    made = []
    at = started
    for step, seconds in steps:
        outcome: Outcome = "success" if seconds else "skipped"
        made.append(Step(step, at, round(at + seconds, 2), outcome))
        at = round(at + seconds, 2)
    return Job(name, started, at, "success", made)


def stage(name: str, title: str, jobs: list[Job]) -> Stage:
    finished = max(job.finished or 0 for job in jobs)
    return Stage(name, title, jobs[0].started, finished, "success", jobs)


def roll(stage: Stage, started: int, old: str, new: str) -> Stage:
    """Add a rollout of two tasks to a stage, under 60 s of load."""
    stage.load = Load(f"http://{stage.name.split('-')[1][:4]}.elb.localhost", 50)
    for n in range(60):
        by_new = 0 if n < 16 else 50 if n >= 40 else (n - 14) * 2
        answered = {OLD: 50 - by_new, NEW: by_new}
        second = Second(
            started + n,
            {k: v for k, v in answered.items() if v},
            p95_ms=24 + n * n * 7 % 17 + (20 if 0 < by_new < 50 else 0),
        )
        stage.load.seconds.append(second)
        stage.load.requests += 50
    for after, running, healthy in (
        (0, {old: 2}, {old: 2}),
        (6, {old: 2, new: 2}, {old: 2}),
        (15, {old: 2, new: 2}, {old: 2, new: 1}),
        (19, {old: 2, new: 2}, {old: 2, new: 2}),
        (30, {old: 2, new: 2}, {old: 1, new: 2}),
        (34, {old: 1, new: 2}, {old: 1, new: 2}),
        (40, {new: 2}, {new: 2}),
        (60, {new: 2}, {new: 2}),
    ):
        stage.rollout.append(Tasks(started + after, dict(running), dict(healthy)))
    return stage


def passed() -> Timeline:
    """Return the rehearsal of a change that reached production."""
    timeline = Timeline("2026-11-22T14:03:27+00:00", NEW, "v0.2.0", "success", seconds=294.2)
    prepare = [
        ("Build images", 8.3),
        ("Start local AWS", 5.2),
        ("Create staging", 7.9),
        ("Create production", 7.6),
    ]
    pull_request = [
        job("lint", 29, [*SETUP, ("Run linting", 1.8), ("Run type checking", 14.8)]),
        job("security", 57.7, [*SETUP, ("Security check (dependencies)", 6.3)]),
        job("test (MySQL 8.0)", 29, [*SETUP, *TESTS]),
        job("test (MySQL 8.4)", 78.4, [*SETUP, *TESTS]),
    ]
    staging = stage(
        "deploy-staging.yml", "Merge to main", [job("deploy", 129, [CHECKOUT, *DEPLOY])]
    )
    release = [CHECKOUT, ("Extract section of changelog", 0.3), ("Create GitHub Release", 3.0)]
    production = stage(
        "deploy-prod.yml",
        "Tag v0.2.0",
        [
            job("check", 216, [CHECKOUT, ("Extract version from tag", 0.3)]),
            job("deploy", 218, [CHECKOUT, *PROMOTE]),
            job("release", 274, release),
        ],
    )
    timeline.stages = [
        stage("prepare", "Prepare", [job("local AWS", 0, prepare)]),
        stage("test.yml", "Pull request", pull_request),
        roll(staging, 150, "myapp-staging-task:7", "myapp-staging-task:8"),
        roll(production, 228, "myapp-production-task:3", "myapp-production-task:4"),
    ]
    timeline.images = [
        Image("staging", NEW, DIGEST),
        Image("staging", OLD, EARLIER),
        Image("production", "v0.2.0", DIGEST),
    ]
    timeline.releases = [
        Release("production", "v0.2.0", NEW, "2026-11-22T14:07:51Z", "live"),
        Release("production", "v0.1.0", OLD, "2026-11-22T14:03:58Z", "superseded"),
        Release("staging", NEW[:7], NEW, "2026-11-22T14:06:31Z", "live"),
    ]
    timeline.messages = [
        Message(
            192, "Slack", f"staging: {NEW} deployed. https://github.com/acme/shop/actions/runs/1"
        ),
        Message(
            273, "Slack", "production: v0.2.0 deployed. https://github.com/acme/shop/actions/runs/2"
        ),
        Message(
            277,
            "GitHub",
            "Release v0.2.0\n\n### Added\n" + "- A page that shows the live release.\n" * 9,
        ),
    ]
    timeline.offline = [
        "Docker images built from Debian packages: python, mysql, redis and the runner",
        "MySQL 9.7 from Debian instead of 8.0 and 8.4",
        "composite actions instead of 9 actions, which use the AWS CLI",
        "pip-audit could not read the known vulnerabilities",
    ]
    timeline.samples = [
        Sample(float(at), round(at * 1.4, 1), round(at * 1.9, 1), 2310 - abs(150 - at), 0.62)
        for at in range(1, 295)
    ]
    return timeline


LOG = [
    "\x1b[36mWaiting until http://production.elb.localhost/health/ names 4b1e88d\x1b[0m",
    "503 <html><script>alert('not run')</script></html>",
    "503 database: error & cache: ok",
    "scripts/verify-deployment: /health/ did not name 4b1e88d within 30 s",
]


def failed() -> Timeline:
    """Return a rehearsal whose new version stayed unhealthy in production and lost requests."""
    timeline = passed()
    timeline.outcome = "failure"
    timeline.reason = "The rollout in production lost 7 requests; it may lose none."
    timeline.messages = timeline.messages[:1]
    timeline.images.pop()
    production = timeline.stages[-1]
    production.outcome = "failure"
    production.jobs = production.jobs[:2]
    _fail(production.jobs[1])
    assert production.load
    for n, lost in ((18, 1), (24, 4), (25, 2)):
        second = production.load.seconds[n]
        second.lost, second.answered = lost, {OLD: 50 - lost}
        at = second.second + 0.4
        production.load.lost += [Lost(at, "/releases/", "502 Bad Gateway")] * lost
    timeline.messages.append(
        Message(276, "Slack", "production: v0.2.0 failed, rolled back to v0.1.0.")
    )
    production.finished = timeline.seconds = 279.4
    return timeline


def _fail(deploy: Job) -> None:
    deploy.outcome = "failure"
    verify = deploy.steps[-2]
    assert verify.name == "Verify deployment"
    verify.outcome = "failure"
    verify.log = list(LOG)
    deploy.finished = deploy.steps[-1].finished = 279.4


def interrupted() -> Timeline:
    """Return a rehearsal that was interrupted during its tests."""
    timeline = passed()
    timeline.outcome, timeline.reason, timeline.seconds = "running", "Stopped by Ctrl-C.", 71.3
    timeline.stages = timeline.stages[:2]
    tests = timeline.stages[1]
    tests.outcome, tests.finished = "running", None
    tests.jobs = [tests.jobs[0], Job("test (MySQL 8.0)", 29)]
    tests.jobs[1].steps = [Step("Run tests", 46.7, log=["collected 214 items"])]
    timeline.images, timeline.releases, timeline.messages, timeline.offline = [], [], [], []
    return timeline

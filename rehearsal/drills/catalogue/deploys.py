"""Drills of deploy-staging.yml, each of which runs it under load."""

from __future__ import annotations

from collections.abc import Mapping

from rehearsal.drills.context import Injection
from rehearsal.drills.drill import (
    DEPLOYED,
    NOT_MOVED,
    ROLLED_BACK_UNSEEN,
    SHIPPED,
    After,
    Drill,
    not_moved,
    rolled_back,
)
from rehearsal.drills.environment import (
    blank_secret_key,
    break_pages,
    cancel_half_way,
    die_half_way,
    lose_permission,
    lose_variable,
    move_at_the_same_time,
)
from rehearsal.drills.faults import (
    aws,
    cache,
    database,
    end,
    hangs,
    in_background,
    schema,
    stops,
    together,
)
from rehearsal.drills.gates import BUILD, DEPLOY, MIGRATE, NOT_OLDER, VERIFY, WATCH
from rehearsal.drills.killed import kill_and_deploy_again
from rehearsal.drills.scenarios import (
    deploy,
    deploy_older,
    deploy_without_slack,
    ignore_and_replace,
    ship_after,
)
from rehearsal.drills.worktree import append, both, migration, replace
from rehearsal.paths import host

FAILS = """\
def fail(apps, schema_editor):
    raise RuntimeError("these rows can't be converted")

"""
HANGS = """\
def wait(apps, schema_editor):
    time.sleep(3600)

"""
HALF_WAY = """\
def wait(apps, schema_editor):
    print("half way", flush=True)
    time.sleep(60)

"""
ADD = 'migrations.AddField("release", "{}", models.CharField(max_length=9, null=True))'
DROP = "ALTER TABLE releases_release DROP COLUMN {}"
FORGET = "DELETE FROM django_migrations WHERE name LIKE '09%'"

LIVENESS = "apps/health/liveness.py"
SLEEP = "\nimport time\n\ntime.sleep({})\n"
HOG = "\nhog = [b'x' * 10**8 for _ in range(20)]\n"
IGNORE = """
import signal


def when_ready(server: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
"""
NOBODY = "http://127.0.0.1:9"
BROKEN = """\
    if __import__("pathlib").Path("/tmp/broken").exists():
        raise RuntimeError("broken")
    page = requested_page(request)
    live = Release.objects.live_in(settings.APP_ENVIRONMENT)
"""
# Until the job gets new credentials, which it verifies with GetCallerIdentity.
EXPIRED = aws(service="ecs", error="ExpiredTokenException", times=99, until="GetCallerIdentity")
UNBROKEN = BROKEN.partition('broken")\n')[2]


def until_rolled_back(step: str, injection: Injection) -> Mapping[str, Injection]:
    """Return an outage that lasts from one step until the workflow rolls back."""
    return {step: injection, "Roll back": end}


def crashes(change: str) -> str:
    return f'\nraise SystemExit("{change}")\n'


DRILLS = (
    Drill(
        "good-change",
        "No fault. This shows that only the fault stops the other drills.",
        None,
        SHIPPED,
        seconds=135,
    ),
    Drill(
        "missing-secret",
        "GitHub has only one of the two AWS keys.",
        None,
        After(says="GitHub lacks the secret AWS_SECRET_ACCESS_KEY"),
        secrets={"AWS_SECRET_ACCESS_KEY": ""},
        instead="the deploy is skipped, with a message",
        seconds=30,
    ),
    Drill(
        "empty-region",
        "AWS_REGION in GitHub names a region without any resources.",
        NOT_OLDER,
        After(slack=NOT_MOVED, says="is not authorized to perform: ecs:DescribeServices"),
        variables={"AWS_REGION": "eu-central-1"},
        seconds=30,
    ),
    Drill(
        "rerun-of-an-old-merge",
        "Somebody repeats the deploy of an older commit whose tests passed.",
        NOT_OLDER,
        After(runs="change", pushed=True, slack=NOT_MOVED, says="which contains"),
        scenario=deploy_older,
        staged=True,
        seconds=90,
    ),
    Drill(
        "push-refused",
        "The registry refuses the image.",
        BUILD,
        After(slack=NOT_MOVED, says="denied"),
        when={BUILD.step: aws(registry=True, method="POST", status=403, error="DENIED", times=99)},
        seconds=30,
    ),
    Drill(
        "image-does-not-build",
        "A change breaks the image.",
        BUILD,
        After(slack=NOT_MOVED, says="SyntaxError"),
        change=append("apps/releases/urls.py", "\nthis is no Python\n"),
        seconds=35,
    ),
    Drill(
        "credentials-expire",
        "AWS rejects the credentials after the image is pushed.",
        MIGRATE,
        not_moved(says="ExpiredTokenException"),
        when={MIGRATE.step: aws(service="ecs", error="ExpiredTokenException", times=99)},
        seconds=35,
    ),
    Drill(
        "throttling",
        "AWS throttles three calls in a row, at three steps.",
        None,
        SHIPPED,
        when={
            step: aws(service="ecs", error="ThrottlingException", times=3)
            for step in ("Register task definition", MIGRATE.step, DEPLOY.step)
        },
        seconds=160,
    ),
    Drill(
        "two-deploys",
        "Somebody else deploys to the service during the deploy.",
        MIGRATE,
        not_moved(says="is being deployed"),
        when={"Register task definition": move_at_the_same_time},
        seconds=35,
    ),
    Drill(
        "missing-permission",
        "The policy of staging's deploys lacks ecs:RunTask.",
        MIGRATE,
        not_moved(says="is not authorized to perform: ecs:RunTask"),
        given=lose_permission("ecs:RunTask"),
        seconds=35,
    ),
    Drill(
        "migration-fails",
        "A migration raises an error.",
        MIGRATE,
        not_moved(says="these rows can't be converted"),
        change=migration("0900_fails", "migrations.RunPython(fail)", FAILS),
        seconds=45,
    ),
    Drill(
        "migration-hangs",
        "A migration never ends.",
        MIGRATE,
        not_moved(says="not complete after 15 s, and therefore stopped"),
        change=migration("0900_hangs", "migrations.RunPython(wait)", HANGS),
        seconds=70,
    ),
    Drill(
        "migration-dies",
        "A migration is killed between two schema changes. Then the next good change follows.",
        MIGRATE,
        After(runs="change", pushed=True, slack=NOT_MOVED, says="ended with exit code 137"),
        change=migration(
            "0900_dies",
            f"{ADD.format('first')}, migrations.RunPython(wait), {ADD.format('second')}",
            HALF_WAY,
        ),
        given=schema(DROP.format("first"), FORGET),
        when={MIGRATE.step: in_background(die_half_way)},
        scenario=ship_after(deploy),
        seconds=200,
    ),
    Drill(
        "migration-cancelled",
        "Somebody cancels the deploy during its migration. Then the next good change follows.",
        MIGRATE,
        After(runs="change", pushed=True, slack=NOT_MOVED, says=" was stopped"),
        change=migration("0900_waits", "migrations.RunPython(wait)", HALF_WAY),
        when={MIGRATE.step: in_background(cancel_half_way)},
        scenario=ship_after(deploy),
        seconds=180,
    ),
    Drill(
        "missing-variable",
        "The infrastructure template loses a variable and is deployed.",
        MIGRATE,
        not_moved(says="ALLOWED_HOSTS: is not set"),
        given=lose_variable("ALLOWED_HOSTS"),
        seconds=35,
    ),
    Drill(
        "empty-secret",
        "Somebody empties SECRET_KEY in AWS.",
        MIGRATE,
        not_moved(says="SECRET_KEY"),
        given=blank_secret_key,
        seconds=35,
    ),
    Drill(
        "task-crashes",
        "The service exits as soon as it starts, after its migration was applied.",
        DEPLOY,
        rolled_back(
            says="circuit breaker",
            migrated=("releases.0900_first",),
        ),
        change=both(
            migration("0900_first", ADD.format("first")),
            append("gunicorn.conf.py", crashes("it can not start")),
        ),
        given=schema(DROP.format("first"), FORGET),
        seconds=95,
    ),
    Drill(
        "task-never-healthy",
        "The service starts but fails its liveness check.",
        DEPLOY,
        rolled_back(says="alarms detected"),
        change=replace(LIVENESS, '"200 OK"', '"500 Internal Server Error"'),
        seconds=140,
    ),
    Drill(
        "task-starts-too-slowly",
        "The service takes five minutes to start, longer than all limits.",
        DEPLOY,
        rolled_back(says="alarms detected"),
        change=append("gunicorn.conf.py", SLEEP.format(300)),
        seconds=140,
    ),
    Drill(
        "task-starts-slowly",
        "The service takes ten seconds to start, within the limits.",
        None,
        SHIPPED,
        change=append("gunicorn.conf.py", SLEEP.format(10)),
        seconds=130,
    ),
    Drill(
        "task-out-of-memory",
        "The service needs more memory than its task has, and is killed.",
        DEPLOY,
        rolled_back(says="circuit breaker"),
        change=append("gunicorn.conf.py", HOG),
        seconds=110,
    ),
    Drill(
        "task-ignores-sigterm",
        "A version ignores SIGTERM when it is replaced, and is killed after stopTimeout.",
        None,
        After(pushed=True, slack=DEPLOYED),
        change=append("gunicorn.conf.py", IGNORE),
        scenario=ignore_and_replace,
        instead="it ships, and a rollback replaces it",
        seconds=190,
    ),
    Drill(
        "database-down",
        "MySQL is down when the migration starts.",
        MIGRATE,
        not_moved(says="the database can't be used", loses=True),
        when={MIGRATE.step: stops(database)},
        seconds=90,
    ),
    Drill(
        "database-hangs",
        "MySQL accepts connections but does not answer, after the new version has started.",
        VERIFY,
        rolled_back(says="is not ready", loses=True),
        when=until_rolled_back(VERIFY.step, hangs(database)),
        seconds=110,
    ),
    Drill(
        "redis-down",
        "Redis is down after the new version has started.",
        VERIFY,
        rolled_back(says="is not ready", loses=True),
        when=until_rolled_back(VERIFY.step, stops(cache)),
        seconds=100,
    ),
    Drill(
        "credentials-expire-before-rollback",
        "Redis is down and the credentials have expired after the new version has started.",
        VERIFY,
        rolled_back(says="is not ready", loses=True),
        when=until_rolled_back(VERIFY.step, together(stops(cache), EXPIRED)),
        seconds=90,
    ),
    Drill(
        "redis-hangs",
        "Redis accepts connections but does not answer, after the new version has started.",
        VERIFY,
        rolled_back(says="is not ready", loses=True),
        when=until_rolled_back(VERIFY.step, hangs(cache)),
        seconds=200,
    ),
    Drill(
        "alarm-in-rollout",
        "MySQL does not answer during a slow rollout: over 5 % of the answers are errors.",
        DEPLOY,
        rolled_back(says="alarms detected", loses=True),
        change=append("gunicorn.conf.py", SLEEP.format(20)),
        when=until_rolled_back(DEPLOY.step, hangs(database)),
        seconds=170,
    ),
    Drill(
        "wrong-url",
        "The APP_URL of staging leads to production, which also answers 200.",
        VERIFY,
        After(
            pushed=True,
            slack=f"{ROLLED_BACK_UNSEEN}http://{host('production')}",
            says="leads to production, not to staging",
        ),
        variables_of="production",
        seconds=100,
    ),
    Drill(
        "dead-url",
        "Nothing listens at the APP_URL of staging.",
        VERIFY,
        After(pushed=True, slack=f"{ROLLED_BACK_UNSEEN}{NOBODY}/health/: ", says="refused"),
        variables={"APP_URL": NOBODY},
        seconds=110,
    ),
    Drill(
        "stylesheet-missing",
        "Each page links to a stylesheet that is not in the image.",
        VERIFY,
        rolled_back(says="gone.css: status 404"),
        change=replace(
            "myproject/templates/base.html", "{% static 'site.css' %}", "/static/gone.css"
        ),
        seconds=90,
    ),
    Drill(
        "errors-after-a-healthy-start",
        "Half of the answers are errors after the deploy is verified.",
        WATCH,
        rolled_back(says="over 5 % of answers were 5xx", loses=True),
        change=replace("apps/releases/views.py", UNBROKEN, BROKEN),
        when={WATCH.step: break_pages},
        seconds=130,
    ),
    Drill(
        "slack-is-down",
        "Slack does not answer. The deploy must still succeed.",
        None,
        After(runs="change", pushed=True, says="delayed the run by "),
        secrets={"SLACK_WEBHOOK_URL": f"{NOBODY}/slack"},
        scenario=deploy_without_slack,
        seconds=200,
    ),
    Drill(
        "killed-rehearsal",
        "kill -9 ends the rehearsal during a deploy. Then the next rehearsal runs.",
        None,
        SHIPPED,
        scenario=kill_and_deploy_again,
        instead="the next deploy ships, and no containers are left over",
        seconds=205,
    ),
)

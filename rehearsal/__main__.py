"""Run the three workflows on this machine, from a pull request to production.

Both environments stay up afterwards; `down` removes everything that a rehearsal created.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from types import FrameType

from rehearsal import (
    advisories,
    docker,
    leftovers,
    local_aws,
    machine,
    offline_actions,
    repository,
)
from rehearsal.drills.catalogue import DRILLS
from rehearsal.drills.command import add_arguments as add_drill_arguments
from rehearsal.drills.command import main as drill
from rehearsal.errors import INTERRUPTED, Failure
from rehearsal.github import Configuration
from rehearsal.paths import (
    CHANGE,
    ENVIRONMENTS,
    OUT,
    REPORT,
    ROOT,
    TIMELINE,
)
from rehearsal.ports import browser_url
from rehearsal.quiz import command as quiz
from rehearsal.report import write as write_report
from rehearsal.repository import Change
from rehearsal.resources import Sampler
from rehearsal.sink import Sink
from rehearsal.stages import Rehearsal, approve
from rehearsal.timeline import Message, Timeline
from rehearsal.view import View


def main() -> int:
    args = parse()
    if args.subcommand == "drill" and args.list:
        print(*(one.name for one in DRILLS), sep="\n")
        return 0
    # SIGINT and SIGTERM both clean up, also if a shell runs us in the background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        if args.subcommand == "run":
            return local_aws.run([args.command, *args.arguments])
        with machine.alone():
            if args.subcommand == "down":
                return down()
            if args.subcommand == "drill":
                return drill(args, configuration)
            if args.subcommand == "quiz":
                return quiz.main(args, configuration)
            return rehearse(args.subcommand, args.yes)
    except Failure as failure:
        print(f"rehearsal: {failure}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("rehearsal: interrupted", file=sys.stderr)
        return INTERRUPTED


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m rehearsal",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    for name, meaning in {
        "pipeline": "run all stages: up, test, staging, approval, production",
        "up": "start the local AWS and both environments, each with a running version",
        "test": "run test.yml, as for a pull request",
        "staging": "run deploy-staging.yml, as for a merge to main",
        "production": "run deploy-prod.yml, as for a tag on the commit that staging runs",
        "down": "remove everything that rehearsals created, and nothing else",
    }.items():
        command = commands.add_parser(name, help=meaning, description=meaning)
        command.add_argument("--yes", action="store_true", help="approve production without asking")
    meaning = "inject faults, and check which gate stops each one (rehearsal/docs/drills.md)"
    add_drill_arguments(commands.add_parser("drill", help=meaning, description=meaning))
    meaning = (
        "run unnamed faults and ask questions about them, for a class (rehearsal/docs/class.md)"
    )
    quiz.add_arguments(commands.add_parser("quiz", help=meaning, description=meaning))
    meaning = "run a command with an administrator's keys, such as: run scripts/rollback staging"
    command = commands.add_parser("run", help=meaning, description=meaning)
    command.add_argument("command", help="for example scripts/rollback or aws")
    command.add_argument("arguments", nargs=argparse.REMAINDER, help="arguments of the command")
    return parser.parse_args()


def rehearse(stage: str, yes: bool) -> int:
    """Run one stage or all stages, and always write the report."""
    machine.check()
    change = staged() if stage == "production" else repository.prepare()
    timeline = Timeline(
        datetime.now(UTC).isoformat(timespec="seconds"), change.merge, change.version
    )
    timeline.jobs_at_once = machine.jobs_at_once()
    view = View(timeline)

    def record(receiver: str, text: str) -> None:
        timeline.messages.append(Message(timeline.now(), receiver, text))
        view.say(f"{receiver}: {text.partition(chr(10))[0]}", "magenta")

    code = 1
    with Sink(record) as sink, Sampler(timeline):
        try:
            with view:
                rehearsal = Rehearsal(timeline, view, configuration(sink, timeline))
                introduce(view, timeline, change)
                run(rehearsal, stage, change, yes)
            timeline.outcome, code = "success", 0
        except Failure as failure:
            timeline.outcome, timeline.reason = "failure", str(failure)
        except KeyboardInterrupt:
            timeline.outcome, timeline.reason, code = "failure", "interrupted", INTERRUPTED
        finally:
            finish(timeline)
            end(view, timeline)
    return code


def staged() -> Change:
    """Return the change that was last deployed to staging."""
    if not CHANGE.exists():
        raise Failure(
            "no change was deployed to staging yet: run .venv/bin/python -m rehearsal staging first"
        )
    return Change(**json.loads(CHANGE.read_text()))


def configuration(sink: Sink, timeline: Timeline) -> Configuration:
    """Return the values that the repository's owner would set in GitHub."""
    folders, missing = offline_actions.find()
    timeline.offline += filter(None, [missing])
    environment = {"GITHUB_API_URL": sink.url}
    if not advisories.are_reachable():
        timeline.offline.append(advisories.UNREACHABLE)
        environment["OFFLINE"] = "1"
    variables = {}
    if late := why_too_late():
        timeline.offline.append(f"{late}. The rehearsal sets this variable.")
        variables["ALLOW_FRIDAY_DEPLOY"] = "true"
    secrets = {"SLACK_WEBHOOK_URL": f"{sink.url}/slack"}
    return Configuration(secrets, variables, environment, folders)


def why_too_late() -> str:
    """Return why no deploy to production is allowed now; empty if one is."""
    done = subprocess.run([ROOT / "scripts" / "check-deploy-time"], capture_output=True, text=True)
    why = done.stderr.strip().removeprefix("scripts/check-deploy-time: ")
    return why if done.returncode else ""


def introduce(view: View, timeline: Timeline, change: Change) -> None:
    view.say(f"{change.version}: commit {change.head[:12]}, merged as {change.merge[:12]}", "bold")
    if change.dirty:
        view.say("This includes your uncommitted changes. Your clone is not changed.")
    for text in timeline.offline:
        view.warn(f"OFFLINE: {text}")


def run(rehearsal: Rehearsal, stage: str, change: Change, yes: bool) -> None:
    """Run the workflows of a stage."""
    if stage != "test":
        rehearsal.prepare()
    if stage in ("pipeline", "test"):
        rehearsal.test(change)
    if stage in ("pipeline", "staging"):
        rehearsal.staging(change)
    if stage in ("pipeline", "production"):
        rehearsal.view.live.stop()
        approve(change, yes)
        rehearsal.production(change)


def finish(timeline: Timeline) -> None:
    """Read the state of the environments, and write the report."""
    timeline.seconds = timeline.now()
    with suppress(Failure):
        for name in ENVIRONMENTS:
            timeline.images += local_aws.images(name)
            timeline.releases += local_aws.releases(name)
    timeline.write(TIMELINE)
    write_report(timeline, REPORT)


def end(view: View, timeline: Timeline) -> None:
    view.table()
    print()
    if timeline.outcome == "success":
        view.say(f"done: {REPORT.relative_to(OUT.parent.parent)}", "bold green")
    else:
        view.say(f"failed: {timeline.reason}", "bold red")
        view.say(f"report: {REPORT.relative_to(OUT.parent.parent)}")
    for name in ENVIRONMENTS:
        if local_aws.is_serving(name):
            view.say(f"{name}: {browser_url(name)}/")


def down() -> int:
    """Remove containers, networks, pushed images and the rehearsal's repository."""
    if docker.answers():
        machine.check_owner()
        leftovers.remove()
        local_aws.remove()
    for path in OUT.iterdir():
        if path.name != "lock":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    print("Removed the local AWS with both environments, and rehearsal/.out.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from rehearsal import report
from rehearsal.report import sample
from rehearsal.report.page import headline, render
from rehearsal.report.words import date, duration
from rehearsal.tests.accessible import assert_accessible
from rehearsal.timeline import (
    Image,
    Job,
    Load,
    Lost,
    Message,
    Release,
    Second,
    Stage,
    Step,
    Tasks,
    Timeline,
)

Visit = Callable[..., Page]

ROOT = Path(__file__).parents[2]
ROW = re.compile(
    r'<li class="row step" title="(?P<title>[^"]*)">.*?'
    r'<span class="bar" data-status="(?P<status>\w+)" '
    r'style="left: (?P<left>[\d.]+)%; width: (?P<width>[\d.]+)%">',
    re.DOTALL,
)


def steps(timeline: Timeline) -> list[Step]:
    return [step for stage in timeline.stages for job in stage.jobs for step in job.steps]


def bars(page: str) -> list[tuple[float, float]]:
    return [(float(bar["left"]), float(bar["width"])) for bar in ROW.finditer(page)]


def text(page: str) -> str:
    """Return the text of a page, with single blanks."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<body>")[2]).split())


# Bars


def test_bar_is_proportional_to_its_step() -> None:
    timeline = sample.passed()
    # The load ends after the last step.
    percent = 100 / timeline.seconds
    assert bars(render(timeline)) == [
        pytest.approx((s.started * percent, ((s.finished or 0) - s.started) * percent), abs=0.001)
        for s in steps(timeline)
    ]


def test_axis_ends_with_the_last_step() -> None:
    timeline = Timeline("", sample.NEW, "v0.2.0", seconds=10)
    timeline.stages = [
        sample.stage("test.yml", "", [sample.job("test", 0, [("a", 30), ("b", 10)])])
    ]
    assert bars(render(timeline)) == [(0, 75), (75, 25)]


def test_bar_of_an_unfinished_step_reaches_the_end() -> None:
    timeline = sample.interrupted()
    left, width = bars(render(timeline))[-1]
    assert left + width == pytest.approx(100, abs=0.001)


def test_bar_has_its_outcome_as_text() -> None:
    page = render(sample.failed())
    said = {bar["status"]: bar["title"] for bar in ROW.finditer(page)}
    assert ": passed, " in said["ok"]
    assert ": failed, " in said["failed"]
    assert ": skipped, " in said["skipped"]


# Rollouts


def test_rollout_without_lost_requests_shows_none_lost() -> None:
    page = render(sample.passed())
    assert "6,000 requests during the deploys, none lost." in text(page)
    assert 'class="mark"' not in page


def test_lost_request_is_shown_in_total_timeline_and_table() -> None:
    timeline = sample.passed()
    load = timeline.stages[2].load
    assert load
    load.seconds[5].lost = 1
    load.lost.append(Lost(170.2, "/health/", "timed out"))
    page = render(timeline)
    assert "6,000 requests during the deploys, 2 lost." in text(page)
    # In the timeline, and above the answers.
    assert page.count('title="1 lost at 2:35"') == page.count('title="1 lost at 2:50"') == 2
    assert '<path class="lost" d="M8.3333 1.96H10v-1.96' in page
    assert "/health/ timed out 1" in text(page)


def test_lost_request_in_both_records_counts_once() -> None:
    load = Load("", 50, 1, [Second(3, {}, lost=1)], [Lost(3.5, "/", "refused")])
    timeline = sample.passed()
    timeline.stages = timeline.stages[:2]
    timeline.stages[1].load = load
    assert "1 request during the deploys, 1 lost." in text(render(timeline))


def test_unlisted_lost_requests_are_counted() -> None:
    timeline = sample.passed()
    load = timeline.stages[2].load
    assert load
    load.lost = [Lost(160 + n, f"/{n}", "refused") for n in range(30)]
    assert "Lost requests; 10 more are in timeline.json" in text(render(timeline))


def test_old_and_new_tasks_are_stacked() -> None:
    timeline = sample.passed()
    page = render(timeline)
    assert "revision 7, old" in text(page)
    assert "revision 8, new" in text(page)
    # 2 of 4 tasks from the first second on; 2 more on top of them, healthy 19 s later.
    assert '<path class="old" d="M0 100.00H10v-50.00H0z' in page
    assert "M31.6667 50.00H50v-50.00H31.6667z" in page


# What went wrong


def test_log_of_failed_step_is_shown_and_escaped() -> None:
    page = render(sample.failed())
    assert "What went wrong" in page
    assert escape(sample.LOG[1]) in page
    assert escape(sample.LOG[3]) in page
    assert "<script" not in page


def test_log_contains_no_terminal_sequences() -> None:
    timeline = sample.failed()
    steps(timeline)[-2].log = ["\x1b]0;title\x07\x1b[1;31mred\x1b[0m\x00 and\rplain\ttext"]
    assert "<code>red andplain\ttext</code>" in render(timeline)


def test_every_text_is_escaped() -> None:
    hostile = "<script>&\"'"
    page = render(_made_of(hostile))
    assert "<script" not in page
    assert escape(hostile) in page


def _made_of(text: str) -> Timeline:
    """Return a timeline in which each name and text is this text."""
    tasks = [Tasks(0, {text: 1}, {text: 1}), Tasks(9, {text: 1})]
    load = Load(text, 50, 50, [Second(0, {text: 50})], [Lost(0, text, text)])
    job = Job(text, 0, 9, "failure", [Step(text, 0, 9, "failure", [text])])
    timeline = Timeline(text, text, text, "failure", text, 9, [text])
    timeline.stages = [Stage(text, text, 0, 9, "failure", [job], load, tasks)]
    timeline.images = [Image(text, text, text), Image("staging", text, text)]
    timeline.releases = [Release(text, text, text, text, text)]
    timeline.messages = [Message(0, text, text), Message(0, text, text * 99)]
    return timeline


def test_tolerated_failure_of_a_step_is_marked() -> None:
    timeline = sample.passed()
    steps(timeline)[-1].outcome = "failure"
    page = render(timeline)
    assert "the job continued" in page
    assert '<details class="trouble">' in page


# In words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (9.97, "10 s"), (59.6, "1 min"), (252, "4 min 12 s")],
)
def test_duration_is_rounded(seconds: float, said: str) -> None:
    assert duration(seconds).replace("\N{NO-BREAK SPACE}", " ") == said


def test_time_of_another_zone_is_converted_to_utc() -> None:
    assert date("2026-11-22T14:03:27+02:00").endswith("Nov 2026 12:03")


def test_headline_has_the_time_from_pull_request_to_production() -> None:
    said = headline(sample.passed()).replace("\N{NO-BREAK SPACE}", " ")
    assert said == "v0.2.0 went from pull request to production in 4 min 9 s"


def test_headline_of_an_incomplete_rehearsal_does_not_name_production() -> None:
    timeline = sample.passed()
    del timeline.stages[-1]
    assert "production" not in headline(timeline)


def test_headline_names_the_failed_step() -> None:
    assert headline(sample.failed()) == "v0.2.0 failed in deploy-prod.yml, at “Verify deployment”"


def test_headline_names_the_interrupted_step() -> None:
    assert headline(sample.interrupted()).endswith(" in test.yml, at “Run tests”")


def test_an_interrupted_run_begins_with_what_failed_before() -> None:
    went_on = Job("lint", 1, steps=[Step("Run linting", 1)])
    failed = Job("test", 1, 9, "failure", [Step("Run tests", 2, 9, "failure")])
    stage = Stage("test.yml", "Pull request", 0, 9, "failure", [went_on, failed])
    timeline = Timeline("", sample.NEW, "v1", "failure", reason="interrupted", stages=[stage])
    assert headline(timeline).endswith(" in test.yml, at “Run tests”")
    shown = text(render(timeline))
    assert shown.index("Run tests test.yml, test: failed") < shown.index("Run linting test.yml")


def test_a_single_stage_claims_no_more_than_itself() -> None:
    timeline = sample.passed()
    timeline.stages = [stage for stage in timeline.stages if stage.name == "deploy-staging.yml"]
    assert " passed deploy-staging.yml in " in headline(timeline)
    timeline.stages = []
    assert " passed the preparation in " in headline(timeline)


def test_failure_without_a_stage_shows_its_reason() -> None:
    timeline = Timeline("", sample.NEW, "", "failure", reason="Docker does not answer.")
    assert headline(timeline) == "Commit 4b1e88d failed"
    assert "Docker does not answer." in render(timeline)


# Tables


def test_equal_digests_are_marked_as_the_same_image() -> None:
    said = text(render(sample.passed()))
    assert said.count("the same image as") == 2
    assert "the same image as staging 4b1e88d" in said
    assert "the same image as production v0.2.0" in said


def test_different_digests_are_not_marked_as_the_same_image() -> None:
    assert "the same image as" not in text(render(sample.failed()))


def test_two_tags_in_one_repository_are_not_marked_as_the_same_image() -> None:
    timeline = sample.passed()
    timeline.images = timeline.images[:1] * 2
    assert "the same image as" not in text(render(timeline))


def test_page_lists_stand_ins_or_their_absence() -> None:
    timeline = sample.passed()
    assert all(what in text(render(timeline)) for what in ("Offline.", *timeline.offline))
    timeline.offline = []
    assert "Offline." not in text(render(timeline))
    assert "No offline stand-ins." in text(render(timeline))


def test_page_shows_the_messages_to_slack_and_github() -> None:
    timeline = sample.passed()
    said = text(render(timeline))
    assert all(" ".join(message.text.split()) in said for message in timeline.messages)


# The file


def test_template_uses_only_known_variables() -> None:
    pages = [
        render(timeline) for timeline in (sample.passed(), sample.failed(), sample.interrupted())
    ]
    assert not [page for page in pages if "[unknown variable" in page]


@pytest.mark.parametrize("stage_has", ["nothing", "a job", "load that sent nothing"])
def test_timeline_with_one_running_stage_renders(stage_has: str) -> None:
    timeline = sample.interrupted()
    stage = timeline.stages[0]
    timeline.stages, timeline.seconds = [stage], 0
    stage.started, stage.finished, stage.outcome = 0, None, "running"
    stage.jobs = [Job("lint", 0)] if stage_has == "a job" else []
    stage.load = Load("", 50) if stage_has == "load that sent nothing" else None
    assert "Prepare" in render(timeline)


def test_timeline_without_stages_renders() -> None:
    assert "was interrupted" in render(Timeline("", "", ""))


def test_report_is_written_as_one_complete_file(tmp_path: Path) -> None:
    report.write(sample.passed(), tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text().endswith("</html>\n")


class Links(HTMLParser):
    """Collects the addresses in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("href", "src", "srcset")]


def test_page_links_to_nothing_outside_of_itself() -> None:
    links = Links()
    page = render(sample.failed())
    links.feed(page)
    assert all(link.startswith(("#", "data:")) for link in links.found)
    assert "url(" not in page
    assert "@import" not in page


def test_report_needs_no_settings(tmp_path: Path) -> None:
    """The report uses Django's templates, but no settings of a Django project."""
    program = (
        "from pathlib import Path\nfrom rehearsal import report\n"
        "from rehearsal.report import sample\nreport.write(sample.failed(), Path('report.html'))"
    )
    environment = {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, env=environment)
    assert (tmp_path / "report.html").exists()


# In a browser


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Visit]:
    """Return a function that opens a report, and fails on errors and other requests."""
    complaints: list[str] = []
    asked = []
    contexts = []
    path = tmp_path / "report.html"

    def open_page(timeline: Timeline, **options: Any) -> Page:
        report.write(timeline, path)
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri()}


TIMELINES = pytest.mark.parametrize("make", [sample.passed, sample.failed, sample.interrupted])


@TIMELINES
def test_report_is_accessible(visit: Visit, make: Callable[[], Timeline]) -> None:
    assert_accessible(visit(make()))


@TIMELINES
def test_report_fits_a_small_phone(visit: Visit, make: Callable[[], Timeline]) -> None:
    page = visit(make(), viewport={"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    main = page.locator("main").bounding_box()
    tables = [table.bounding_box() for table in page.locator("table").all()]
    assert main and all(table and table["width"] == main["width"] for table in tables)


def test_all_bars_share_one_axis(visit: Visit) -> None:
    page = visit(sample.passed())
    tracks = page.locator(".row .track").evaluate_all(
        "tracks => tracks.map(t => [t.getBoundingClientRect().x, t.getBoundingClientRect().width])"
    )
    assert len({tuple(track) for track in tracks}) == 1


def test_shortest_step_is_visible(visit: Visit) -> None:
    page = visit(sample.passed(), viewport={"width": 360, "height": 640})
    widths = page.locator(".step .bar").evaluate_all(
        "b => b.map(b => b.getBoundingClientRect().width)"
    )
    assert min(widths) >= 2


def test_lost_request_is_drawn_at_its_time(visit: Visit) -> None:
    page = visit(sample.failed())
    plot = page.locator(".requests .plot").last
    area, lost = plot.locator("svg").bounding_box(), plot.locator("path.lost").bounding_box()
    assert area and lost
    # The first request was lost 18 s after a minute began.
    assert (lost["x"] - area["x"]) / area["width"] == pytest.approx(18 / 60, abs=0.005)
    assert lost["height"] >= 2
    assert plot.locator(".mark").count() == 3

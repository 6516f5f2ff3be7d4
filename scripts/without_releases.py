"""Leave out the example: the page of releases, its statistics and their flag.

The record of releases stays, with /releases.json: rollbacks write it, and the rehearsal reads it.
"""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

from scripts.aws import Failure

Definition = ast.ClassDef | ast.FunctionDef | ast.Assign

APP = "apps/releases"
PATHS = (
    f"{APP}/migrations/0004_statistics_flag.py",
    f"{APP}/templates",
    f"{APP}/templatetags",
    f"{APP}/tests/test_browser.py",
    f"{APP}/tests/test_durations.py",
    "docs/tutorial",  # its first and its fourth lesson change the page
)
DEFINITIONS = {
    f"{APP}/views.py": ("STATISTICS_DAYS", "release_list", "answering"),
    f"{APP}/models.py": ("Statistics", "statistics"),
    f"{APP}/tests/conftest.py": ("_no_flags_remembered",),
    f"{APP}/tests/test_migrations.py": ("test_flag_is_created_off",),
    f"{APP}/tests/test_models.py": (
        "test_statistics_sum_up_what_started_since",
        "test_statistics_of_nothing",
    ),
    f"{APP}/tests/test_views.py": (
        "test_empty_page_says_how_to_record_a_release",
        "test_page_says_what_is_live",
        "test_page_tells_when_another_release_answers",
        "test_history_has_twenty_releases_a_page",
        "test_filter_may_find_nothing",
        "test_visitor_gets_no_cookie",
        "test_statistics_stand_behind_their_flag",
        "test_statistics_of_nothing",
    ),
}
ROLLED_BACK_ON_THE_PAGE = """\
    page = html(client, f"{PAGE}?outcome=rolled-back")
    assert page.count("Rolled back</span>") == page.count('<th scope="row">') == 2
"""
TUTORIAL = """\
tutorial: ## Run the tutorial in a copy, and compare what it prints with its pages (LESSON=3: one)
	@scripts/bootstrap test
	@.venv/bin/python -m scripts.run_docs --kind rehearsal docs/tutorial/$(LESSON)*.md

"""
LESSONS = """\
  - Learn:
      - tutorial/index.md
      - tutorial/1-first-change.md
      - tutorial/2-a-red-gate.md
      - tutorial/3-a-leaked-secret.md
      - tutorial/4-a-flag.md
      - tutorial/5-a-migration.md
      - tutorial/6-a-bad-release.md
      - tutorial/7-roll-back.md
      - tutorial/8-a-hotfix.md
"""
FLAG_PROOF = (
    "`apps/releases/views.py` |"
    " `apps/releases/tests/test_views.py::test_statistics_stand_behind_their_flag` |"
)
TEXTS = {
    f"{APP}/urls.py": {'    path("releases/", views.release_list, name="list"),\n': ""},
    f"{APP}/views.py": {
        "The same for programs.": "What is live here and how it is, and what was live before.",
        "@csrf_exempt\n": "@csrf_exempt  # so that a POST is told 405, and not to bring a token\n",
    },
    f"{APP}/tests/test_views.py": {
        'PAGE, JSON = "/releases/", "/releases.json"': 'JSON = "/releases.json"',
        "address: str = PAGE": "address: str = JSON",
        "[PAGE, JSON]": "[JSON]",
        "[(PAGE, 4), (JSON, 3)]": "[(JSON, 3)]",
        '    assert "Not healthy" not in html(client)\n': "",
        '    assert "Not healthy" in html(client)\n': "",
        "test_page_says_that_redis_is_down": "test_json_says_that_redis_is_down",
        ROLLED_BACK_ON_THE_PAGE: "",
    },
    "myproject/settings/base.py": {'"/health/", "/releases/", ': '"/health/", '},
    "myproject/urls.py": {"releases:list": "admin:index"},
    "myproject/templates/404.html": {
        "{% url 'releases:list' %}\">What is running here": '/">Go to the start'
    },
    "myproject/templates/base.html": {
        "{% block title %}Releases": "{% block title %}myproject",
        "{% url 'releases:list' %}\">Releases": '/">myproject',
    },
    "scripts/check_rollback.py": {'"health/", "releases/", ': '"health/", '},
    "tests/service/test_outages.py": {
        "the_page_does": "releases_do",
        '"/releases/"': '"/releases.json"',
    },
    "tests/service/test_service.py": {
        "the_releases": "the_admin",
        '(302, "/releases/")': '(302, "/admin/")',
        '"/releases/"': '"/releases.json"',
    },
    "rehearsal/__main__.py": {"/releases/": "/releases.json"},
    "bench/startup.py": {', "/releases/")': ', "/releases.json")'},
    "README.md": {
        "| `/releases/` | what": "| `/releases.json` | what",
        "ran before; `/releases.json` for programs |": "ran before |",
        "; its page is the example, yours to replace": "",
        "- [Tutorial](docs/tutorial/index.md): eight lessons of ten minutes, on one machine\n": "",
    },
    "docs/deploy.md": {"[flag](tutorial/4-a-flag.md)": "flag"},
    "mkdocs.yml": {LESSONS: ""},
    "Makefile": {" soak tutorial": " soak", TUTORIAL: ""},
    "docs/guide.md": {
        "django-waffle; the statistics on `/releases/` stand behind one": "django-waffle",
        FLAG_PROOF: "`myproject/settings/base.py` | none: no page has a flag yet |",
        "test_page_says_that_redis_is_down": "test_json_says_that_redis_is_down",
        " [A lesson](tutorial/8-a-hotfix.md) does one": "",
    },
    "docs/rehearsal.md": {"/releases/>": "/releases.json>"},
    "docs/rollback.md": {
        "on `/releases/`": "in `/releases.json`",
        "and `/releases/` speak": "and `/releases.json` speak",
    },
}


def remove(root: Path) -> None:
    """Leave the example out of a folder with this template."""
    for path in PATHS:
        target = existing(root, path)
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    for path, names in DEFINITIONS.items():
        file = existing(root, path)
        file.write_text(without(file.read_text(), names, path))
    for path, changes in TEXTS.items():
        file = existing(root, path)
        text = file.read_text()
        for old, new in changes.items():
            if old not in text:
                raise Failure(f"{path} has no {old!r} any more: change scripts/without_releases.py")
            text = text.replace(old, new)
        file.write_text(text)


def existing(root: Path, path: str) -> Path:
    if not (root / path).exists():
        raise Failure(f"there is no {path} any more: change scripts/without_releases.py")
    return root / path


def without(text: str, names: tuple[str, ...], path: str) -> str:
    """Return Python without some of its definitions, at the top or in a class."""
    lines, found = text.splitlines(keepends=True), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Definition) and (name := name_of(node)) in names:
            found.add(name)
            first = min(one.lineno for one in (node, *getattr(node, "decorator_list", [])))
            for number in range(first, (node.end_lineno or first) + 1):
                lines[number - 1] = ""
    if missing := set(names) - found:
        raise Failure(f"{path} has no {missing} any more: change scripts/without_releases.py")
    return "".join(lines)


def name_of(node: Definition) -> str:
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0])
    return node.name

"""scripts/rename and scripts/update-from-template: a fork, and what its template changes later."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from delivery.errors import Failure
from delivery.paths import ROOT
from template import names
from template import rename as rename_command
from template.parts import PARTS, leave_out
from template.rename import ICON, LONGEST, begin_changelog, draw_initial, put_in_form
from tests.delivery.git_repository import commit, copy, git, run

# As long as a name may be, so that every line that can get too long does.
NAME, HYPHENED = "my_shop_of_many_goods", "my-shop-of-many-goods"
URLS = "myproject/urls.py"
# All that a small template needs, for tests that rename it again and again.
SMALL = (
    *(
        f"delivery/{name}.py"
        for name in ("__init__", "checkout", "command", "errors", "git", "paths")
    ),
    *("template/__init__.py", "template/names.py"),
    *PARTS["template"],
    *("template/update_from_template.py", URLS),
    *("CHANGELOG.md", "docs/fork.md", "pyproject.toml", "myproject/static/favicon.svg"),
)


def rename(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "python", "-m", "template.rename", *words)


def fork(template: Path, folder: Path, name: str) -> Path:
    """Return what GitHub's button makes of a template, its files and not its history; renamed."""
    shutil.copytree(template, folder, ignore=shutil.ignore_patterns(".git"))
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Initial commit")
    done = rename(folder, name)
    assert done.returncode == 0, done.stderr
    git(folder, "commit", "--quiet", "--message", "a fork")
    return folder


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fork")
    return fork(copy(folder / "template"), folder / "fork", NAME)


def leaving_out(folder: Path, *parts: str) -> Path:
    """Return a fork under the template's name: renaming is slow, and seen above."""
    copy(folder)
    leave_out(folder, {"template", *parts})
    begin_changelog(folder)
    git(folder, "add", "--all")
    put_in_form(folder)
    return folder


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fork without the example."""
    return leaving_out(tmp_path_factory.mktemp("without"), "releases")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fork without anything that can be left out."""
    return leaving_out(tmp_path_factory.mktemp("bare"), "releases", "rehearsal")


@pytest.fixture(params=["forked", "without", "bare"])
def project(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


# --- a fork


def test_no_old_name_is_left_in_texts_or_paths(forked: Path) -> None:
    old = r"my[ _-]?(project|app)"
    assert run(forked, "git", "grep", "-iE", old).stdout == ""
    assert run(forked, "sh", "-c", f"git ls-files | grep -iE '{old}'").stdout == ""


def test_the_changelog_begins_anew(forked: Path) -> None:
    entries = (forked / "CHANGELOG.md").read_text().partition("## [Unreleased]\n")[2]
    assert entries == f"\n### Added\n\n- {NAME}, made from its template.\n"


def test_readme_icon_and_titles_have_the_new_name(forked: Path) -> None:
    title, description = (forked / "README.md").read_text().split("\n\n")[:2]
    assert (title, description.partition(" ")[0]) == (f"# {NAME}", NAME)
    assert "template" not in description
    assert ">m</text>" in (forked / NAME / "static/favicon.svg").read_text()
    for page in ("base.html", "500.html"):
        assert f"{NAME}</title>" in (forked / NAME / "templates" / page).read_text()


def test_the_icon_is_the_first_letter_of_the_name(tmp_path: Path) -> None:
    icon = tmp_path / ICON
    icon.parent.mkdir(parents=True)
    icon.write_text((ROOT / ICON).read_text())
    draw_initial(tmp_path, "shop")
    assert ">s</text>" in icon.read_text()


def test_aws_has_hyphens_where_python_has_underscores(forked: Path) -> None:
    assert (forked / NAME / "settings/base.py").exists()
    assert f'CONTAINER = "{HYPHENED}"\n' in (forked / "delivery/aws/ecs.py").read_text()
    workflow = (forked / ".github/workflows/deploy-staging.yml").read_text()
    assert f"ECR_REPOSITORY: {HYPHENED}-staging\n" in workflow
    assert f"container-name: {HYPHENED}\n" in workflow


def test_imports_are_sorted_and_used(project: Path) -> None:
    done = run(project, "ruff", "check", ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_fork_starts_and_lacks_no_migration(project: Path) -> None:
    done = run(project, "python", "manage.py", "makemigrations", "--check", "--dry-run")
    assert done.returncode == 0, done.stderr


def test_files_that_only_the_template_needs_are_removed(project: Path) -> None:
    assert not [path for path in PARTS["template"] if (project / path).exists()]
    words = "|".join(["scripts/rename", "scripts/try-fork", "only with: "])
    assert run(project, "git", "grep", "-E", words, "docs", "README.md", "Makefile").stdout == ""


def test_the_guide_names_only_tests_that_exist(project: Path) -> None:
    proofs = re.findall(r"`([\w/.]+\.py)::(\w+)`", (project / "docs/guide.md").read_text())
    assert proofs
    gone = [test for path, test in proofs if f"def {test}(" not in (project / path).read_text()]
    assert gone == []


def test_without_the_example_only_the_record_of_releases_is_left(without: Path) -> None:
    page = r"[\"'`]/releases/[\"'`]|apps[./]dashboard|tutorial/|statistics_flag|durations"
    found = run(
        without,
        "git",
        "grep",
        "-nE",
        page,
        ":!rehearsal/report/sample.py",
        ":!infra/monitoring.yaml",
    )
    assert found.stdout == ""
    ask = "from django.test import Client; get = Client(headers={'host': 'localhost'}).get; "
    ask += "print(get('/').url, get('/releases/').status_code)"
    done = run(without, "python", "manage.py", "shell", "--verbosity=0", "--command", ask)
    assert done.stdout.endswith("/admin/ 404\n"), done.stdout + done.stderr


def test_without_the_rehearsal_nothing_refers_to_it(bare: Path) -> None:
    words = r"\brehearsal[/.]|-m rehearsal|`drill |make (pipeline|drills|soak|tutorial)|"
    words += "(only with|until here): "
    assert run(bare, "git", "grep", "-nE", words).stdout == ""


def test_no_link_is_broken(project: Path) -> None:
    pages = run(project, "git", "ls-files", "*.md").stdout.splitlines()
    links = [
        (page, link)
        for page in pages
        for link in re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", (project / page).read_text())
        if not link.startswith("../blob/main/")  # where GitHub shows the template of a pull request
    ]
    assert len(links) > 20
    assert [
        (p, link) for p, link in links if not (project / p).parent.joinpath(link).exists()
    ] == []


# --- names


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("my-shop", "use lower-case"),
        ("Shop", "use lower-case"),
        ("2shop", "use lower-case"),
        ("my__shop", "use lower-case"),
        ("shop_", "use lower-case"),
        ("schön", "use lower-case"),
        ("", "use lower-case"),
        ("s", "2 to 21"),
        (f"{NAME}s", "2 to 21"),
        ("class", "keyword of Python"),
        ("match", "keyword of Python"),
        ("json", "already a module"),
        ("django", "already a module"),
        ("apps", "already a module"),
        ("manage", "already a module"),
        ("docs", "already a module"),
    ],
)
def test_an_invalid_name_is_refused(name: str, problem: str) -> None:
    with pytest.raises(Failure, match=problem):
        names.check(name, LONGEST)


def test_an_invalid_name_is_refused_before_anything_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rename_command, "install_tools", lambda: pytest.fail("installed"))
    with pytest.raises(Failure, match="use lower-case"):
        rename_command.act("Bad-Name", [])


def refused(folder: Path, *words: str) -> str:
    """Return why a template is not renamed, and see that it is as it was."""
    before = git(folder, "status", "--porcelain"), git(folder, "rev-parse", "HEAD")
    done = rename(folder, *words)
    assert done.returncode == 1
    assert (git(folder, "status", "--porcelain"), git(folder, "rev-parse", "HEAD")) == before
    assert len(git(folder, "worktree", "list").splitlines()) == 1
    return done.stderr


def test_a_name_that_aws_reserves_is_refused(template: Path) -> None:
    assert "AWS reserves internal-" in refused(template, "internal_shop")


def test_uncommitted_changes_are_refused(template: Path) -> None:
    (template / "notes.txt").write_text("mine")
    assert refused(template, "shop").startswith("scripts/rename: ?? notes.txt: commit, stash or")


def test_a_failed_rename_changes_nothing(template: Path) -> None:
    assert "apps/dashboard does not exist" in refused(template, "shop", "--without", "releases")


# --- updates


def update(folder: Path) -> subprocess.CompletedProcess[str]:
    return run(folder, "python", "-m", "template.update_from_template")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template, and a fork of it that changed the end of its URLs."""
    folder = tmp_path_factory.mktemp("pair")
    shop = fork(copy(folder / "template", *SMALL), folder / "shop", "my_shop")
    commit(shop, **{"my_shop/urls.py": (shop / "my_shop/urls.py").read_text() + "# mine\n"})
    return folder


@pytest.fixture
def shop(pair: Path, tmp_path: Path) -> Path:
    """A copy of that fork for one test; its template lies beside it."""
    shutil.copytree(pair, tmp_path / "pair")
    folder = tmp_path / "pair/shop"
    git(folder, "remote", "add", "template", str(folder.parent / "template"))
    return folder


@pytest.fixture
def template(shop: Path) -> Path:
    return shop.parent / "template"


def change(template: Path, there: str, wanted: str) -> None:
    text = (template / URLS).read_text()
    assert there in text
    commit(template, **{URLS: text.replace(there, wanted)})


def test_an_update_merges_the_templates_changes_with_the_forks_names(
    template: Path, shop: Path
) -> None:
    for line in ("first", "second"):
        change(
            template, "from django.contrib", f"# {line}: myproject is myapp\nfrom django.contrib"
        )
        git(template, "tag", f"v{len(line)}.0.0")
        done = update(shop)
        assert done.returncode == 0, done.stderr
        text = (shop / "my_shop/urls.py").read_text()
        assert text.startswith(f"# {line}: my_shop is my-shop\n" if line == "first" else "# first")
        assert f"# {line}: my_shop is my-shop\n" in text
        assert text.endswith("# mine\n")
    assert git(shop, "status", "--porcelain") == ""
    assert git(shop, "tag") == ""


def test_a_change_on_both_sides_is_a_conflict_in_git(template: Path, shop: Path) -> None:
    before = git(shop, "rev-parse", "HEAD")
    change(template, "]\n", "]\n# theirs\n")
    done = update(shop)
    assert (done.returncode, done.stdout) == (1, "")
    assert "both sides changed my_shop/urls.py: settle each" in done.stderr
    assert "<<<<<<< HEAD\n# mine\n=======\n# theirs\n" in (shop / "my_shop/urls.py").read_text()
    git(shop, "checkout", "--theirs", "my_shop/urls.py")
    git(shop, "add", "my_shop/urls.py")
    git(shop, "-c", "core.editor=true", "cherry-pick", "--continue")
    assert git(shop, "rev-parse", "HEAD^") == before
    assert "the template has no commit after" in update(shop).stdout


def test_an_update_without_a_known_template_is_refused(template: Path, shop: Path) -> None:
    assert "no section [tool.template]" in update(template).stderr
    git(shop, "remote", "remove", "template")
    assert "the template's address is unknown: git remote add template URL" in update(shop).stderr


def test_an_update_needs_the_version_that_the_fork_was_made_from(
    template: Path, shop: Path
) -> None:
    commit(template, **{URLS: "# another history\n"})
    git(template, "checkout", "--quiet", "--orphan", "other")
    git(template, "commit", "--quiet", "--message", "the only one")
    git(template, "branch", "--quiet", "--force", "main", "other")
    assert "the template has no version with the tree" in update(shop).stderr
    assert git(shop, "status", "--porcelain") == ""

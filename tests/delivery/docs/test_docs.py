"""The pages: each row of the guide has a proof, and each link leads somewhere."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from delivery.docs import build_docs
from delivery.docs.pages import FOLDERS, blocks, pages
from tests.delivery.macos import not_on_macos

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = ROOT / ".github" / "workflows"

# The guide

SECTIONS = {
    "Principle 1: Test before deploy": 4,
    "Principle 2: Staging before production": 3,
    "Principle 3: Rollback plan": 3,
    "Principle 4: Secrets management": 4,
    "File layout": 1,
    "1. Test workflow": 12,
    "2. Deploy to staging": 10,
    "3. Deploy to production": 8,
    "4. Secrets": 8,
    "5. Environment protection": 4,
    "6. Deployment workflow": 6,
    "7. Rollback": 3,
    "8. Monitoring": 16,
    "9. Common issues": 4,
    "10. Best practices": 12,
}
TEST, STAGING, PRODUCTION = "1. Test workflow", "2. Deploy to staging", "3. Deploy to production"
STEPS = {
    (TEST, "test.yml"): "Set up Python, Install dependencies, Run linting, Run type checking,"
    " Run tests, Upload coverage, Security check (dependencies), Security check (secrets)",
    (STAGING, "deploy-staging.yml"): "Configure AWS credentials, Login to Amazon ECR,"
    " Build; tag; and push image to ECR, Download task definition,"
    " Update task definition with new image, Deploy to ECS, Run database migrations,"
    " Verify deployment, Notify Slack",
    (PRODUCTION, "deploy-prod.yml"): "Extract version from tag, Create GitHub Release",
}


class Row(NamedTuple):
    section: str
    says: str
    here: str
    where: str
    proof: str


@cache
def rows() -> list[Row]:
    found, section = [], ""
    text = (ROOT / "docs/guide.md").read_text()
    text = re.sub("<!-- (?:with: rehearsal|else:.*?) -->", "", text)
    for line in text.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("|") and not line.startswith(("|---", "| the guide says |")):
            found.append(Row(section, *(cell.strip() for cell in line[1:-1].split("|"))))
    return found


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def is_there(proof: str) -> bool:
    """Return whether a test function, a drill or a target of make exists."""
    # only with: rehearsal
    if proof.startswith("drill "):  # a test of the rehearsal makes sure that the page has all
        page = (ROOT / "rehearsal/docs/drills.md").read_text()
        return f"\n| `{proof.removeprefix('drill ')}` |" in page
    if proof == "make pipeline":
        return True
    # until here: rehearsal
    path, _, test = proof.partition("::")
    file = ROOT / path
    return file.is_file() and f"\ndef {test}(" in file.read_text()


def test_each_section_of_the_guide_has_its_rows() -> None:
    found = [row.section for row in rows() if row.says != "(nothing)"]
    assert list(dict.fromkeys(found)) == list(SECTIONS)
    assert not {name: found.count(name) for name, n in SECTIONS.items() if found.count(name) < n}


def test_each_step_of_the_guide_has_a_row_and_is_in_its_workflow() -> None:
    for (section, file), steps in STEPS.items():
        said = " ".join(row.says for row in rows() if row.section == section)
        workflow = (WORKFLOWS / file).read_text()
        for step in steps.replace("; ", "|").split(", "):
            name = step.replace("|", ", ")
            assert f"*{name}*" in said, name
            assert f"- name: {name}\n" in workflow, name


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.section}: {row.says}")
def test_each_row_names_existing_files_and_tests(row: Row) -> None:
    places = [ROOT / name for name in names(row.where)]
    assert not [p for p in places if not p.exists() and not (WORKFLOWS / p.name).exists()]
    assert not [name for name in names(row.proof) if not is_there(name)]


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.section}: {row.says}")
def test_each_row_has_a_proof_or_a_reason(row: Row) -> None:
    reason = row.proof.removeprefix("none: ") if row.proof.startswith("none: ") else ""
    assert bool(names(row.proof)) != (len(reason.split()) >= 3)
    assert row.says and (reason or (row.here and names(row.where)))


@pytest.mark.parametrize(
    "proof", ["drill lnit", "tests/gone.py::test_x", "conftest.py::test_x", "make nothing"]
)
def test_a_missing_proof_is_noticed(proof: str) -> None:
    assert not is_there(proof)


def test_python_is_the_same_in_workflow_and_image() -> None:
    jobs = yaml.safe_load((WORKFLOWS / "test.yml").read_text())["jobs"].values()
    used = {
        s["with"]["python-version"]
        for j in jobs
        for s in j["steps"]
        if "setup-python" in s.get("uses", "")
    }
    (base,) = re.findall(r"^FROM python:([\d.]+)-", (ROOT / "Dockerfile").read_text(), re.M)
    assert used == {base}


# What a reader sees

FENCED = re.compile(r"^ *```.*?^ *```$", re.M | re.S)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_no_indented_sentence_is_rendered_as_code(page: Path) -> None:
    # More than the indentation of a list is a block of code.
    assert re.findall(r"^ {5,}\S.*", FENCED.sub("", page.read_text()), re.M) == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_no_mark_of_the_template_is_shown(page: Path) -> None:
    shown = "".join(FENCED.findall(page.read_text()))
    assert re.findall(r".*(?:only with|until here): .*", shown) == []


# Links


def slug(heading: str) -> str:
    """Return the anchor that GitHub and MkDocs give to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def links() -> list[tuple[Path, str]]:
    linked = re.compile(r"\]\((?![a-z]+:)([^)\s]+)\)")
    return [(page, link) for page in pages() for link in linked.findall(page.read_text())]


@pytest.mark.parametrize(("page", "link"), links(), ids=str)
def test_each_link_has_a_target(page: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    assert target.is_file()
    if anchor:
        headings = re.findall(r"^#+ (.+)$", target.read_text(), re.M)
        assert anchor in map(slug, headings)


def test_the_menu_of_the_site_has_every_page_once() -> None:
    menu = (ROOT / "mkdocs.yml").read_text()
    listed = re.findall(r"^ +- (?:[\w ]+: )?([\w/-]+\.md)", menu, re.M)
    places = [build_docs.place_of(page).relative_to(build_docs.PAGES) for page in pages()]
    assert sorted(listed) == sorted(map(str, places))


IMAGES = sorted(image for folder in FOLDERS for image in folder.glob("images/*"))


@pytest.mark.parametrize("image", IMAGES, ids=str)
def test_each_image_is_small_and_has_a_description(image: Path) -> None:
    assert image.stat().st_size < 150_000
    if image.suffix == ".svg":
        text = image.read_text()
        assert "<title" in text and "<desc" in text
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_commands_of_the_pages_run_on_macos(page: Path) -> None:
    commands = "\n".join(command.text for block in blocks(page) for command in block.commands)
    assert not_on_macos(commands) == []

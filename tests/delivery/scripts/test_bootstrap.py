"""scripts/bootstrap: it installs the packages with uv, or with pip."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PINS = """\
typing==1 \\
    --hash=1
uv==2 \\
    --hash=2 \\
    --hash=3
    # via -r requirements-ci.in
zizmor==4
"""
PIP = """\
#!/bin/sh
if [ "$1 $2" = "config get" ]; then
    [ "$3" = global.index-url ] && echo https://packages.example.com/simple
else
    for word; do [ -p "$word" ] && cat "$word" >> asked; done
    echo "pip $*" >> asked
fi
"""
PYTHON = f"""\
#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p .venv/bin
    ln -sf {sys.executable} .venv/bin/python
    printf '#!/bin/sh\\nexit 0\\n' | tee .venv/bin/pip > .venv/bin/uv
    chmod +x .venv/bin/pip .venv/bin/uv
else
    exec {sys.executable} "$@"
fi
"""
UV = """\
#!/bin/sh
echo "uv $UV_DEFAULT_INDEX $*" >> asked
exit {code}
"""
# Like Ctrl-C, and like uv, which then ends in its own way.
UV_INTERRUPTED = """\
#!/bin/sh
trap : INT
echo uv >> asked
kill -INT 0
exit 2
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with an environment, whose pip and uv record their arguments."""
    for name in ("scripts/bootstrap", "delivery/progress"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "requirements.txt").write_text("django==5.2\n")
    (tmp_path / "requirements-ci.txt").write_text(PINS)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    return tmp_path


def asked(clone: Path, uv_ends_with: int, **variables: str) -> list[str]:
    """Return the arguments of pip and uv."""
    for name, text in {"pip": PIP, "uv": UV.format(code=uv_ends_with)}.items():
        (clone / ".venv/bin" / name).write_text(text)
        (clone / ".venv/bin" / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    done = subprocess.run(
        ["scripts/bootstrap", "run"],
        cwd=clone,
        env=kept | variables,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return (clone / "asked").read_text().splitlines()


def test_the_pinned_uv_uses_the_index_of_pip(clone: Path) -> None:
    *pin, pip, uv = asked(clone, 0)
    assert pin == ["uv==2 \\", "    --hash=2 \\", "    --hash=3"]
    assert pip.startswith("pip install ") and " --require-hashes " in pip
    assert uv.startswith("uv https://packages.example.com/simple pip install ")
    assert uv.endswith(" --require-hashes --requirement=requirements.txt")
    assert (clone / ".venv/requirements.txt.installed").exists()


def test_uv_follows_the_variables_of_pip(clone: Path) -> None:
    assert asked(clone, 0, PIP_INDEX_URL="https://other.example.com")[-1].startswith(
        "uv https://other.example.com pip install "
    )


def test_pip_installs_if_uv_fails(clone: Path) -> None:
    *_, uv, pip = asked(clone, 1)
    assert uv.startswith("uv ")
    assert pip.startswith("pip install ") and " --require-hashes " in pip
    assert pip.endswith(" --requirement=requirements.txt")


def test_an_environment_whose_creation_was_interrupted_is_created_again(clone: Path) -> None:
    # Python comes first, and pip last.
    python = clone / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    done = subprocess.run(
        ["scripts/bootstrap", "run"],
        cwd=clone,
        env=os.environ | {"PYTHON": str(python)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (clone / ".venv/requirements.txt.installed").exists()


def test_an_interrupt_ends_it_and_does_not_count_as_a_failure_of_uv(clone: Path) -> None:
    for name, text in {"pip": PIP, "uv": UV_INTERRUPTED}.items():
        (clone / ".venv/bin" / name).write_text(text)
        (clone / ".venv/bin" / name).chmod(0o755)
    done = subprocess.run(["scripts/bootstrap", "run"], cwd=clone, start_new_session=True)
    assert done.returncode == 130
    assert (clone / "asked").read_text().splitlines()[-1] == "uv"

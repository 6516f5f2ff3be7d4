"""The images of the rehearsal: pulled ones, stand-ins, and our own."""

import json
import re
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest
import yaml

from rehearsal.images import builder, debian, progress

WORKFLOWS = builder.ROOT / ".github" / "workflows"
Answer = subprocess.CompletedProcess[str]


def test_each_named_image_can_be_pulled_or_built() -> None:
    wanted = set()
    for path in WORKFLOWS.glob("*.yml"):
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            versions = job.get("strategy", {}).get("matrix", {}).get("mysql", [])
            for service in job.get("services", {}).values():
                name, tag = service["image"].split(":", 1)
                wanted |= {f"{name}:{v}" for v in (versions if "matrix" in tag else [tag])}
            for step in job.get("steps", []):
                if "trufflehog@" in step.get("uses", ""):
                    wanted.add(f"ghcr.io/trufflesecurity/trufflehog:{step['with']['version']}")
    dockerfile = (builder.ROOT / "Dockerfile").read_text()
    wanted.add(re.findall(r"^FROM (\S+:\S+)", dockerfile, re.M)[0])
    data = (builder.ROOT / "infra" / "data.yaml").read_text()
    engine = re.findall(r'Engine: valkey\n +EngineVersion: "([\d.]+)"', data)[0]
    wanted.add(f"valkey/valkey:{engine}-alpine")
    assert wanted == set(builder.PULLED)


def test_each_dockerfile_uses_the_base_that_is_built_first() -> None:
    bases = {stand_in.dockerfile: stand_in.base for stand_in in builder.PULLED.values()}
    bases |= {own.dockerfile: builder.PYTHON for own in builder.OWN.values()}
    for path in builder.HERE.glob("*.Dockerfile"):
        assert re.findall(r"^FROM (\S+)", path.read_text(), re.M) == [bases[path.name]]


def test_the_runner_has_every_file_that_its_dockerfile_copies() -> None:
    own = builder.OWN["rehearsal-runner"]
    copied = re.findall(r"^COPY (.+) \S+$", (builder.HERE / own.dockerfile).read_text(), re.M)
    words = {word for line in copied for word in line.split()} - {"machine/"}
    assert words == set(own.files)


def fake_docker(answer: Callable[[tuple[str, ...]], Answer]) -> Callable[..., Answer]:
    return lambda *words: answer(words)


def inspected(labels: str) -> Callable[..., Answer]:
    return fake_docker(lambda words: Answer(words, 0, labels, ""))


def stand_in(made_of: str) -> str:
    return json.dumps({"stand-in.for": "x", "stand-in.is": "y", "rehearsal.sources": made_of})


@pytest.mark.parametrize(
    "labels,said",
    [
        ("null", "mysql:8.4 exists.\n"),
        (stand_in("today's files"), "OFFLINE: mysql:8.4 is replaced by y"),
    ],
    ids=["real", "stand-in"],
)
def test_an_existing_image_is_kept_and_a_stand_in_is_reported(
    labels: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(builder, "docker", inspected(labels))
    monkeypatch.setattr(builder, "fingerprint", lambda files, base: "today's files")
    assert builder.make(["mysql:8.4"]) == 0
    assert capsys.readouterr().out.startswith(said)


def test_a_stand_in_of_old_files_is_built_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine(monkeypatch, "no such host")
    monkeypatch.setattr(builder, "docker", inspected(stand_in("yesterday's files")))
    assert builder.make(["mysql:8.4"]) == 0
    assert machine.built == ["mysql:8.4"]


def test_a_stopped_engine_is_reported_instead_of_a_missing_image(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = Answer((), 1, "", "Cannot connect to the Docker daemon\n")
    monkeypatch.setattr(builder, "docker", fake_docker(lambda _: dead))
    assert builder.make(["mysql:8.4"]) == 1
    assert "Docker does not answer: Cannot connect" in capsys.readouterr().err


class Machine:
    """A machine without images, with a registry that refuses pulls for the given reason."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
        self.built: list[str] = []
        self.tagged: list[str] = []
        self.labels: dict[str, dict[str, str]] = {}
        monkeypatch.setattr(builder, "docker", self.docker)
        monkeypatch.setattr(builder, "pull", lambda image: reason)
        monkeypatch.setattr(builder, "bootstrap", self.built.append)
        monkeypatch.setattr(builder, "build", self.build)
        monkeypatch.setattr(builder, "run", self.run)

    def docker(self, *words: str) -> Answer:
        if words[-1] in self.labels:
            return Answer(words, 0, json.dumps(self.labels[words[-1]]), "")
        return Answer(words, 1, "", "Error: No such image\n")

    def build(self, image: str, dockerfile: str, files: list[Path], marks: dict[str, str]) -> None:
        self.built.append(image)
        self.labels[image] = marks

    def run(self, *command: str) -> None:
        program, word, source, image = command
        assert (program, word) == ("docker", "tag")
        self.tagged.append(image)
        self.labels[image] = self.labels[source]


def test_an_image_in_the_registry_is_not_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = Machine(monkeypatch, "")
    assert builder.make(["mysql:8.4", "redis:7-alpine"]) == 0
    assert machine.built == []
    assert "OFFLINE" not in capsys.readouterr().out


def test_a_base_and_a_stand_in_are_built_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = Machine(monkeypatch, "no such host")
    assert builder.make(["mysql:8.0", "mysql:8.4"]) == 0
    base, stand_in = machine.built
    assert base == debian.SID
    assert {stand_in, *machine.tagged} == {"mysql:8.0", "mysql:8.4"}
    said = "OFFLINE: mysql:8.0 is replaced by MySQL 9.7 or newer from Debian sid"
    assert said in capsys.readouterr().out


def test_no_other_image_delays_the_critical_path(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, "no such host")
    monkeypatch.setattr(builder, "processors", lambda: 1)
    runner_is_built = threading.Event()

    def build(image: str, dockerfile: str, files: list[Path], marks: dict[str, str]) -> None:
        if image == builder.RUNNER:
            runner_is_built.set()
        elif image not in builder.CRITICAL_PATH:
            assert runner_is_built.wait(20)
        machine.build(image, dockerfile, files, marks)

    monkeypatch.setattr(builder, "build", build)
    assert builder.make(["mysql:8.4", "redis:7-alpine", builder.RUNNER]) == 0


def test_the_first_docker_with_buildkit_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, code in (("without", 1), ("with", 0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "docker").write_text(f"#!/bin/sh\nexit {code}\n")
        (tmp_path / name / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/without:{tmp_path}/with")
    program = str(tmp_path / "with" / "docker")
    assert builder.build_command() == (program, {"DOCKER_BUILDKIT": "1"})
    monkeypatch.setenv("PATH", f"{tmp_path}/without")
    assert builder.build_command() == ("docker", {})


def test_the_debian_mirror_is_the_machines_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "apt-get").write_text("#!/bin/sh\necho http://near/debian\necho http://near/more\n")
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert debian.mirror() == ["http://near/debian"]
    (tmp_path / "apt-get").write_text("#!/bin/sh\n")
    assert debian.mirror() == []


def test_a_failed_build_shows_the_end_of_its_log() -> None:
    with pytest.raises(progress.BuildError) as failure:
        progress.run("sh", "-c", "seq 1 30; exit 3")
    assert str(failure.value).startswith("`sh -c` failed:\n  11\n")
    assert str(failure.value).endswith("\n  30")


@pytest.mark.parametrize(
    "script,reason",
    [
        ("echo pulling; echo done", ""),
        ("echo no such host; exit 1", "no such host"),
        ("exec sleep 600", "no answer within 0.1 s"),
    ],
    ids=["pulled", "refused", "silent"],
)
def test_a_pull_gives_up_on_a_silent_registry(
    script: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docker").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(builder, "SECONDS_TO_ANSWER", 0.1 if reason.startswith("no a") else 60)
    assert builder.pull("mysql:8.4") == reason


def test_the_fingerprint_changes_with_each_source_and_the_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "ROOT", tmp_path)
    file = tmp_path / "file"
    file.write_text("1")
    first = builder.fingerprint([file], "base")
    assert builder.fingerprint([file], "base") == first
    assert builder.fingerprint([file], "another") != first
    file.write_text("2")
    assert builder.fingerprint([file], "base") != first


def test_a_commit_with_other_pins_gets_an_empty_tool_cache(tmp_path: Path) -> None:
    for name in builder.PINNED:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((builder.ROOT / name).read_bytes())
    assert builder.tool_cache(tmp_path) == "/opt/toolcache/filled"
    with (tmp_path / "requirements-ci.txt").open("a") as file:
        file.write("# one byte more\n")
    assert builder.tool_cache(tmp_path) == "/opt/toolcache/empty"


def entrypoint(folder: Path, log: str, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "dpkg-query").write_text("#!/bin/sh\necho trufflehog 3.60\n")
    (folder / "trufflehog").write_text(f"#!/bin/sh\necho ran \"$@\"\necho '{log}' >&2\n")
    for program in folder.iterdir():
        program.chmod(0o755)
    return subprocess.run(
        [str(builder.HERE / "trufflehog-entrypoint"), *words],
        env={"PATH": f"{folder}:/usr/bin:/bin", "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
    )


def test_an_older_trufflehog_gets_no_unknown_option(tmp_path: Path) -> None:
    done = entrypoint(tmp_path, "", "git", "--since-commit", "", "--results=verified", "--fail")
    assert done.returncode == 0
    assert "\nran git --since-commit  --fail --no-verification " in done.stdout
    assert "and ignores --results=verified.\n" in done.stdout


def test_an_incomplete_scan_fails(tmp_path: Path) -> None:
    broken = '{"error": "unable to resolve base ref"}'
    assert entrypoint(tmp_path, broken, "git", "--fail-on-scan-errors").returncode == 1
    assert entrypoint(tmp_path, "finished", "git", "--fail-on-scan-errors").returncode == 0


def test_an_unknown_image_is_refused() -> None:
    build = str(builder.HERE / "build")
    done = subprocess.run([build, "mysql:5.7"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "error: unknown image mysql:5.7; the rehearsal's images: python:3.11" in done.stderr


def lines_of(shown: progress.Progress) -> list[str]:
    return [re.sub(r"\d+ s ", "N s ", line) for line in shown.lines()]


def test_the_progress_shows_each_image_with_the_last_line_of_its_output() -> None:
    shown = progress.Progress()
    shown.wanted = [Future(), Future()]
    shown.wanted[0].set_result(None)
    with shown.making("python", "pulling"):
        assert lines_of(shown) == ["  python: N s (1 of 2 ready): pulling"]
        shown.note("Step 2/3")
        assert lines_of(shown) == ["  python: N s (1 of 2 ready): Step 2/3"]
    shown.note("of no image")
    assert lines_of(shown) == []

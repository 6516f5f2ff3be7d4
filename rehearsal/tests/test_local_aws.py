"""The containers of the local AWS."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from rehearsal import docker, local_aws
from rehearsal.paths import AWS


class Engine:
    """An engine with one task of the local AWS, which starts another when that one ends."""

    def __init__(self) -> None:
        self.containers = ["task", AWS]  # as Docker lists them, the newest first

    def remove(self, containers: Sequence[str]) -> None:
        for name in containers:
            self.containers.remove(name)
            if AWS in self.containers:
                self.containers.append(f"after {name}")


@pytest.mark.parametrize("remove", [local_aws.remove, local_aws.start_aws])
def test_no_task_is_left_that_the_local_aws_started_while_it_was_removed(
    monkeypatch: pytest.MonkeyPatch, remove: Callable[[], None]
) -> None:
    engine = Engine()
    monkeypatch.setattr(docker, "ours", lambda: list(engine.containers))
    monkeypatch.setattr(docker, "remove", engine.remove)
    monkeypatch.setattr(docker, "docker", lambda *words: "")
    remove()
    assert engine.containers == []

"""What is done to an environment besides deploys, under load: it must lose nothing."""

from __future__ import annotations

from rehearsal import local_aws
from rehearsal.drills.courses import under_load
from rehearsal.drills.drill import After, Drill
from rehearsal.drills.scene import Scene
from rehearsal.places import url


def rotate_password(scene: Scene) -> None:
    words = ("staging", "database", "--yes", "--parameters", str(local_aws.parameters("staging")))
    scene.seen.log, _ = under_load(
        scene,
        "scripts/rotate-secrets",
        lambda: local_aws.shell("scripts/rotate-secrets", *words, APP_URL=url("staging")),
    )


DRILLS = (
    Drill(
        "password-rotation",
        "The database gets a new password while requests come in.",
        None,
        After(says="alone"),
        play=rotate_password,
        staged=True,
        instead="only the new one works",
        seconds=110,
    ),
)

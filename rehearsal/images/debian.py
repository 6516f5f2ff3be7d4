"""Small Debian images, built from packages with mmdebstrap."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from rehearsal.images.inherited import write_machine
from rehearsal.images.progress import BuildError, run

# The images, and the suite of each.
BASES = {"debian:bookworm-slim": "bookworm", "debian:sid-slim": "sid"}
BOOKWORM, SID = BASES
# Like Docker's images: no documentation, and dpkg does not sync each file to the disk.
SLIM = (
    "--variant=minbase",
    '--aptopt=Acquire::Languages "none"',
    # A snapshot of sid may be older than its date allows.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    "--dpkgopt=force-unsafe-io",
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "info", "locale", "man")),
)
# Without this hook bookworm gets usrmerge, which needs all of Perl.
MERGED_USR = Path("/usr/share/mmdebstrap/hooks/merged-usr")
INSTALLING = threading.Lock()


def mirror() -> list[str]:
    """Return this machine's Debian mirror; empty if the machine does not run Debian."""
    listed = ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"]
    listed += ["Label: Debian"]  # not its security updates, and no other vendor's packages
    return subprocess.run(listed, capture_output=True, text=True).stdout.split()[:1]


def install_mmdebstrap() -> None:
    """Install mmdebstrap if it is missing; other threads wait."""
    with INSTALLING:
        if shutil.which("mmdebstrap"):
            return
        if not shutil.which("apt-get"):
            raise BuildError("a stand-in needs mmdebstrap, which runs only on Debian and Ubuntu")
        run("apt-get", "update", "-qq")
        packages = ("mmdebstrap", "debian-archive-keyring")
        run("apt-get", "install", "-qq", "--no-install-recommends", *packages)


def bootstrap(image: str) -> None:
    """Build a small Debian image from packages."""
    if os.geteuid() != 0:
        raise BuildError("a stand-in needs mmdebstrap, which needs root: run this with sudo")
    install_mmdebstrap()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_machine(folder / "machine")
        # apt uses this machine's certificates until ca-certificates is installed.
        trusted = f'cp --recursive {folder}/machine/etc/ssl "$1/etc"'
        options = [*SLIM, f"--customize-hook={trusted}"]
        if BASES[image] == "bookworm" and MERGED_USR.is_dir():
            options += [f"--hook-dir={MERGED_USR}", "--include=usr-is-merged"]
        archive = folder / "root.tar"
        temporary = folder / "temporary"
        temporary.mkdir()
        # In memory, which is faster than a disk; the kernel unmounts it when the process ends.
        in_memory = 'mount -t tmpfs tmpfs "$TMPDIR" && exec mmdebstrap "$@"'
        run(
            *("unshare", "--mount", "sh", "-c", in_memory, "sh", "--quiet", *options),
            *(BASES[image], str(archive), *mirror()),
            TMPDIR=str(temporary),
        )
        run("docker", "import", str(archive), image)

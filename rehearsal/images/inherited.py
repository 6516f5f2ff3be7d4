"""This machine's trusted certificates and package index, for the images that it builds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


def pip_index() -> str:
    """Return the package index in the configuration of this machine's pip, if any."""
    if index := os.environ.get("PIP_INDEX_URL"):
        return index
    told = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    return subprocess.run(told, capture_output=True, text=True).stdout.strip()


def write_machine(folder: Path) -> None:
    """Write the files of this machine that an image needs: certificates, and pip's index.

    A machine behind a proxy trusts the proxy's certificate, and so must its images.
    """
    (folder / "etc/ssl/certs").mkdir(parents=True)
    settings = ["[global]"]
    if AUTHORITIES.exists():
        shutil.copyfile(AUTHORITIES, folder / "etc/ssl/certs/ca-certificates.crt")
        settings.append(f"cert = {AUTHORITIES}")
    if index := pip_index():
        settings.append(f"index-url = {index}")
        (folder / "etc/uv").mkdir()
        (folder / "etc/uv/uv.toml").write_text(f'[[index]]\nurl = "{index}"\ndefault = true\n')
    (folder / "etc/pip.conf").write_text("\n".join([*settings, ""]))
    # They are copied over the image's folders, so they need the usual permissions.
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)

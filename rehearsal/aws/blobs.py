"""Pushed layers on disk; ministack would keep each in memory, three times during the push."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO


@dataclass
class Upload:
    """A blob that is being uploaded."""

    path: Path
    file: BinaryIO
    size: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def write(self, chunk: bytes) -> None:
        self.file.write(chunk)
        self.digest.update(chunk)
        self.size += len(chunk)


class Blobs:
    """Blobs by digest, and the blobs of each repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.links: dict[str, set[str]] = {}
        self.uploads: dict[str, Upload] = {}

    def path(self, digest: str) -> Path:
        return self.folder / digest.replace(":", "-")

    def find(self, repository: str, digest: str) -> Path | None:
        return self.path(digest) if digest in self.links.get(repository, ()) else None

    def begin(self) -> str:
        """Begin an upload; return its name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = str(uuid.uuid4())
        path = self.folder / f"upload-{name}"
        self.uploads[name] = Upload(path, path.open("wb"))
        return name

    def finish(self, repository: str, name: str, digest: str) -> str:
        """Store an upload as a blob of a repository if it has this digest; return its digest."""
        upload = self.uploads.pop(name)
        upload.file.close()
        found = f"sha256:{upload.digest.hexdigest()}"
        if found == digest:
            upload.path.replace(self.path(digest))
            self.link(repository, digest)
        else:
            upload.path.unlink()
        return found

    def cancel(self, name: str) -> None:
        upload = self.uploads.pop(name)
        upload.file.close()
        upload.path.unlink()

    def link(self, repository: str, digest: str) -> None:
        self.links.setdefault(repository, set()).add(digest)

    def unlink(self, repository: str, digests: set[str]) -> None:
        """Remove blobs from a repository, and from the disk if no other repository has them."""
        self.links[repository] = self.links.get(repository, set()) - digests
        for digest in digests:
            if not any(digest in linked for linked in self.links.values()):
                self.path(digest).unlink(missing_ok=True)

    def size(self) -> int:
        """Return the size of all blobs in bytes."""
        every: set[str] = set().union(*self.links.values())
        return sum(self.path(digest).stat().st_size for digest in every)

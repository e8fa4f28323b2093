"""A version of a model on disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models import card, companions
from models.errors import Damaged
from models.manifest import CARD, DISCRIMINATOR, GENERATOR, MANIFEST, Manifest, sha256_of

REQUIRED = (GENERATOR, DISCRIMINATOR)
"""Files that every version contains."""
Fill = Callable[[Path, int], None]
"""Writes all files of a version, including the manifest, to the folder, for the version number."""
Check = Callable[[], None]
"""Raises if the operation is no longer allowed."""


@dataclass(frozen=True)
class Version:
    """A version on disk. Only `verify` checks its files."""

    path: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def number(self) -> int:
        return self.manifest.version

    def file(self, name: str) -> Path:
        """Return the path of a file of this version. It may not exist.

        Raises:
            Unreachable: the file is in object storage, which cannot be read.
        """
        return self.path / name

    def companion(self, name: str) -> Path:
        """Return the path of a companion of this version (`models.companions`). It may not exist."""
        return companions.path_of(self.path.parent.parent, self.name, self.manifest.digest, name)

    def verify(self) -> None:
        """Compare every file with the manifest.

        Raises:
            Damaged: a file is missing or has the wrong sha256.
            Unreachable: see `file`.
        """
        for required in REQUIRED:
            if required not in self.manifest.files:
                raise Damaged(f"The manifest of {self.name}/{self.number} does not list {required}. Publish the version again.")
        for file, expected in self.manifest.files.items():
            path = self.file(file)
            if not path.is_file():
                raise Damaged(f"{self.name}/{self.number}/{file} is missing. Restore it, or delete the version.")
            found = sha256_of(path)
            if found != expected:
                raise Damaged(
                    f"{self.name}/{self.number}/{file} has sha256 {found}, but its manifest says {expected}. Restore the file, "
                    "or delete the version."
                )


def copier(source: Version, **changes: object) -> Fill:
    """Return a `Fill` that copies a version, with some manifest fields changed.

    Args:
        source: a version of another repository, or a candidate.
        changes: manifest fields to change.
    """

    def fill(folder: Path, number: int) -> None:
        for file in source.manifest.files:
            shutil.copyfile(source.file(file), folder / file)
        manifest = source.manifest.model_copy(update={**changes, "version": number})
        (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")
        (folder / CARD).write_text(card.render(manifest))

    return fill

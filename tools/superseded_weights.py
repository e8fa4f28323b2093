"""Removes the weights of superseded shipped versions: python -m tools.superseded_weights

`weights.pt` is half the size of a version and only needed for a warm start, which begins with the champion. Everything that
determines a response stays: both networks, the manifest and the card. Only the checksum of `weights.pt` leaves the manifest.
"""

from __future__ import annotations

import re
from pathlib import Path

from models.aliases import CHAMPION
from models.atomic import write_atomically
from models.manifest import MANIFEST, WEIGHTS, Manifest
from models.repository import Repository
from models.version import Version

SHIPPED = Path(__file__).resolve().parent.parent / "models"
ENTRY = re.compile(rf'(,\s*"{re.escape(WEIGHTS)}": "[0-9a-f]{{64}}"|"{re.escape(WEIGHTS)}": "[0-9a-f]{{64}}",\s*)')


def superseded(repository: Repository) -> list[Version]:
    """Return the versions with weights that are not their model's champion."""
    found = []
    for name in repository.names():
        champion = repository.aliases(name)[CHAMPION]
        versions = (repository.get(name, number) for number in repository.numbers(name) if number != champion)
        found += [version for version in versions if WEIGHTS in version.manifest.files]
    return found


def remove_weights(version: Version) -> int:
    """Remove a version's weights and their checksum. Return the number of bytes removed.

    The other bytes of the manifest stay as they were published.
    """
    path, weights = version.path / MANIFEST, version.path / WEIGHTS
    text = ENTRY.sub("", path.read_text(), count=1)
    files = dict(version.manifest.files)
    del files[WEIGHTS]
    if Manifest.model_validate_json(text) != version.manifest.model_copy(update={"files": files}):
        raise ValueError(f"{path} is not formatted like a published manifest. Restore it from git.")
    write_atomically(path, text.encode())
    size = weights.stat().st_size
    weights.unlink()
    return size


def main(repository: Repository) -> None:
    """Remove the weights of all superseded versions, and print how much that saves."""
    for version in superseded(repository):
        print(f"{version.name}/{version.number}: removed {remove_weights(version):,} bytes")


if __name__ == "__main__":
    main(Repository(SHIPPED))

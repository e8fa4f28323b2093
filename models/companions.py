"""Files that are made after a version was published, and belong to its generator.

    <root>/<name>/companions/<sha256 of the generator>/directions.json

A published version never changes, and its manifest lists the checksums of all its files, so a companion cannot become one of
them. It is stored beside the versions, under the digest of the generator that it was made for. That digest determines the
pixels, so a companion also fits a copy of the version that has another number in another repository.

A companion is written once and never replaced, because pictures that were drawn with it have permanent addresses. It
contains its own checksum. To store other measurements, publish a new version of the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from models.atomic import write_atomically
from models.errors import Damaged, RepositoryError
from models.locking import exclusively

FOLDER = "companions"


class Companion(BaseModel):
    """A companion in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    generator: str
    """sha256 of the generator."""


Found = TypeVar("Found", bound=Companion)


def path_of(root: Path, name: str, digest: str, file: str) -> Path:
    """Return the path of a companion. It may not exist.

    Args:
        root: the repository.
        name: the model.
        digest: sha256 of the generator.
        file: name of the file.
    """
    return root / name / FOLDER / digest / file


def add(path: Path, content: bytes) -> None:
    """Write a companion.

    Raises:
        RepositoryError: there is another one already, or another process has held the model's lock for too long.
        OSError: it cannot be written. No file is left.
    """
    if _is_there(path, content):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with exclusively(path.parents[2] / ".lock"):
        if not _is_there(path, content):
            write_atomically(path, content)


def _is_there(path: Path, content: bytes) -> bool:
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        return False
    if found != content:
        raise RepositoryError(
            f"This generator already has a different {path.name}, and pictures may have been drawn with it. To store another "
            "one, publish a new version of the model."
        )
    return True


def listed(root: Path, name: str) -> Iterator[tuple[str, Path]]:
    """Yield the digest of the generator and the path of each companion of a model."""
    for path in sorted((root / name / FOLDER).glob("*/[!.]*")):
        yield path.parent.name, path


def read(path: Path, kind: type[Found], generator: str) -> Found | None:
    """Read a companion in JSON. None if there is none.

    Args:
        path: the file.
        kind: what it contains.
        generator: sha256 of the generator.

    Raises:
        Damaged: the file is damaged, or belongs to another generator.
    """
    try:
        found = kind.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValidationError) as error:
        raise Damaged(f"{path.name} cannot be read ({error}). Restore it from a copy.") from error
    if found.generator != generator:
        raise Damaged(f"{path.name} belongs to another generator. Restore the file of this generator.")
    return found

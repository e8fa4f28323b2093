"""Finds and opens published versions for the commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models.aliases import CHAMPION
from models.manifest import GENERATOR, MANIFEST, Manifest
from models.repository import Repository
from models.version import Version
from training.commands.options import SHIPPED, STATE
from training.errors import TrainingError

if TYPE_CHECKING:
    from training.evaluation.onnx_models import OnnxGenerator, OnnxSharpener


def find_version(repository: Path | None, name: str, number: int | None) -> Version:
    """Return a version of a model, by default the champion.

    Args:
        repository: folder of published models. Defaults to the state folder if it contains the model, else the shipped ones.
        name: the model.
        number: the version.

    Raises:
        TrainingError: there is no such model, or no champion.
        RepositoryError: there is no such version.
    """
    repository = repository or (STATE if name in Repository(STATE).names() else SHIPPED)
    found = Repository(repository)
    if number is None:
        number = found.served_aliases(name).get(CHAMPION, 0)
    if not found.names():
        raise TrainingError(f"{repository} has no models. Name another folder with --repository, or export a run first.")
    if name not in found.names():
        raise TrainingError(f"{repository} has no model {name!r}. Choose one of: {', '.join(found.names())}.")
    if not number:
        raise TrainingError(f"{repository} has no champion of {name!r}. Choose a version with --version.")
    return found.get(name, number)


def find_generator(repository: Path | None, name: str, number: int | None) -> Version:
    """Return a verified version that draws from seeds, like `find_version`.

    Raises:
        TrainingError: there is no such version, or it sharpens pictures.
        RepositoryError: there is no such version, or it is damaged.
    """
    found = find_version(repository, name, number)
    found.verify()
    if found.manifest.task != "generate":
        raise TrainingError(f"{name}/{found.number} sharpens pictures. Name a model of the task generate.")
    return found


def open_sharpeners(repository: Repository, name: str, numbers: list[int] | None) -> dict[str, OnnxSharpener]:
    """Open versions of a sharpener. Returns them by title."""
    from training.evaluation.onnx_models import OnnxSharpener

    found = [repository.get(name, number) for number in numbers or ()]
    return {f"{name}/{each.number}": OnnxSharpener(each.path / GENERATOR, each.manifest.degradations) for each in found}


def open_verified(folder: Path) -> OnnxGenerator | OnnxSharpener:
    """Verify a published version and return its generator."""
    version = Version(folder, Manifest.model_validate_json((folder / MANIFEST).read_bytes()))
    version.verify()

    from training.evaluation.onnx_models import open_generator

    return open_generator(folder, version.manifest)

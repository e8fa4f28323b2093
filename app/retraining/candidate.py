"""A candidate: what a job has trained and measured, before and when it is published as a version."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

from app.errors import VersionUnusable
from app.sampling import sharpener
from app.sampling.generator import LoadedGenerator
from models import encoder
from models.errors import RepositoryError
from models.history import Cause
from models.manifest import AGAINST, MANIFEST, Figure, Gate, Manifest, PopulationNote
from models.repository import Repository
from models.version import Version, copier

logger = logging.getLogger("seedling")


def read_candidate(folder: Path) -> tuple[Version, dict[str, Figure]]:
    """Return a candidate and the champion's metrics measured along with it (empty if there was no champion).

    Raises:
        VersionUnusable: the folder does not contain the files that the trainer writes.
    """
    try:
        version = Version(folder, Manifest.model_validate_json((folder / MANIFEST).read_bytes()))
        measured = json.loads((folder / AGAINST).read_bytes()) if (folder / AGAINST).exists() else {}
        return version, {name: Figure.model_validate(figure) for name, figure in measured.items()}
    except (OSError, ValueError) as error:
        raise VersionUnusable(f"{folder} has no valid candidate ({error}). Resume the job to export it again.") from error


def check_fit_to_serve(version: Version, load: Callable[[Version], LoadedGenerator] = sharpener.load) -> None:
    """Load a version as a server worker does, and check that a batch has the same pixels as its pictures drawn alone.

    Args:
        version: a published version or a candidate.
        load: loads the version. Server workers pass their own loader.

    Raises:
        VersionUnusable: the files, shapes or golden pixels do not match the manifest, or batched pixels differ.
    """
    manifest = version.manifest
    if manifest.parity.generator_pixels_different or manifest.parity.batch_pixels_different:
        raise VersionUnusable(f"{version.path} failed the parity check at its export. Train again.")
    generator = load(version)  # verifies files, shapes and golden pixels
    points = generator.golden_points()
    together = generator.draw(points)
    for seed, point in enumerate(points):
        if (generator.draw([point])[0] != together[seed]).any():
            raise VersionUnusable(f"{version.path} draws seed {seed} differently alone and in a batch. Train again.")


def published_by(repository: Repository, name: str, job_id: str) -> Version | None:
    """Return the version that a job has published, or None. After a crash, a job must not publish again."""
    for number in reversed(repository.numbers(name)):
        try:
            version = repository.get(name, number)
        except RepositoryError:
            continue
        if version.manifest.job == job_id:
            return version
    return None


def publish(
    repository: Repository,
    candidate: Version,
    name: str,
    job_id: str,
    parent: int | None,
    gate: Gate,
    check: Callable[[], None] = lambda: None,
    population: PopulationNote | None = None,
) -> Version:
    """Publish a candidate with the gate's verdict in its manifest and model card. A job publishes only once.

    Args:
        repository: the target.
        candidate: the version to publish.
        name: name of the model.
        job_id: the job that trained the candidate.
        parent: the version that provided the initial weights.
        gate: the verdict.
        check: raises if this process may no longer publish. It is called under the model's lock, together with the search
            for an earlier publication by the job; otherwise a process suspended between the two could publish twice. It is
            called again after all files are written, because a long-suspended process may have lost a shared volume's lock.
        population: the population that the candidate was chosen from.
    """

    def found() -> Version | None:
        check()
        return published_by(repository, name, job_id)

    noted = {"job": job_id, "parent": parent, "gate": gate, "population": population}
    cause = Cause(how="job", by=job_id, reason=gate.reason)
    return repository.publish(name, copier(candidate, **noted), unless=found, check=check, cause=cause)


def add_encoder(repository: Repository, version: Version, folder: Path) -> None:
    """Store the encoder of a candidate beside its version. An encoder that is there already stays.

    That is not an error: the version may be a copy of another one, or have been published before a crash.

    Args:
        repository: the version's repository.
        version: the published version.
        folder: the candidate. It may have no encoder.

    Raises:
        OSError: it cannot be written.
    """
    if version.companion(encoder.FILE).is_file():
        return
    try:
        for file in (encoder.NETWORK, encoder.FILE):  # the description comes last, because it says that there is an encoder
            if (folder / file).is_file():
                repository.add_companion(version.name, version.manifest.digest, file, (folder / file).read_bytes())
    except RepositoryError as error:
        logger.warning("%s/%s gets no encoder: %s", version.name, version.number, error)

"""The gate: decides whether a retrained generator is better than the champion, and publishes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.errors import VersionUnusable
from app.retraining.job import Promote
from app.sampling.generator import LoadedGenerator
from models.errors import RepositoryError
from models.manifest import AGAINST, MANIFEST, Figure, Gate, Manifest
from models.repository import Repository
from models.version import Version, copier
from training.spec import TrainingSpec

LEAST_GAIN = 0.01
"""Share by which the Frechet distance must fall: less could be the luck of the draw."""
TOLERANCE = 0.01
"""By how much coverage and label accuracy may fall."""
RULE = (
    "Better is whose Frechet distance to held-out test pictures (fid_test) is lower by at least 1 %, while coverage and label "
    "accuracy fall by no more than 0.01, both versions measured on the same seeds and labels."
)


@dataclass(frozen=True)
class Champion:
    """What a new version is held against."""

    version: Version

    def incomparable_with(self, spec: TrainingSpec) -> str | None:
        """Why it cannot be compared with what this spec makes; None if it can."""
        manifest = self.version.manifest
        if manifest.dataset.name != spec.dataset:
            return f"the champion was trained on {manifest.dataset.name}, this one on {spec.dataset}"
        if bool(manifest.classes) != spec.conditional:
            ours, theirs = ("classes", "none") if spec.conditional else ("no classes", "some")
            return f"this one has {ours} and the champion has {theirs}, so callers' labels would change their meaning"
        return None


def version_to_beat(repository: Repository, name: str, number: int | None) -> Champion | None:
    """A model's champion of that number; None if there is none, or its manifest cannot be read."""
    try:
        return Champion(repository.get(name, number)) if number else None
    except RepositoryError:
        return None


def decide(
    asked: Promote,
    figures: dict[str, Figure],
    champion: int | None,
    champion_figures: dict[str, Figure],
    incomparable: str | None = None,
) -> Gate:
    """Decide by the rule.

    Args:
        asked: what the job was to do.
        figures: the new version's.
        champion: number of the champion; None if the model has none.
        champion_figures: the champion's on the same draws; empty if they could not be had.
        incomparable: why the two cannot be compared, if they cannot.
    """

    def gate(promoted: bool, reason: str) -> Gate:
        return Gate(
            asked=asked,
            promoted=promoted,
            rule=RULE,
            reason=reason,
            champion=champion,
            figures=figures,
            champion_figures=champion_figures,
        )

    if champion is None:
        return gate(True, "It is the first version of this model.")
    better, compared = False, f"They cannot be compared: {incomparable}." if incomparable else ""
    if not compared and not champion_figures:
        compared = f"Version {champion}, the champion, could not be measured; the job's log says why."
    if not compared:
        better, compared = _compare(figures, champion_figures, champion)
    if asked == "always":
        return gate(True, f"Promotion was asked for in any case. {compared}")
    if asked == "never":
        return gate(False, f"Promotion was not asked for. {compared}")
    return gate(better, compared)


def _compare(ours: dict[str, Figure], theirs: dict[str, Figure], champion: int) -> tuple[bool, str]:
    """Whether ours are better, and the reason in words."""
    fid, fid_before = _value(ours, "fid_test"), _value(theirs, "fid_test")
    said = f"fid_test {fid:.4f} against {fid_before:.4f} of version {champion}"
    if not fid <= fid_before * (1 - LEAST_GAIN):
        return False, f"Not better: {said}."
    for name in ("coverage", "label_accuracy"):
        if ours[name].value is None and theirs[name].value is None:
            continue
        value, before = _value(ours, name), _value(theirs, name)
        if not value >= before - TOLERANCE:
            return False, f"Not better: {said}, but {name} fell from {before:.4f} to {value:.4f}."
    return True, f"Better: {said}, and neither coverage nor label accuracy fell by more than {TOLERANCE}."


def _value(figures: dict[str, Figure], name: str) -> float:
    value = figures[name].value
    return float("nan") if value is None else value  # no comparison with it holds, so it never passes


def read_candidate(folder: Path) -> tuple[Version, dict[str, Figure]]:
    """A candidate, and the champion's figures that were measured beside it (empty if there was no champion).

    Raises:
        VersionUnusable: the folder does not hold what the trainer writes.
    """
    try:
        version = Version(folder, Manifest.model_validate_json((folder / MANIFEST).read_bytes()))
        measured = json.loads((folder / AGAINST).read_bytes()) if (folder / AGAINST).exists() else {}
        return version, {name: Figure.model_validate(figure) for name, figure in measured.items()}
    except (OSError, ValueError) as error:
        raise VersionUnusable(f"{folder} holds no candidate ({error}). Resume the job: it is then exported anew.") from error


def check_fit_to_serve(version: Version, load: Callable[[Version], LoadedGenerator] = LoadedGenerator) -> None:
    """Load a version as a server worker does, and compare a batch with its pictures one by one.

    Args:
        version: published, or a candidate.
        load: how; a server worker has a way of its own.

    Raises:
        VersionUnusable: its files, shapes or golden pixels are not its manifest's, or it draws a batch differently.
    """
    manifest = version.manifest
    if manifest.parity.generator_pixels_different or manifest.parity.batch_pixels_different:
        raise VersionUnusable(f"{version.path} did not pass parity when it was exported. Train again.")
    generator = load(version)  # verifies files, shapes and golden pixels
    points = [generator.point(seed)[0] for seed in range(manifest.golden.seeds)]
    together = generator.draw(points)
    for seed, point in enumerate(points):
        if (generator.draw([point])[0] != together[seed]).any():
            raise VersionUnusable(f"{version.path} draws seed {seed} differently alone and in a batch. Train again.")


def published_by(repository: Repository, name: str, job_id: str) -> Version | None:
    """The version that a job has published, if it has: after a crash it must not be published twice."""
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
) -> Version:
    """Publish a candidate with the gate's verdict in its manifest and on its card; once a job.

    Args:
        repository: where to.
        candidate: what to publish.
        name: of the model.
        job_id: the job that made it.
        parent: the version whose weights it started from.
        gate: the verdict.
        check: raises if this process may no longer publish. Called under the model's lock, as is the search for what the job
            has published before: else a process that was stopped in between would publish a second time. Called again when
            all files are written: a process that was stopped for long may have lost the lock of a shared volume.
    """

    def found() -> Version | None:
        check()
        return published_by(repository, name, job_id)

    return repository.publish(name, copier(candidate, job=job_id, parent=parent, gate=gate), unless=found, check=check)

"""The gate: decides whether a retrained generator is better than the champion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.retraining.job import Promote
from models import copying
from models.copying import MOST_COPIES
from models.errors import RepositoryError
from models.manifest import Figure, Gate, Task
from models.repository import Repository
from models.version import Version
from training.spec import TrainingSpec

LEAST_GAIN = 0.01
"""Relative decrease of the Frechet distance that is required. A smaller one could be due to chance."""
TOLERANCE = 0.01
"""Decrease of coverage and label accuracy that is allowed."""
RULE = (
    "The better version is the one whose Frechet distance to test pictures (fid_test) is lower by at least "
    f"{100 * LEAST_GAIN:g} %, while coverage and label accuracy fall by no more than {TOLERANCE:g}, both versions measured on "
    "the same seeds and labels. A version that copies training pictures is not promoted: its share of copies (copied) must not "
    f"be more than {MOST_COPIES:g} above its floor. Copies are close to the test pictures, so the Frechet distance of a "
    "champion that copies does not count: coverage and label accuracy alone decide whether another version replaces it."
)
SHARPEN_TESTS = ("shrink2", "shrink4", "blur1", "blur2")
"""The tests of the ledger of a sharpener."""
SHARPEN_RULE = (
    "The better sharpener is the one whose Frechet distance to the originals, summed over the tests of the ledger (shrunk to "
    f"14x14 and 7x7, blurred with sigma 1 and 2), is lower by at least {100 * LEAST_GAIN:g} %, while label accuracy falls by "
    f"no more than {TOLERANCE} in any test, both versions measured on the same pictures and seeds."
)


@dataclass(frozen=True)
class Champion:
    """The version that a new version is compared with."""

    version: Version

    @property
    def copies(self) -> bool:
        """Whether it copies its training pictures. It was the first version of the model, or promoted regardless."""
        return copying.copies(self.version.manifest.metrics)

    def incomparable_with(self, spec: TrainingSpec, classes: Sequence[str] | None = None) -> str | None:
        """Return why a model of this spec cannot be compared with the champion, or None if it can.

        Versions of the same dataset can be compared if they have the same classes. If they were imported with the same share of
        test pictures, a test picture of one is never a training picture of the other, because its content determines its split.
        If not, the champion may have been trained on some of the test pictures, which makes it harder to beat.

        Args:
            spec: the spec of the model.
            classes: the classes of its dataset, or None if they are unknown.
        """
        manifest = self.version.manifest
        if manifest.task != spec.task:
            return f"the champion has the task {manifest.task}, but the new version has the task {spec.task}"
        dataset = spec.dataset.partition("@")[0]
        if manifest.dataset.name != dataset:
            return f"the champion was trained on {manifest.dataset.name}, the new version on {dataset}"
        if bool(manifest.classes) != spec.conditional:
            new, old = ("classes", "none") if spec.conditional else ("no classes", "some")
            return f"the new version has {new} and the champion has {old}, so labels in requests would change their meaning"
        if spec.conditional and classes is not None and tuple(classes) != manifest.classes:
            return f"the classes of {dataset} have changed, so labels in requests would change their meaning"
        return None


def version_to_beat(repository: Repository, name: str, number: int | None) -> Champion | None:
    """Return the champion with this number, or None if there is no champion or its manifest cannot be read."""
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
    task: Task = "generate",
    champion_copies: bool = False,
) -> Gate:
    """Decide by the rule whether the new version is promoted.

    Args:
        asked: the promotion mode of the job.
        figures: metrics of the new version.
        champion: number of the champion, or None if the model has none.
        champion_figures: metrics of the champion on the same seeds and labels. Empty if it could not be measured.
        incomparable: why the two versions cannot be compared, or None if they can.
        task: the task of the new version.
        champion_copies: whether the champion copies its training pictures.
    """

    def gate(promoted: bool, reason: str, better: bool | None) -> Gate:
        return Gate(
            asked=asked,
            promoted=promoted,
            rule=SHARPEN_RULE if task == "sharpen" else RULE,
            reason=reason,
            better=better,
            champion=champion,
            figures=figures,
            champion_figures=champion_figures,
        )

    warning = copying.warning(figures)
    if champion is None:
        # Without it, the model could not be requested at all. /models and the card warn.
        served = f"It is the first version of this model, so it is served even though it copies. {warning}"
        return gate(True, served if warning else "It is the first version of this model.", False if warning else None)
    better: bool | None = None
    compared = f"The versions cannot be compared: {incomparable}." if incomparable else ""
    if not compared and not champion_figures:
        compared = f"The champion, version {champion}, could not be measured. See the job's log."
    if not compared:
        if task == "sharpen":
            better, compared = _compare_sharpeners(figures, champion_figures, champion)
        else:
            better, compared = _compare(figures, champion_figures, champion, champion_copies)
    if warning:
        better, compared = False, f"{warning} {compared}"
    if asked == "always":
        return gate(True, f"Promotion was requested regardless of the comparison. {compared}", better)
    if asked == "never":
        return gate(False, f"Promotion was not requested. {compared}", better)
    return gate(bool(better), compared, better)


def _compare(new: dict[str, Figure], old: dict[str, Figure], champion: int, champion_copies: bool) -> tuple[bool, str]:
    """Return whether the new version is better, and the reason."""
    fid, fid_before = _value(new, "fid_test"), _value(old, "fid_test")
    comparison = f"fid_test {fid:.4f} against {fid_before:.4f} of version {champion}"
    if champion_copies:
        comparison += ", which does not count because that version copies training pictures"
    if not fid <= (math.inf if champion_copies else fid_before * (1 - LEAST_GAIN)):
        return False, f"Not better: {comparison}."
    for name in ("coverage", "label_accuracy"):
        if new[name].value is None and old[name].value is None:
            continue
        value, before = _value(new, name), _value(old, name)
        if not value >= before - TOLERANCE:
            return False, f"Not better: {comparison}, but {name} fell from {before:.4f} to {value:.4f}."
    return True, f"Better: {comparison}, and neither coverage nor label accuracy fell by more than {TOLERANCE}."


def _compare_sharpeners(new: dict[str, Figure], old: dict[str, Figure], champion: int) -> tuple[bool, str]:
    """Return whether the new sharpener is better, and the reason."""
    fid, fid_before = (sum(_value(figures, f"fid_{test}") for test in SHARPEN_TESTS) for figures in (new, old))
    comparison = f"summed Frechet distance {fid:.4f} against {fid_before:.4f} of version {champion}"
    if not fid <= fid_before * (1 - LEAST_GAIN):
        return False, f"Not better: {comparison}."
    for name in (f"label_accuracy_{test}" for test in SHARPEN_TESTS):
        if name not in new and name not in old:  # a dataset without classes
            continue
        value, before = _value(new, name), _value(old, name)
        if not value >= before - TOLERANCE:
            return False, f"Not better: {comparison}, but {name} fell from {before:.4f} to {value:.4f}."
    return True, f"Better: {comparison}, and label accuracy fell by no more than {TOLERANCE} in any test."


def _value(figures: dict[str, Figure], name: str) -> float:
    value = figures[name].value if name in figures else None
    return float("nan") if value is None else value  # every comparison with NaN is false, so the gate rejects it

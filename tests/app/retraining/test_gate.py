"""The gate: its rule, and the candidates that it always rejects."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from app.errors import VersionUnusable
from app.retraining import candidate as candidates
from app.retraining import gate
from app.sampling.generator import LoadedGenerator
from models import encoder
from models.locations import ROOT
from models.manifest import AGAINST, CARD, MANIFEST, Figure
from models.repository import Repository
from models.version import Version
from training.spec import TrainingSpec


def figures(fid: float | None = 1.0, coverage: float = 0.9, accuracy: float | None = 0.95) -> dict[str, Figure]:
    values = {"fid_test": fid, "coverage": coverage, "label_accuracy": accuracy}
    return {
        name: Figure(value=value, floor=0.5, better="lower" if name == "fid_test" else "higher", what="")
        for name, value in values.items()
    }


@pytest.mark.parametrize(
    ("ours", "promoted", "reason"),
    [
        (figures(0.5), True, "Better: fid_test 0.5000 against 1.0000 of version 3"),
        (figures(0.99), True, "Better"),
        (figures(0.995), False, "Not better: fid_test 0.9950 against 1.0000"),
        (figures(1.0), False, "Not better"),
        (figures(2.0), False, "Not better"),
        (figures(0.5, coverage=0.891), True, "Better"),
        (figures(0.5, coverage=0.88), False, "coverage fell from 0.9000 to 0.8800"),
        (figures(0.5, accuracy=0.93), False, "label_accuracy fell from 0.9500 to 0.9300"),
        (figures(None), False, "Not better"),
        (figures(float("nan")), False, "Not better"),
        (figures(0.5, accuracy=None), False, "label_accuracy fell"),
    ],
)
def test_a_candidate_is_promoted_only_if_it_is_better(ours: dict[str, Figure], promoted: bool, reason: str) -> None:
    verdict = gate.decide("if_better", ours, 3, figures())
    assert verdict.promoted is promoted
    assert reason in verdict.reason
    assert (verdict.champion, verdict.figures, verdict.champion_figures) == (3, ours, figures())
    for requested in ("if_better", "always", "never"):
        assert gate.decide(requested, ours, 3, figures()).better is promoted
    assert verdict.rule == gate.RULE


def sharpened(fid: float = 1.0, accuracy: float | None = 0.95, **others: float) -> dict[str, Figure]:
    """The figures of a sharpener, with the same distance and label accuracy in each test except those in `others`."""
    values = {f"fid_{test}": fid for test in gate.SHARPEN_TESTS}
    values |= {f"label_accuracy_{test}": accuracy for test in gate.SHARPEN_TESTS} if accuracy is not None else {}
    return {name: Figure(value=value, floor=None, better="lower", what="") for name, value in (values | others).items()}


@pytest.mark.parametrize(
    ("ours", "promoted", "reason"),
    [
        (sharpened(0.5), True, "Better: summed Frechet distance 2.0000 against 4.0000 of version 3"),
        (sharpened(1.0, fid_blur1=0.97), False, "Not better: summed Frechet distance 3.9700 against 4.0000"),
        (sharpened(1.0, fid_blur1=0.95), True, "Better: summed Frechet distance 3.9500"),
        (sharpened(0.5, label_accuracy_shrink4=0.941), True, "Better"),
        (sharpened(0.5, label_accuracy_shrink4=0.93), False, "but label_accuracy_shrink4 fell from 0.9500 to 0.9300"),
        (sharpened(float("nan")), False, "Not better"),
        (sharpened(0.5, accuracy=None), False, "label_accuracy_shrink2 fell"),
        ({}, False, "Not better"),
    ],
)
def test_a_sharpener_is_promoted_only_if_it_is_better(ours: dict[str, Figure], promoted: bool, reason: str) -> None:
    verdict = gate.decide("if_better", ours, 3, sharpened(), task="sharpen")
    assert verdict.promoted is promoted
    assert verdict.better is promoted
    assert reason in verdict.reason
    assert verdict.rule == gate.SHARPEN_RULE


def test_sharpeners_of_a_dataset_without_classes_are_compared_by_their_distances_alone() -> None:
    for fid, promoted in ((0.98, True), (1.0, False)):
        ours, theirs = sharpened(fid, accuracy=None), sharpened(accuracy=None)
        assert gate.decide("if_better", ours, 3, theirs, task="sharpen").promoted is promoted


def copying(value: float | None, floor: float | None = 0.0, fid: float = 0.5) -> dict[str, Figure]:
    return figures(fid) | {"copied": Figure(value=value, floor=floor, better="lower", what="")}


@pytest.mark.parametrize(
    ("ours", "promoted"),
    [
        (copying(0.0), True),
        (copying(0.1), True),
        (copying(0.11), False),
        (copying(1.0), False),
        (copying(0.3, floor=0.25), True),  # the test pictures resemble the training pictures as much
        (copying(0.4, floor=0.25), False),
        (copying(0.4, floor=None), False),  # there are no test pictures
        (copying(None), True),
    ],
)
def test_a_candidate_that_copies_training_pictures_is_not_promoted(ours: dict[str, Figure], promoted: bool) -> None:
    verdict = gate.decide("if_better", ours, 3, figures())
    assert verdict.promoted is promoted
    assert ("It copies" in verdict.reason) is not promoted
    assert "Better: fid_test 0.5000" in verdict.reason


def test_a_verdict_about_a_copying_candidate_says_so_however_it_was_requested() -> None:
    always = gate.decide("always", copying(0.42), 3, figures())
    assert always.promoted
    assert "regardless of the comparison. It copies: 42.0% of its pictures" in always.reason
    assert "was not requested. It copies" in gate.decide("never", copying(0.42), 3, figures()).reason
    first = gate.decide("if_better", copying(0.42), None, {})
    assert first.promoted, "there is no other version to serve"
    assert first.reason.startswith(
        "It is the first version of this model, so it is served even though it copies. It copies: 42.0%"
    )
    incomparable = gate.decide("if_better", copying(0.42), 3, {}, "the champion has no classes")
    assert "It copies" in incomparable.reason
    assert (always.better, first.better, incomparable.better) == (False, False, False)


@pytest.mark.parametrize(
    ("ours", "promoted", "reason"),
    [
        (copying(0.0, fid=5.0), True, "Better: fid_test 5.0000 against 1.0000 of version 3, which does not count because that"),
        (copying(0.0, fid=0.5), True, "Better: fid_test 0.5000"),
        (copying(0.2, fid=0.5), False, "It copies: 20.0%"),
        (figures(5.0, coverage=0.88), False, "Not better: fid_test 5.0000 against 1.0000 of version 3, which does not count"),
        (figures(5.0, accuracy=0.93), False, "but label_accuracy fell from 0.9500 to 0.9300"),
        (figures(None), False, "Not better"),
    ],
)
def test_a_champion_that_copies_is_replaced_whatever_its_distance(ours: dict[str, Figure], promoted: bool, reason: str) -> None:
    verdict = gate.decide("if_better", ours, 3, figures(), champion_copies=True)
    assert verdict.promoted is promoted
    assert reason in verdict.reason


def test_a_champion_copies_if_its_own_manifest_says_so(repository: Repository) -> None:
    champion = gate.version_to_beat(repository, "digits", 1)
    assert champion
    assert not champion.copies
    path = champion.version.path / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["metrics"]["copied"] = copying(0.42)["copied"].model_dump()
    path.write_text(json.dumps(manifest))
    champion = gate.version_to_beat(repository, "digits", 1)
    assert champion
    assert champion.copies


def test_label_accuracy_is_ignored_if_neither_version_has_labels() -> None:
    assert gate.decide("if_better", figures(0.5, accuracy=None), 3, figures(accuracy=None)).promoted


@pytest.mark.parametrize(
    ("requested", "champion", "champion_figures", "incomparable", "promoted", "better", "reason"),
    [
        ("if_better", None, {}, None, True, None, "first version"),
        ("never", None, {}, None, True, None, "first version"),
        ("never", 3, figures(), None, False, True, "was not requested. Better"),
        ("always", 3, figures(0.1), None, True, False, "regardless of the comparison. Not better"),
        ("if_better", 3, {}, None, False, None, "could not be measured"),
        ("if_better", 3, {}, "the champion was trained on mnist", False, None, "cannot be compared: the champion was trained"),
        ("always", 3, {}, "the champion was trained on mnist", True, None, "cannot be compared"),
    ],
)
def test_the_request_and_the_comparison_decide_about_promotion(
    requested, champion, champion_figures, incomparable, promoted, better, reason
) -> None:
    verdict = gate.decide(requested, figures(0.5), champion, champion_figures, incomparable)
    assert (verdict.promoted, verdict.better) == (promoted, better)
    assert reason in verdict.reason


def test_only_models_of_the_same_dataset_and_kind_are_compared(repository: Repository) -> None:
    champion = gate.version_to_beat(repository, "digits", 1)
    assert champion
    assert champion.incomparable_with(TrainingSpec()) is None
    assert "trained on mnist" in (champion.incomparable_with(TrainingSpec(dataset="fashion-mnist")) or "")
    assert "labels" in (champion.incomparable_with(TrainingSpec(conditional=False)) or "")
    assert gate.version_to_beat(repository, "digits", None) is None
    (repository.root / "digits" / "1" / MANIFEST).write_text("{")
    assert gate.version_to_beat(repository, "digits", 1) is None


def candidate(repository: Repository, **changes: object) -> Version:
    """Return the shipped digits as a candidate in a job's folder, with changed manifest fields."""
    path = repository.root / "digits" / "1"
    manifest = json.loads((path / MANIFEST).read_text()) | changes
    (path / MANIFEST).write_text(json.dumps(manifest))
    (path / AGAINST).write_text(json.dumps({name: figure.model_dump() for name, figure in figures().items()}))
    version, champion_figures = candidates.read_candidate(path)
    assert champion_figures == figures()
    return version


def test_a_candidate_is_published_once_with_the_verdict_in_its_manifest(repository: Repository, tmp_path: Path) -> None:
    new, target = candidate(repository), Repository(tmp_path / "target")
    verdict = gate.decide("never", figures(0.5), 3, figures())
    candidates.check_fit_to_serve(new)
    versions = [candidates.publish(target, new, "digits", "0123456789ab", 7, verdict) for _ in range(2)]
    assert [version.number for version in versions] == [1, 1]
    manifest = versions[0].manifest
    assert (manifest.job, manifest.parent, manifest.gate) == ("0123456789ab", 7, verdict)
    assert not (versions[0].path / AGAINST).exists()
    assert "digits/1" in (versions[0].path / CARD).read_text()


def test_a_candidate_with_another_golden_digest_is_rejected(repository: Repository) -> None:
    with pytest.raises(VersionUnusable, match="different pixels on this machine"):
        candidates.check_fit_to_serve(candidate(repository, golden={"seeds": 32, "sha256": "0" * 64}))


def test_a_candidate_that_failed_parity_is_rejected(repository: Repository) -> None:
    parity = json.loads((repository.root / "digits" / "1" / MANIFEST).read_text())["parity"]
    with pytest.raises(VersionUnusable, match="parity"):
        candidates.check_fit_to_serve(candidate(repository, parity=parity | {"generator_pixels_different": 1}))


def test_a_candidate_that_draws_a_batch_differently_is_rejected(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = LoadedGenerator.draw

    def draw_inexactly(self: LoadedGenerator, points) -> np.ndarray:
        pixels = draw(self, points)
        if len(points) == 1:
            pixels[0, 14, 14] ^= 1
        return pixels

    monkeypatch.setattr(LoadedGenerator, "draw", draw_inexactly)
    with pytest.raises(VersionUnusable, match="seed 0 differently alone and in a batch"):
        candidates.check_fit_to_serve(candidate(repository))


def test_a_folder_without_a_candidate_is_reported(tmp_path: Path) -> None:
    with pytest.raises(VersionUnusable, match="Resume the job"):
        candidates.read_candidate(tmp_path)


def test_the_documentation_states_the_limits_of_the_rules() -> None:
    gain, tolerance = f"{100 * gate.LEAST_GAIN:g} %", f"{gate.TOLERANCE:g}"
    documentation = " ".join((ROOT / "docs" / "retraining.md").read_text().split())
    assert f"lower by at least {gain}" in documentation
    assert f"fall by no more than {tolerance}." in documentation
    assert f"more than {gate.MOST_COPIES:g} above its floor" in documentation
    assert f"unless coverage or label accuracy falls by more than {tolerance}." in documentation
    assert f"more than {gate.MOST_COPIES:g} above its floor" in gate.RULE
    sharpening = " ".join((ROOT / "docs" / "sharpening.md").read_text().split())
    assert f"is at least {gain} lower" in sharpening
    assert f"falls by no more than {tolerance} in any" in sharpening
    for rule in (gate.RULE, gate.SHARPEN_RULE):
        assert gain in rule
        assert tolerance in rule


def test_an_encoder_of_a_candidate_is_stored_once_and_never_fails_its_job(repository: Repository, tmp_path: Path) -> None:
    version = repository.get("digits", 1)
    candidates.add_encoder(repository, version, tmp_path)
    assert not version.companion(encoder.FILE).exists(), "the candidate has none"
    for content in (b"first", b"second"):  # the second one is of a version with the same generator
        for file in (encoder.NETWORK, encoder.FILE):
            (tmp_path / file).write_bytes(content)
        candidates.add_encoder(repository, version, tmp_path)
        assert version.companion(encoder.NETWORK).read_bytes() == b"first"
    version.companion(encoder.FILE).unlink()  # as after a crash between the two files
    candidates.add_encoder(repository, version, tmp_path)
    assert not version.companion(encoder.FILE).exists()

"""From a run of the task `sharpen` to a published version."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from app.sampling.sharpener import LoadedSharpener, load
from models import sharpening
from models.errors import RepositoryError
from models.manifest import DISCRIMINATOR, GENERATOR
from models.repository import Repository
from models.version import Version, copier
from tests.training.tenth import a_tenth
from training.datasets import degradation, tensors
from training.evaluation.ledger import FIGURES, TESTS, Ledger
from training.evaluation.onnx_models import OnnxSharpener
from training.export import exact_sharpener
from training.export.build import export, load_trained
from training.export.exact_sharpener import project_exactly
from training.loop.run_folder import RunFolder

QUIETLY: dict[str, Any] = {"pictures": 200, "thorough": False, "say": lambda _: None}


@pytest.fixture(scope="module")
def published(sharpen_run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Version:
    repository = Repository(tmp_path_factory.mktemp("published"))
    with a_tenth():
        return export(load_trained(sharpen_run, "last"), "sharp", repository, **QUIETLY)


def test_an_exported_sharpener_is_exact_and_what_the_service_runs(published: Version) -> None:
    published.verify()
    manifest = published.manifest
    assert (manifest.task, manifest.classes, manifest.kinds) == ("sharpen", (), sharpening.KINDS)
    parity = manifest.parity
    assert (parity.seeds, parity.generator_pixels_different, parity.batch_pixels_different) == (1000, 0, 0)
    assert parity.grid_mean_difference < 1
    assert manifest.exactness["largest_sum"] <= 2**24
    loaded = load(published)  # checks shapes, types and the golden pixels
    assert isinstance(loaded, LoadedSharpener)
    pixels = loaded.draw(loaded.golden_points())
    by_trainer = OnnxSharpener(published.path / GENERATOR).golden(manifest.golden.seeds)
    assert (pixels == by_trainer[:, 0].numpy()).all(), "the service and the trainer give the same outputs"
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == manifest.golden.sha256
    for file in (GENERATOR, DISCRIMINATOR):
        onnx.checker.check_model(onnx.load(published.path / file), full_check=True)


@pytest.mark.parametrize("kind", ["shrink2", "shrink4"])
def test_shrinking_the_output_gives_the_picture_back_for_a_thousand_pictures(published: Version, kind: sharpening.Kind) -> None:
    originals = tensors.load("mnist", "test").images[:1000]
    factor = sharpening.FACTORS[kind]
    condition = degradation.degrade(originals.float() / 255, kind)
    outputs = OnnxSharpener(published.path / GENERATOR).sharpen(condition, range(1000)).numpy()[:, 0]
    degraded = (degradation.split(condition)[0][:, 0, ::factor, ::factor] * 255).round().numpy()
    means = np.stack([sharpening.means(output, factor) for output in outputs])
    assert np.abs(means - degraded).max() <= 1
    side = 28 // factor
    exact = outputs.reshape(-1, side, factor, side, factor).mean(axis=(2, 4))
    assert np.abs(exact - degraded).max() <= 0.502, "half a grey level, from rounding each pixel"


def test_the_projection_rounds_only_the_ratio_and_never_leaves_the_grey_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    ratio = exact_sharpener._ratio
    rng = torch.Generator().manual_seed(3)
    greys = torch.randint(0, 256, (200, 1, 28, 28), generator=rng).float()
    greys[:50], greys[50:60], greys[60:70] = greys[:50] // 64, 0, 255
    for number, (kind, factor) in enumerate(sharpening.FACTORS.items()):
        side = 28 // factor
        degraded = torch.randint(0, 256, (200, 1, side, 1, side, 1), generator=rng).float()
        degraded = degraded.expand(-1, -1, -1, factor, -1, factor).reshape(-1, 1, 28, 28)
        one_hot = torch.eye(3)[[number] * 200]
        found = project_exactly(greys, degraded, one_hot)
        with monkeypatch.context() as patched:  # the ratio in float32, all else in float64
            patched.setattr(exact_sharpener, "_ratio", lambda a, b: ratio(a.float(), b.float()).double())
            wider = project_exactly(greys.double(), degraded.double(), one_hot.double())
        assert torch.equal(found.double(), wider), kind
        assert 0 <= found.min()
        assert found.max() <= 255
        if kind == "blur":
            assert torch.equal(found, greys)


def test_the_ledger_has_every_figure_of_every_test_and_no_shrunk_picture_is_inconsistent(published: Version) -> None:
    metrics = published.manifest.metrics
    expected = {f"{name}_{test.name}" for test in TESTS for name in FIGURES if name != "c2st_accuracy"}
    assert set(metrics) == expected
    for test in ("shrink2", "shrink4"):
        assert metrics[f"consistency_worst_{test}"].value is not None
        assert metrics[f"consistency_worst_{test}"].value <= 1.001  # type: ignore[operator]
    assert metrics["label_accuracy_shrink2"].floor == pytest.approx(0.995, abs=0.02)


def test_the_ledger_includes_the_classic_filters_and_the_originals(published: Version, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.evaluation import ledger

    monkeypatch.setattr(ledger, "TWO_SAMPLE_SEEDS", range(1))
    monkeypatch.setattr(ledger, "TESTS", TESTS[1:3])
    sharpener = OnnxSharpener(published.path / GENERATOR)
    found = Ledger("mnist", pictures=400, others={"sharp/1": sharpener}).evaluate(sharpener, thorough=True).ledger
    assert list(found) == ["shrink4", "blur1"]
    assert list(found["shrink4"]) == ["this", "original", "bicubic", "lanczos", "unsharp mask", "sharp/1"]
    assert list(found["blur1"]) == ["this", "original", "unchanged", "unsharp mask", "sharp/1"]
    assert found["shrink4"]["this"] == found["shrink4"]["sharp/1"]
    original = found["shrink4"]["original"]
    assert (original["psnr"], original["ssim"], original["consistency"]) == (None, 1.0, pytest.approx(0, abs=1e-4))
    assert found["shrink4"]["bicubic"]["diversity"] == 0
    assert found["shrink4"]["bicubic"]["c2st_accuracy"] > original["c2st_accuracy"] + 0.1  # type: ignore[operator]
    assert found["blur1"]["unchanged"]["consistency"] > 1  # type: ignore[operator]


def test_a_model_has_versions_of_one_task_only(published: Version, repository: Repository) -> None:
    with pytest.raises(RepositoryError, match=r"has the task generate, but the new version has the task sharpen\. Publish it"):
        repository.publish("digits", copier(Version(published.path, published.manifest.model_copy(update={"name": "digits"}))))


def test_damaged_golden_pixels_are_found(published: Version, tmp_path: Path) -> None:
    from app.errors import VersionUnusable

    golden = published.manifest.golden.model_copy(update={"sha256": "0" * 64})
    wrong = Version(published.path, published.manifest.model_copy(update={"golden": golden}))
    with pytest.raises(VersionUnusable, match="draws different pixels"):
        load(wrong)

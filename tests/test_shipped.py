"""The shipped digits: they draw what they always drew, and are as good as their card says."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from app.generator import LoadedGenerator
from models import card
from models.manifest import CARD, GENERATOR, Figure, Manifest
from models.repository import Repository
from tests.app.reading import pixels
from tests.live import ROOT, SHIPPED
from tests.readme import README, with_figures
from training.datasets import SOURCES
from training.evaluation.figures import Battery
from training.exact import SIGNIFICAND
from training.onnx_models import OnnxGenerator
from training.spec import TrainingSpec

VERSION = Repository(SHIPPED).get("digits", 1)


@pytest.fixture(scope="module")
def figures(cache: Path) -> dict[str, Figure]:
    """The figures, measured anew on 10,000 pictures."""
    generator = OnnxGenerator(VERSION.path / GENERATOR, len(VERSION.manifest.classes))
    return Battery("mnist", cache=cache).measure(generator)


def golden() -> np.ndarray:
    """Seeds 0 to 31 as they were drawn when the version was published: `training sample --count 32 --columns 8`."""
    with Image.open(ROOT / "tests" / "golden" / "digits-1.png") as sheet:
        return np.array(sheet).reshape(4, 28, 8, 28).swapaxes(1, 2).reshape(32, 28, 28)


def test_seeds_0_to_31_have_their_golden_pixels(client: httpx.Client, digits: LoadedGenerator) -> None:
    expected = golden()
    together = digits.draw([digits.point(seed)[0] for seed in range(32)])
    assert (together == expected).all()
    for seed in range(32):
        served = pixels(client.get(f"/generate?seed={seed}&model=digits&version=1").content)
        assert (served == expected[seed]).all(), seed


def test_every_file_is_what_the_manifest_says() -> None:
    VERSION.verify()
    assert Repository(SHIPPED).aliases("digits")["champion"] >= 1


def test_the_card_is_the_manifests() -> None:
    assert (VERSION.path / CARD).read_text() == card.render(VERSION.manifest)


def test_it_was_trained_with_standard_on_the_carried_mnist() -> None:
    manifest: Manifest = VERSION.manifest
    spec = TrainingSpec.model_validate(manifest.spec)
    assert spec == TrainingSpec.from_preset("standard")
    assert manifest.dataset.sha256 == SOURCES["mnist"].digest
    assert manifest.training.images > 1_000_000


def test_its_sums_are_exact() -> None:
    assert VERSION.manifest.exactness["largest_sum"] <= SIGNIFICAND
    assert VERSION.manifest.parity.generator_pixels_different == 0
    assert VERSION.manifest.parity.batch_pixels_different == 0


def test_measured_anew_it_is_what_its_card_says(figures: dict[str, Figure]) -> None:
    assert set(figures) == set(VERSION.manifest.metrics)
    for name, figure in figures.items():
        published = VERSION.manifest.metrics[name]
        # features are float32 sums, which another processor may round otherwise
        assert figure.value == pytest.approx(published.value, rel=0.01, abs=5e-4), name
        assert figure.floor == pytest.approx(published.floor, rel=0.01, abs=5e-4), name


def test_it_comes_near_to_real_digits(figures: dict[str, Figure]) -> None:
    def ratio(name: str) -> float:
        value, floor = figures[name].value, figures[name].floor
        assert value is not None
        assert floor is not None
        return value / floor

    assert ratio("fid") < 1.5
    assert ratio("coverage") > 0.97
    assert ratio("density") > 0.9
    assert ratio("label_accuracy") > 0.99


def test_readme_has_its_figures() -> None:
    assert with_figures(README.read_text()) == README.read_text(), "run make fix"
    assert f"{VERSION.manifest.metrics['fid'].value:.3f}" in README.read_text()

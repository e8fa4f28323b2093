"""The shipped models draw their golden pixels, and are as good as their cards claim."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from app.sampling.generator import LoadedGenerator
from models import card
from models.manifest import CARD, GENERATOR, WEIGHTS, Figure
from models.repository import Repository
from models.version import Version
from tests.app.reading import pixels
from tests.documentation import QUALITY, with_figures, with_goals
from tests.live import ROOT, service
from training.checkpoint import load_checkpoint
from training.datasets import SOURCES, tensors
from training.errors import TrainingError
from training.evaluation.figures import Battery
from training.evaluation.onnx_models import OnnxGenerator
from training.export import build as exporting
from training.export.integer_grid import SIGNIFICAND
from training.networks import architectures
from training.spec import TrainingSpec

REPOSITORY = Repository(ROOT / "models")
VERSIONS = {f"{name}-{n}": REPOSITORY.get(name, n) for name in REPOSITORY.names() for n in REPOSITORY.numbers(name)}
CHAMPIONS = {name: REPOSITORY.get(name, REPOSITORY.aliases(name)["champion"]) for name in REPOSITORY.names()}
each = pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
champions = pytest.mark.parametrize("name", CHAMPIONS)


@pytest.fixture(scope="module")
def measured(cache: Path) -> dict[str, dict[str, Figure]]:
    """Measure each champion whose dataset is installed on this machine, with 10,000 pictures."""
    batteries: dict[str, Battery] = {}
    found = {}
    for name, version in CHAMPIONS.items():
        dataset = TrainingSpec.model_validate(version.manifest.spec).dataset
        try:
            tensors.load(dataset, "test")
        except TrainingError:
            continue
        battery = batteries[dataset] = batteries.get(dataset) or Battery(dataset, cache=cache)
        found[name] = battery.measure(OnnxGenerator(version.path / GENERATOR, len(version.manifest.classes)))
    return found


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a service with all shipped models."""
    with service(tmp_path_factory.mktemp("shipped") / "state", shipped=ROOT / "models") as running, running.client() as client:
        yield client


@champions
def test_weights_exported_again_draw_the_same_pixels(name: str, tmp_path: Path) -> None:
    version = CHAMPIONS[name]
    state = load_checkpoint(version.path / WEIGHTS)
    spec, classes = TrainingSpec.model_validate(state["spec"]), len(version.manifest.classes)
    try:
        train = tensors.load(spec.dataset, "train")
    except TrainingError as error:
        pytest.skip(str(error))
    generator, _ = architectures.build(spec, classes)
    generator.load_state_dict(state["ema"])
    exact = exporting.made_exact(generator.eval(), train, match_tones=spec.match_tones)
    exporting.write_onnx(exact, tmp_path / GENERATOR, spec.z_dim, classes)
    exported, published = (OnnxGenerator(folder / GENERATOR, classes) for folder in (tmp_path, version.path))
    assert torch.equal(exported.draw(range(256))[0], published.draw(range(256))[0])


def golden(version: Version) -> np.ndarray:
    """Return the pixels of seeds 0 to 31, stored by `training sample --count 32 --columns 8 --scale 1` at publication."""
    with Image.open(ROOT / "tests" / "golden" / f"{version.name}-{version.number}.png") as sheet:
        return np.array(sheet).reshape(4, 28, 8, 28).swapaxes(1, 2).reshape(32, 28, 28)


@each
def test_seeds_0_to_31_have_their_golden_pixels(client: httpx.Client, version: Version) -> None:
    expected, loaded = golden(version), LoadedGenerator(version)
    together = loaded.draw([loaded.point(seed)[0] for seed in range(32)])
    assert (together == expected).all()
    for seed in range(32):
        served = client.get(f"/generate?seed={seed}&model={version.name}&version={version.number}")
        assert (pixels(served.content) == expected[seed]).all(), seed


@each
def test_every_file_matches_the_manifest(version: Version) -> None:
    version.verify()
    assert REPOSITORY.aliases(version.name)["champion"] >= 1


@each
def test_the_card_is_rendered_from_the_manifest(version: Version) -> None:
    assert (version.path / CARD).read_text() == card.render(version.manifest)


@each
def test_a_version_was_trained_on_the_dataset_it_names(version: Version) -> None:
    manifest = version.manifest
    spec = TrainingSpec.model_validate(manifest.spec)
    assert manifest.dataset.sha256 == SOURCES[spec.dataset].digest
    assert manifest.training.images > 500_000


@each
def test_the_sums_of_a_generator_are_exact(version: Version) -> None:
    assert version.manifest.exactness["largest_sum"] <= SIGNIFICAND
    assert version.manifest.parity.generator_pixels_different == 0
    assert version.manifest.parity.batch_pixels_different == 0


def test_the_shipped_models_are_digits_fashion_and_the_lecture() -> None:
    assert set(CHAMPIONS) == {"digits", "fashion", "lecture"}
    assert [bool(CHAMPIONS[name].manifest.classes) for name in ("digits", "fashion", "lecture")] == [True, True, False]


@champions
def test_measuring_a_champion_again_gives_the_figures_of_its_card(measured: dict[str, dict[str, Figure]], name: str) -> None:
    if name not in measured:
        pytest.skip("the dataset is not installed: apt-get install dataset-fashion-mnist")
    published = CHAMPIONS[name].manifest.metrics
    assert set(measured[name]) <= set(published)
    for figure, found in measured[name].items():
        if found.value is None:
            assert published[figure].value is None, figure
            continue
        # the features are float32 sums, which other processors may round differently
        assert found.value == pytest.approx(published[figure].value, rel=0.01, abs=5e-4), figure
        assert found.floor == pytest.approx(published[figure].floor, rel=0.01, abs=5e-4), figure


def test_the_digits_meet_the_requirements() -> None:
    """The column "must" of docs/quality.md."""

    def ratio(name: str) -> float:
        value, floor = (getattr(CHAMPIONS["digits"].manifest.metrics[name], key) for key in ("value", "floor"))
        return float(value / floor)

    def below(name: str) -> float:
        figure = CHAMPIONS["digits"].manifest.metrics[name]
        assert figure.value is not None
        assert figure.floor is not None
        return 100 * (figure.floor - figure.value)

    assert ratio("fid") < 4
    assert ratio("coverage") > 0.93
    assert ratio("density") > 0.85
    assert below("label_accuracy") < 1
    assert below("cas") < 0.8
    assert (CHAMPIONS["digits"].manifest.metrics["c2st_accuracy"].value or 1) < 0.7


def test_readme_and_quality_page_have_the_current_figures() -> None:
    page = QUALITY.read_text()
    assert with_goals(with_figures(page)) == page, "run make fix"
    fid = CHAMPIONS["digits"].manifest.metrics["fid"]
    assert f"distance of {fid.value:.3f} where real pictures get {fid.floor:.3f}" in (ROOT / "README.md").read_text()

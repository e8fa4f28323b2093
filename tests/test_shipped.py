"""The shipped models draw their golden pixels, and are as good as their cards claim."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from app.images.encoding import png
from app.sampling.sharpener import load
from models import card, directions
from models.directions import FILE
from models.manifest import CARD, GENERATOR, WEIGHTS, Figure, sha256_of
from models.repository import Repository
from models.sharpening import FACTORS, golden_inputs
from models.version import Version
from tests.app.reading import pixels
from tests.documentation import (
    DIRECTIONS,
    INVERSION,
    QUALITY,
    SHARPENING,
    with_directions,
    with_figures,
    with_goals,
    with_inversion,
    with_ledgers,
)
from tests.live import ROOT, service
from training.checkpoint import load_checkpoint
from training.datasets import PUBLISHED, tensors
from training.datasets.tensors import Dataset
from training.errors import TrainingError
from training.evaluation.batteries import battery_of
from training.evaluation.figures import Battery
from training.evaluation.ledger import Ledger
from training.evaluation.onnx_models import open_generator
from training.export import build as exporting
from training.export.exact_layer import GRIDS, SIGNIFICAND
from training.export.networks import networks_of
from training.networks import factory
from training.spec import ARCHITECTURE, TrainingSpec

REPOSITORY = Repository(ROOT / "models")
VERSIONS = {f"{name}-{n}": REPOSITORY.get(name, n) for name in REPOSITORY.names() for n in REPOSITORY.numbers(name)}
CHAMPIONS = {name: REPOSITORY.get(name, REPOSITORY.aliases(name)["champion"]) for name in REPOSITORY.names()}
each = pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
champions = pytest.mark.parametrize("name", CHAMPIONS)
JUDGES = ROOT / "training" / "evaluation" / "classifiers"


@pytest.fixture(scope="module")
def measured(real_features: Path) -> dict[str, dict[str, Figure]]:
    """The figures of each champion whose dataset is installed on this machine, from 10,000 pictures.

    They last in .pytest_cache until the version, its dataset, a module of `training` or `models` or a library changes.
    """
    batteries: dict[tuple[str, str], Battery | Ledger] = {}
    found = {}
    for name, version in CHAMPIONS.items():
        spec = TrainingSpec.model_validate(version.manifest.spec)
        try:
            data = [tensors.load(spec.dataset, split) for split in ("train", "test")]
        except TrainingError:
            continue
        stored = real_features / f"figures-{name}-{_digest_of_measurement(version, data)}.json"
        for outdated in set(real_features.glob(f"figures-{name}-{'?' * 16}.json")) - {stored}:
            outdated.unlink()
        if not stored.exists():
            key = (spec.task, spec.dataset)
            if key not in batteries:
                batteries[key] = battery_of(*key, cache=real_features)
            # in one step, as another run of the tests may read it
            part = stored.with_suffix(".part")
            part.write_text(json.dumps({n: figure.model_dump() for n, figure in _measure(batteries[key], version).items()}))
            part.rename(stored)
        found[name] = {n: Figure.model_validate(figure) for n, figure in json.loads(stored.read_text()).items()}
    return found


def _measure(battery: Battery | Ledger, version: Version) -> dict[str, Figure]:
    generator = open_generator(version.path, version.manifest)
    if isinstance(battery, Ledger):
        return battery.measure(generator)  # type: ignore[arg-type]
    return battery.evaluate(generator).figures  # type: ignore[arg-type]  # the cache of `measure` depends on less


def _digest_of_measurement(version: Version, data: list[Dataset]) -> str:
    """Return a digest of all that determines the figures of a version. The files are read, whatever the manifest says."""
    manifest = version.manifest
    inputs = (sha256_of(version.path / GENERATOR), manifest.task, manifest.classes, manifest.degradations, platform.machine())
    digest = hashlib.sha256(repr(inputs).encode())
    for dataset in data:
        digest.update(dataset.images.numpy())
        digest.update(dataset.labels.numpy())
    for folder, pattern in ((ROOT / "models", "*.py"), (ROOT / "training", "*.py"), (JUDGES, "*.pt")):
        for file in sorted(folder.rglob(pattern)):
            digest.update(file.read_bytes())
    for library in ("numpy", "onnxruntime", "pillow", "torch", "torchmetrics"):
        digest.update(importlib.metadata.version(library).encode())
    return digest.hexdigest()[:16]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a service with all shipped models."""
    with service(tmp_path_factory.mktemp("shipped") / "state", shipped=ROOT / "models") as running, running.client() as client:
        yield client


@champions
def test_weights_exported_again_draw_the_same_pixels(name: str, tmp_path: Path) -> None:
    version = CHAMPIONS[name]
    state = load_checkpoint(version.path / WEIGHTS)
    spec = TrainingSpec.model_validate(state["spec"])
    try:
        train = tensors.load(spec.dataset, "train")
    except TrainingError as error:
        pytest.skip(str(error))
    generator, discriminator = factory.build(spec, len(PUBLISHED[spec.dataset].classes))
    generator.load_state_dict(state["ema"])
    networks = networks_of(
        spec, generator.eval(), discriminator.eval(), train, GRIDS[version.manifest.exactness.get("grid", 1)]
    )
    exporting.write_onnx(networks.exact, tmp_path / GENERATOR, networks.generator_inputs(), "image")
    again, published = (open_generator(folder, version.manifest) for folder in (tmp_path, version.path))
    assert torch.equal(again.golden(256), published.golden(256))


def golden(version: Version) -> np.ndarray:
    """Return the pixels of seeds 0 to 31, stored by `training sample --count 32 --columns 8 --scale 1` at publication."""
    with Image.open(ROOT / "tests" / "golden" / f"{version.name}-{version.number}.png") as sheet:
        return np.array(sheet).reshape(4, 28, 8, 28).swapaxes(1, 2).reshape(32, 28, 28)


@each
def test_seeds_0_to_31_have_their_golden_pixels(client: httpx.Client, version: Version) -> None:
    expected, loaded = golden(version), load(version)
    assert (loaded.draw(loaded.golden_points()) == expected).all()
    query = f"model={version.name}&version={version.number}"
    inputs, kinds = golden_inputs(range(32))
    for seed in range(32):
        if version.manifest.task == "sharpen":
            factor = FACTORS[kinds[seed]]
            picture = png(inputs[seed, ::factor, ::factor])
            served = client.post(f"/sharpen?seed={seed}&factor={factor if factor > 1 else 'blur'}&{query}", content=picture)
        else:
            served = client.get(f"/generate?seed={seed}&{query}")
        assert (pixels(served.content) == expected[seed]).all(), seed


@each
def test_every_file_matches_the_manifest(version: Version) -> None:
    version.verify()
    assert REPOSITORY.aliases(version.name)["champion"] >= 1


def test_only_champions_have_weights() -> None:
    """CONTRIBUTING.md, Shipping a version. `python -m tools.superseded_weights` removes the others."""
    assert {key for key, version in VERSIONS.items() if WEIGHTS in version.manifest.files} == {
        f"{name}-{version.number}" for name, version in CHAMPIONS.items()
    }
    assert [path for path in (ROOT / "models").rglob(WEIGHTS) if path.parent not in {v.path for v in CHAMPIONS.values()}] == []


@each
def test_the_card_is_rendered_from_the_manifest(version: Version) -> None:
    assert (version.path / CARD).read_text() == card.render(version.manifest)


@each
def test_a_version_was_trained_on_the_dataset_it_names(version: Version) -> None:
    manifest = version.manifest
    spec = TrainingSpec.model_validate(manifest.spec)
    assert manifest.dataset.sha256 == PUBLISHED[spec.dataset].digest
    assert manifest.training.images > 500_000


@each
def test_the_sums_of_a_generator_are_exact(version: Version) -> None:
    assert version.manifest.exactness["largest_sum"] <= SIGNIFICAND
    assert version.manifest.parity.generator_pixels_different == 0
    assert version.manifest.parity.batch_pixels_different == 0


def test_the_shipped_models_are_digits_fashion_letters_the_lecture_and_a_sharpener() -> None:
    assert set(CHAMPIONS) == {"digits", "fashion", "lecture", "lecture-modern", "letters", "sharpen-digits"}
    tasks = {name: version.manifest.task for name, version in CHAMPIONS.items()}
    assert [name for name, task in tasks.items() if task == "sharpen"] == ["sharpen-digits"]
    unconditional = [name for name, version in CHAMPIONS.items() if not version.manifest.classes]
    assert unconditional == ["lecture", "lecture-modern", "sharpen-digits"]


def test_the_modern_lecture_has_the_networks_of_the_lecture_and_less_than_half_its_distance() -> None:
    lecture, modern = (CHAMPIONS[name].manifest for name in ("lecture", "lecture-modern"))
    ours, theirs = (TrainingSpec.model_validate(manifest.spec) for manifest in (modern, lecture))
    for name in ARCHITECTURE:
        assert getattr(ours, name) == getattr(theirs, name), name
    assert modern.training.generator_parameters == lecture.training.generator_parameters
    assert modern.training.discriminator_parameters == lecture.training.discriminator_parameters
    assert modern.metrics["fid"].value < lecture.metrics["fid"].value / 2  # type: ignore[operator]


@champions
def test_measuring_a_champion_again_gives_the_figures_of_its_card(measured: dict[str, dict[str, Figure]], name: str) -> None:
    if name not in measured:
        pytest.skip("the dataset is not installed: apt-get install dataset-fashion-mnist")
    published = CHAMPIONS[name].manifest.metrics
    newer = {"copied"} - set(published)  # versions of earlier releases were measured without it
    assert set(measured[name]) - newer <= set(published)
    for figure, found in measured[name].items():
        if figure in newer:
            continue
        if found.value is None:
            assert published[figure].value is None, figure
            continue
        # the features are float32 sums, which other processors may round differently
        assert found.value == pytest.approx(published[figure].value, rel=0.01, abs=5e-4), figure
        if found.floor is None:  # of a sharpener: the PSNR of the originals is infinite
            assert published[figure].floor is None, figure
            continue
        assert found.floor == pytest.approx(published[figure].floor, rel=0.01, abs=5e-4), figure


def test_the_digits_meet_the_requirements() -> None:
    """The column "required" of docs/quality.md."""

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


def test_the_page_about_sharpening_has_the_ledger_and_the_sharpener_keeps_its_goals() -> None:
    page = SHARPENING.read_text()
    assert with_ledgers(page) == page, "run make fix"
    ledger = CHAMPIONS["sharpen-digits"].manifest.ledger
    sharpened, originals, bicubic = (ledger["shrink2"][method] for method in ("this", "original", "bicubic"))
    assert sharpened["label_accuracy"] >= originals["label_accuracy"] - 0.003  # type: ignore[operator]
    assert sharpened["c2st_accuracy"] <= 0.6 < 0.99 < bicubic["c2st_accuracy"]  # type: ignore[operator]
    assert sharpened["consistency_worst"] <= 1  # type: ignore[operator]
    sharpened, originals, bicubic = (ledger["shrink4"][method] for method in ("this", "original", "bicubic"))
    half_way = (originals["label_accuracy"] + bicubic["label_accuracy"]) / 2  # type: ignore[operator]
    assert sharpened["label_accuracy"] >= half_way  # type: ignore[operator]
    assert sharpened["consistency_worst"] <= 1  # type: ignore[operator]


@pytest.mark.parametrize("name", [name for name, version in CHAMPIONS.items() if version.companion(FILE).exists()])
def test_the_directions_of_a_champion_move_what_they_are_named_after_and_keep_the_class(name: str) -> None:
    manifest = CHAMPIONS[name].manifest
    found = directions.read(CHAMPIONS[name].companion(FILE), manifest.digest, manifest.z_dim)
    assert found is not None
    vectors = np.array([each.vector for each in found.directions if each.kind == "measured"])
    assert vectors @ vectors.T == pytest.approx(np.eye(len(vectors)), abs=1e-5), "they are orthonormal"
    assert [each.name for each in found.directions] == [*found.properties, *(f"sefa{n}" for n in range(1, 9))]
    for each in found.directions[: len(found.properties)]:
        moved = {name: abs(value) for name, value in each.effect.moved.items()}
        assert moved[each.name] == max(moved.values()), each.name
        assert each.effect.moved[each.name] > 0.25, each.name


def test_the_page_on_directions_shows_those_of_the_shipped_versions() -> None:
    assert DIRECTIONS.read_text() == with_directions(DIRECTIONS.read_text())
    assert INVERSION.read_text() == with_inversion(INVERSION.read_text())
    assert "### digits/4" in DIRECTIONS.read_text()

"""Logits and probabilities of a loaded discriminator, with and without classes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from app.discriminator.network import LoadedDiscriminator
from app.discriminator.scoring import ResolvedScores, probability, score
from app.errors import VersionUnusable
from app.images.encoding import png
from app.sampling.generator import LoadedGenerator
from app.sampling.pictures import Drawing, resolve
from models.manifest import DISCRIMINATOR, MANIFEST, Calibration, Manifest, sha256_of
from models.repository import Repository
from models.version import Version
from tests.app.api.discriminate_calls import prepared_picture
from tests.app.images.test_decoding import saved
from tests.app.images.test_preprocessing import seven
from tests.live import ROOT, SHIPPED

FOLDER = SHIPPED / "digits" / "1"

MANIFEST_OF_DIGITS = Manifest.model_validate_json((FOLDER / MANIFEST).read_bytes())

COMPLETE = saved(seven(), "PNG")


def version_with(folder: Path, **fields: object) -> Version:
    """Return the shipped digits version with changed manifest fields."""
    return Version(folder, MANIFEST_OF_DIGITS.model_copy(update=fields))


def test_a_probability_does_not_overflow() -> None:
    calibration = Calibration(slope=2, intercept=1, pictures=1)
    assert probability(0, calibration) == pytest.approx(0.7310585786300049, abs=1e-15)
    assert (probability(1e6, calibration), probability(-1e6, calibration)) == (1.0, 0.0)
    assert probability(-100, calibration) == pytest.approx(math.exp(-199), rel=1e-9)


def test_without_a_label_the_calibration_for_any_label_is_used_if_it_exists() -> None:
    any_label = Calibration(slope=0, intercept=2, pictures=1)
    discriminator = LoadedDiscriminator(version_with(FOLDER, calibration_any=any_label))
    unlabelled, labelled = (score(COMPLETE, "auto", label, discriminator) for label in (None, 7))
    assert unlabelled.probability == probability(0, any_label)
    assert labelled.probability == probability(labelled.logit, MANIFEST_OF_DIGITS.calibration)
    fallback = score(COMPLETE, "auto", None, LoadedDiscriminator(version_with(FOLDER)))
    assert fallback.probability == probability(fallback.logit, MANIFEST_OF_DIGITS.calibration)


def test_an_unconditional_discriminator_scores_without_labels(tmp_path: Path) -> None:
    import torch

    from training.export.build import write_onnx
    from training.networks.factory import build
    from training.spec import TrainingSpec

    _, network = build(TrainingSpec.from_preset("lecture"), 0)
    write_onnx(network.eval(), tmp_path / DISCRIMINATOR, {"image": torch.rand(2, 1, 28, 28)}, "logit")
    files = MANIFEST_OF_DIGITS.files | {DISCRIMINATOR: sha256_of(tmp_path / DISCRIMINATOR)}
    discriminator = LoadedDiscriminator(version_with(tmp_path, classes=(), files=files))
    found = score(COMPLETE, "auto", None, discriminator)
    picture = prepared_picture(found.model_dump())
    session = onnxruntime.InferenceSession(tmp_path / DISCRIMINATOR, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"image": picture[None, None].astype(np.float32) / 255})[0]
    assert found.logit == pytest.approx(expected, abs=1e-5)
    assert (found.label, found.label_name, found.per_label) == (None, None, None)
    with pytest.raises(VersionUnusable, match="has inputs"):
        LoadedDiscriminator(version_with(tmp_path, files=files))


def test_an_unconditional_model_scores_its_own_pictures() -> None:
    version = Repository(ROOT / "models").get("lecture", 1)
    generator, discriminator = LoadedGenerator(version), LoadedDiscriminator(version)
    drawing = Drawing(seeds=tuple(range(20)), is_sheet=True)
    steps = ResolvedScores(resolve(drawing, generator)).steps(discriminator)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            payload = json.loads(done.value().content)
            break
    for picture in payload["pictures"]:
        pixels_drawn = generator.draw([generator.point(picture["seed"])[0]])[0]
        sent = score(png(pixels_drawn), "none", None, discriminator)
        assert picture["label"] is None
        assert picture["logit"] == pytest.approx(sent.logit, abs=1e-5)
        assert picture["probability"] == pytest.approx(sent.probability, abs=1e-6)

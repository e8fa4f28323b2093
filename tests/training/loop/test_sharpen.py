"""Training of the task `sharpen`, with the same trainer and loop."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from app.images.encoding import png
from models import sharpening
from tests import forked
from tests.live import ROOT
from tests.training.conftest import small_sharpen_spec
from training.checkpoint import load_checkpoint, save_checkpoint
from training.datasets import degradation
from training.datasets.tensors import Dataset
from training.loop.trainer import Trainer
from training.spec import TrainingSpec


def weights(trainer: Trainer, network: str) -> list[torch.Tensor]:
    return [value.clone() for value in getattr(trainer, network).state_dict().values()]


def equal(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_resumed_sharpener_equals_an_uninterrupted_one_to_the_last_bit(mnist: Dataset, tmp_path: Path) -> None:
    spec = small_sharpen_spec()
    whole, before = Trainer(spec, mnist), Trainer(spec, mnist)
    expected = [whole.step() for _ in range(9)]
    found = [before.step() for _ in range(4)]
    save_checkpoint(before.state_dict(), tmp_path / "checkpoint.pt")
    torch.manual_seed(999)
    after = Trainer(spec, mnist)
    after.load_state_dict(load_checkpoint(tmp_path / "checkpoint.pt"))
    assert found + [after.step() for _ in range(5)] == expected
    for network in ("generator", "discriminator"):
        assert equal(weights(after, network), weights(whole, network))


def test_with_mse_the_discriminator_stays_as_it_is_and_the_error_falls(mnist: Dataset) -> None:
    trainer = Trainer(small_sharpen_spec(loss="mse", consistency=0.0, learning_rate=3e-3), mnist)
    before = weights(trainer, "discriminator")
    losses = [trainer.step().loss_generator for _ in range(40)]
    assert equal(before, weights(trainer, "discriminator"))
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


def test_the_consistency_term_keeps_the_outputs_for_blurred_pictures_close_to_them(mnist: Dataset) -> None:
    condition = degradation.degrade(mnist.images[:64].float() / 255, "blur", sigma=2.0)
    found = {}
    for weight in (0.0, 1000.0):
        trainer = Trainer(small_sharpen_spec(consistency=weight), mnist)
        for _ in range(40):
            trainer.step()
        with torch.no_grad():
            z = torch.randn(64, 100, generator=torch.Generator().manual_seed(0))
            found[weight] = degradation.inconsistency(trainer.generator(z, condition), condition).item()
    assert found[1000.0] < 0.7 * found[0.0]


@pytest.mark.parametrize("preset", ["sharpen", "sharpen-quick"])
def test_the_presets_sharpen(preset: str) -> None:
    spec = TrainingSpec.from_preset(preset)  # type: ignore[arg-type]
    assert (spec.task, spec.conditional, spec.loss) == ("sharpen", False, "relativistic")


@pytest.mark.parametrize(
    "fields",
    [
        {"conditional": True},
        {"network": "mlp"},
        {"generator_widths": (8, 8, 8, 8)},
        {"grey_scale": "logarithmic"},
        {"translate": 1},
        {"stem_channels": 4},
    ],
    ids=str,
)
def test_options_that_a_sharpener_does_not_support_are_rejected(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="task 'sharpen'"):
        small_sharpen_spec(**fields)


@pytest.mark.parametrize("fields", [{"loss": "mse"}, {"consistency": 1.0}], ids=str)
def test_options_of_sharpeners_are_rejected_for_generators(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="require task 'sharpen'"):
        TrainingSpec(**fields)  # type: ignore[arg-type]


def test_the_command_line_sharpens_with_the_pixels_of_the_service_and_rejects_unsuitable_models_and_pictures(
    tmp_path: Path,
) -> None:
    from app.sampling.sharpener import LoadedSharpener, load, read_upload
    from models.repository import Repository

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return forked.run("training", "sharpen", *arguments, "--repository", "models", env=os.environ)

    small = sharpening.means(np.random.RandomState(1).randint(0, 256, (28, 28)).astype(np.uint8), 4)
    (tmp_path / "small.png").write_bytes(png(small))
    done = run(tmp_path / "small.png", tmp_path / "sharp.png", "--seed", 7)
    assert done.returncode == 0, done.stderr
    repository = Repository(ROOT / "models")
    loaded = load(repository.get("sharpen-digits", repository.aliases("sharpen-digits")["champion"]))
    assert isinstance(loaded, LoadedSharpener)
    expected = loaded.draw([loaded.sharpen_point(7, sharpening.recognise(small))])[0]
    with Image.open(tmp_path / "sharp.png") as picture:
        assert (np.asarray(picture) == expected).all()

    photo = Image.fromarray(255 - np.pad(sharpening.enlarge(small), 40)).convert("RGBA")
    photo.save(tmp_path / "photo.png")
    done = run(tmp_path / "photo.png", tmp_path / "sharp.png", "--seed", 7, "--factor", "2")
    assert done.returncode == 0, done.stderr
    assert "after a conversion like mnist, shrink2" in done.stdout.replace("\n", " ")
    upload = read_upload((tmp_path / "photo.png").read_bytes(), "2", "auto", loaded.manifest)
    with Image.open(tmp_path / "sharp.png") as picture:
        assert (np.asarray(picture) == loaded.draw([loaded.sharpen_point(7, upload.degraded)])[0]).all()

    (tmp_path / "text.png").write_bytes(b"no picture")
    for arguments, words in (
        ((tmp_path / "small.png", tmp_path / "out.png", "--factor", "2"), "14x14 or 28x28 pixels, not 7x7"),
        ((tmp_path / "text.png", tmp_path / "out.png"), "cannot be sharpened. The file is not a PNG"),
        ((tmp_path / "none.png", tmp_path / "out.png"), "cannot be read (No such file or directory). Name a picture file"),
        ((tmp_path / "small.png", tmp_path / "out.png", "--name", "digits"), "Name a model of the task sharpen"),
    ):
        failed = run(*arguments)
        assert failed.returncode == 1
        assert words in failed.stderr.replace("\n", " "), failed.stderr
        assert not (tmp_path / "out.png").exists()


def test_a_run_writes_events_and_a_sheet_of_outputs(tmp_path_factory: pytest.TempPathFactory) -> None:
    from tests.training.conftest import finished

    made = finished(tmp_path_factory.mktemp("runs") / "sharpen", small_sharpen_spec(images=64, sample_every=64))
    events = [json.loads(line) for line in made.events.read_text().splitlines()]
    assert [event["event"] for event in events if event["event"] in ("started", "end")] == ["started", "end"]
    with Image.open(made.sample(64)) as sheet:
        assert sheet.size == (280, 224)


def test_outputs_and_originals_are_compared_in_pairs(mnist: Dataset) -> None:
    from training.evaluation.two_sample import two_sample

    originals = mnist.images[:800]
    degraded = degradation.split(degradation.degrade(originals.float() / 255, "blur", sigma=0.5))[0]
    equal_outputs = (degraded * 0 + originals.float()).to(torch.uint8)
    found = two_sample(originals, equal_outputs, 0, paired=True)
    assert (found.accuracy, found.auc) == (pytest.approx(0.5), pytest.approx(0.5, abs=1e-6))
    assert two_sample(originals, (degraded * 255).round().to(torch.uint8), 0, paired=True).accuracy > 0.6

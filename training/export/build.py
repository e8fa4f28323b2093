"""Exports a run's networks to ONNX, checks them against the trained ones, measures them and publishes a version."""

from __future__ import annotations

import hashlib
import importlib.metadata
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.atomic import write_atomically
from models.history import Cause
from models.manifest import (
    DISCRIMINATOR,
    GENERATOR,
    MANIFEST,
    SAMPLES,
    WEIGHTS,
    DatasetNote,
    Golden,
    Manifest,
    Parity,
    TrainingNote,
    sha256_of,
)
from models.names import check_name
from models.repository import Repository
from models.sharpening import KINDS
from models.version import Version, copier
from training import datasets
from training.checkpoint import load_checkpoint, save_checkpoint
from training.errors import CheckpointError, ExportError
from training.evaluation import report, sheets
from training.evaluation.batteries import battery_of
from training.evaluation.calibration import calibrate
from training.evaluation.figures import Battery
from training.evaluation.ledger import Ledger
from training.evaluation.onnx_models import OnnxGenerator, OnnxSharpener
from training.export.networks import Networks, networks_of
from training.loop.run_folder import RunFolder, read_events
from training.loop.stopping import reason_of
from training.networks import architectures, factory
from training.networks.architectures import Discriminator, Generator
from training.spec import TrainingSpec

OPSET = 17
PARITY_SEEDS = 1_000
GOLDEN_SEEDS = 32
GRID_TOLERANCE = 1.0
"""Maximum mean absolute difference, in grey levels, between the trained and the quantised generator."""
LOGIT_TOLERANCE = 1e-3
Say = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """The networks of a run, loaded from one of its checkpoints."""

    spec: TrainingSpec
    generator: Generator
    discriminator: Discriminator
    seen: int
    seconds: float
    machine: str
    torch: str
    history: report.History
    """Progress and metrics of the run."""
    ended: str | None
    """The end reason."""


def load_trained(folder: RunFolder, which: str = "best") -> Trained:
    """Load the averaged generator and the discriminator of a run.

    Args:
        folder: the run's folder.
        which: `best` (lowest KID) or `last`.

    Raises:
        CheckpointError: the checkpoint is missing or damaged.
    """
    path = folder.best if which == "best" else folder.checkpoint
    if which == "best" and not path.exists() and folder.checkpoint.exists():
        raise CheckpointError(
            f"{folder.path} has no best checkpoint, because KID has not been measured. Use --checkpoint last, or train longer."
        )
    state = load_checkpoint(path)
    try:
        spec = TrainingSpec.model_validate(state["spec"])
        generator, discriminator = factory.build(spec, len(datasets.describe(spec.dataset).classes))
        generator.load_state_dict(state["ema"])
        discriminator.load_state_dict(state["discriminator"])
        facts = {name: state[name] for name in ("seen", "seconds", "machine", "torch")}
        return Trained(
            spec,
            generator.eval(),
            discriminator.eval(),
            **facts,
            history=report.history(read_events(folder.events)),
            ended=reason_of(folder),
        )
    except (KeyError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{path} is not compatible with this version of the trainer ({error}). Train again, or use the matching version."
        ) from error


def export(
    trained: Trained,
    name: str,
    repository: Repository,
    *,
    data_folder: Path | None = None,
    pictures: int = 10_000,
    cache: Path | None = None,
    thorough: bool = True,
    beside: dict[str, OnnxSharpener] | None = None,
    say: Say = print,
) -> Version:
    """Export, check, measure and publish a run's networks as the next version of a model.

    With `beside`, the ledger of a sharpener also has the figures of these versions.

    Raises:
        ExportError: an exported network does not match the trained one, or quantisation changed it too much. Nothing is
            published.
        RepositoryError: the repository rejects the version.
    """
    check_name(name)
    # All slow steps run before the repository is locked.
    with tempfile.TemporaryDirectory(prefix="seedling-export-") as scratch:
        battery = battery_of(trained.spec.task, trained.spec.dataset, data_folder, pictures, cache, beside)
        candidate = build(Path(scratch), trained, name, battery, thorough=thorough, say=say)
        return repository.publish(name, copier(candidate), cause=Cause(how="command"))


def build(
    folder: Path,
    trained: Trained,
    name: str,
    battery: Battery | Ledger,
    *,
    thorough: bool = False,
    say: Say = print,
) -> Version:
    """Export, check and measure a candidate into `folder`. Publishing it only assigns the version number.

    A thorough measurement computes all figures, which takes minutes. The default is sufficient to compare two generators.

    Raises:
        ExportError: an exported network does not match the trained one, or quantisation changed it too much.
    """
    spec, dataset = trained.spec, battery.train.info
    classes = dataset.classes if spec.conditional else ()
    train, test = battery.train, battery.test
    networks = networks_of(spec, trained.generator, trained.discriminator, train)
    exact = networks.exact
    write_onnx(exact, folder / GENERATOR, networks.generator_inputs(), "image")
    write_onnx(networks.discriminator, folder / DISCRIMINATOR, networks.discriminator_inputs(), "logit")
    parity = check_parity(networks, folder)
    say(
        f"Over {parity.seeds:,} seeds: {parity.generator_pixels_different} pixels differ between torch and ONNX Runtime, "
        f"{parity.batch_pixels_different} between batched and single. The integer grid changed pixels by "
        f"{parity.grid_mean_difference:.2f} grey levels on average, {parity.grid_max_difference:.0f} at most."
    )
    generator = networks.open(folder)
    calibrated = calibrate(generator, folder / DISCRIMINATOR, test)
    save_checkpoint(
        {"spec": spec.model_dump(mode="json")}
        | {"ema": trained.generator.state_dict(), "discriminator": trained.discriminator.state_dict()},
        folder / WEIGHTS,
    )
    sheets.save_sheet(folder / SAMPLES, networks.samples(generator, test), columns=10, scale=2)
    clock = time.monotonic()
    measured = battery.evaluate(generator, thorough=thorough)  # type: ignore[arg-type]  # both are of the same task
    seconds = time.monotonic() - clock
    report_files = report.write(
        folder, measured, seconds=seconds, training=train.images, past=trained.history, bins=calibrated.reliability
    )
    manifest = Manifest(
        name=name,
        version=1,
        task=spec.task,
        kinds=KINDS if spec.task == "sharpen" else None,
        created=datetime.now(UTC).replace(microsecond=0),
        files={file: sha256_of(folder / file) for file in (GENERATOR, DISCRIMINATOR, SAMPLES, WEIGHTS, *report_files)},
        z_dim=spec.z_dim,
        classes=classes,
        spec=spec.model_dump(mode="json"),
        dataset=DatasetNote(name=dataset.name, title=dataset.title, licence=dataset.licence, sha256=dataset.digest),
        training=TrainingNote(
            images=trained.seen,
            seconds=round(trained.seconds, 1),
            machine=trained.machine,
            generator_parameters=architectures.parameter_count(trained.generator),
            discriminator_parameters=architectures.parameter_count(trained.discriminator),
            ended=trained.ended,
        ),
        metrics=measured.figures,
        ledger=measured.ledger,
        judge_sha256=battery.judge_sha256,
        exactness=exact.certificate.to_manifest(),
        parity=parity,
        golden=golden(generator),
        calibration=calibrated.labelled,
        calibration_any=calibrated.any_label,
        libraries={"torch": trained.torch} | {lib: importlib.metadata.version(lib) for lib in ("onnx", "onnxruntime", "numpy")},
    )
    write_atomically(folder / MANIFEST, f"{manifest.model_dump_json(indent=2)}\n".encode())
    return Version(folder, manifest)


def write_onnx(network: nn.Module, path: Path, inputs: dict[str, Tensor], output: str) -> None:
    """Write a network as ONNX with a dynamic batch axis.

    Args:
        network: the network.
        path: the file to write.
        inputs: name to an example of each input, in order, with a batch of two.
        output: name of the output.
    """
    with warnings.catch_warnings():
        # The dynamo exporter fuses and renames operators, which would be harder to verify. Suppress its recommendation.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network.cpu().eval().to(memory_format=torch.contiguous_format),  # type: ignore[call-overload]
            tuple(inputs.values()),
            path,
            input_names=list(inputs),
            output_names=[output],
            dynamic_axes={axis: {0: "N"} for axis in [*inputs, output]},
            opset_version=OPSET,
            dynamo=False,
        )


@torch.inference_mode()
def check_parity(networks: Networks, folder: Path) -> Parity:
    """Compare the exported networks in `folder` with the torch networks on 1,000 seeds.

    Raises:
        ExportError: a pixel differs, a logit differs beyond rounding, or quantisation changed the pixels too much.
    """
    found = networks.compare(folder, PARITY_SEEDS)
    moved = np.abs(found.by_training - found.unmatched) * 255
    parity = Parity(
        seeds=PARITY_SEEDS,
        generator_max_difference=float(np.abs(found.by_torch - found.by_batch).max()),
        generator_pixels_different=int((np.rint(found.by_torch * 255) != np.rint(found.by_batch * 255)).sum()),
        batch_pixels_different=int((np.rint(found.by_one * 255) != np.rint(found.by_batch * 255)).sum()),
        discriminator_max_difference=float(np.abs(found.logits - found.logits_torch).max()),
        grid_mean_difference=float(moved.mean()),
        grid_max_difference=float(moved.max()),
    )
    if parity.grid_mean_difference > GRID_TOLERANCE:
        raise ExportError(
            f"The integer grid changes pixels by {parity.grid_mean_difference:.2f} grey levels on average, more than "
            f"{GRID_TOLERANCE}. Nothing was published. The weights have grown very large: train with a higher gamma."
        )
    if parity.generator_pixels_different or parity.batch_pixels_different:
        raise ExportError(
            f"{parity.generator_pixels_different} pixels differ between torch and ONNX Runtime, "
            f"{parity.batch_pixels_different} between a batch and single pictures. Nothing was published. Check that torch "
            "and onnxruntime are the pinned versions; if they are, report this with the run's checkpoint."
        )
    scale = max(1.0, float(np.abs(found.logits_torch).max()))
    if parity.discriminator_max_difference > LOGIT_TOLERANCE * scale:
        raise ExportError(
            f"The discriminator's logits differ by {parity.discriminator_max_difference} between torch and ONNX Runtime. "
            "Nothing was published. Check that torch and onnxruntime are the pinned versions."
        )
    return parity


def golden(generator: OnnxGenerator | OnnxSharpener) -> Golden:
    """Return the digest of the pixels of the first seeds."""
    return Golden(seeds=GOLDEN_SEEDS, sha256=hashlib.sha256(generator.golden(GOLDEN_SEEDS).numpy().tobytes()).hexdigest())

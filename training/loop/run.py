"""Runs a training run in a folder, with stop and resume."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from models.atomic import write_atomically
from models.manifest import sha256_of
from training.checkpoint import load_checkpoint, save_checkpoint
from training.datasets import tensors
from training.datasets.tensors import Dataset
from training.errors import CheckpointError, DivergedError, TrainingError
from training.evaluation import sheets
from training.loop import stopping
from training.loop.judging import prepare_judge
from training.loop.kid_meter import KidMeter
from training.loop.progress import Progress
from training.loop.run_folder import Events, RunFolder, alone_in
from training.loop.sampling import draw, sharpen, sharpening_sheet
from training.loop.stop_request import Stop, Stopped
from training.loop.stopping import Plateau
from training.loop.storing import stored
from training.loop.trainer import ADAPT_EVERY, StepFigures, Trainer
from training.loop.usage import Totals, UsageMeter
from training.networks.architectures import Generator
from training.spec import ENOUGH_HELD_OUT, TrainingSpec

GRID_SEEDS = range(80)


def start(folder: RunFolder, spec: TrainingSpec, initial: Path | None = None) -> None:
    """Initialise the folder of a new run. A folder without a checkpoint counts as unused.

    Args:
        folder: the run's folder.
        spec: the training spec.
        initial: file to copy there as the spec's initial weights, unless it is already in the folder.

    Raises:
        CheckpointError: the folder already contains a run.
    """
    if folder.checkpoint.exists():
        raise CheckpointError(
            f"{folder.path} already contains a run. Continue it with --resume, or choose another folder with --out."
        )
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.events.unlink(missing_ok=True)
    if initial:
        write_atomically(folder.initial, initial.read_bytes())
    write_atomically(folder.spec, f"{spec.model_dump_json(indent=2)}\n".encode())


def run(
    folder: RunFolder,
    *,
    new: TrainingSpec | None = None,
    initial: Path | None = None,
    resume: bool = False,
    device: str = "cpu",
    data_folder: Path | None = None,
) -> str:
    """Train until all images are seen, KID reaches a plateau, or a stop is requested. Return the reason for the end.

    `budget` and `plateau` become `indistinguishable` if a classifier cannot distinguish the best generator's pictures from the
    held-out ones; this is tested if enough pictures are held out. A `stopped` run can be resumed.

    Args:
        folder: the run's folder.
        new: spec of a new run. None: the folder has been initialised by `start`.
        initial: file of the initial weights, as in `start`.
        resume: continue from the checkpoint, which must exist.
        device: torch device.
        data_folder: folder of the dataset's files. Defaults to their usual location.

    Raises:
        FolderInUseError: another trainer is running in the folder, or has continued the run on another host.
        TrainingError: the run failed. The event log records the reason.
    """
    stop = Stop()
    folder.path.mkdir(parents=True, exist_ok=True)
    with stop.on_signals(), alone_in(folder), stored(folder, stop.request) as storing:
        if new:
            start(folder, new, initial)
        folder.stop.unlink(missing_ok=True)
        for leftover in folder.path.glob(".*.part"):  # incomplete files of a killed process
            if leftover.is_dir():  # an exported candidate
                shutil.rmtree(leftover, ignore_errors=True)
            else:  # a checkpoint
                leftover.unlink(missing_ok=True)
        events = Events(folder.events)
        if storing:
            storing.warn = lambda text: events.write("warning", detail=text)
        usage = UsageMeter(device, Totals.of_earlier_attempts(folder.events))
        try:
            loop = _prepare(folder, events, stop, usage, resume=resume, device=device, data_folder=data_folder)
            reason = loop.until_done(stop, resumed=resume)
            seconds = round(loop.trainer.seconds, 1)
            events.write("end", reason=reason, images=loop.trainer.seen, seconds=seconds, **usage.totals())
        except Stopped:
            reason = "stopped"
            events.write("end", reason=reason, images=0, seconds=0.0, **usage.totals())
        except Exception as error:
            reason = "diverged" if isinstance(error, DivergedError) else "failed"
            reported = _user_error(folder, error)
            with suppress(OSError):  # the disk may be full
                events.write("end", reason=reason, detail=str(reported), **usage.totals())
            raise reported from error
        finally:
            if storing:
                storing.warn = None
            with suppress(OSError):  # closing flushes the buffer, which fails on a full disk
                events.close()
    return reason


def _user_error(folder: RunFolder, error: Exception) -> Exception:
    """Convert an OSError into an error with a remedy."""
    if isinstance(error, OSError):
        return CheckpointError(f"{folder.path} cannot be written ({error.strerror}). Free some space, then use --resume.")
    return error


def _prepare(
    folder: RunFolder, events: Events, stop: Stop, usage: UsageMeter, *, resume: bool, device: str, data_folder: Path | None
) -> _Loop:
    spec = folder.read_spec()
    torch.set_num_threads(spec.threads)
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise TrainingError(f"torch cannot use the device {device!r} ({error}). Use --device cpu.") from error
    data = tensors.load(spec.dataset, "train", data_folder)
    shown, held_out = stopping.hold_out(data, spec.held_out)
    trainer, plateau = Trainer(spec, shown, device), Plateau.of(spec)
    if resume:
        state = _last_checkpoint(folder, events)
        trainer.load_state_dict(state)
        plateau.load_state_dict(state)
    elif spec.initial_weights:
        trainer.load_weights(_initial_weights(folder, spec.initial_weights))
    if spec.metrics_every:
        prepare_judge(data, events, stop.check)
    else:
        return _Loop(folder, trainer, events, usage, plateau, None, None)
    enough = len(held_out) >= ENOUGH_HELD_OUT
    levels = shown.images if spec.match_tones else None
    meter = KidMeter(held_out if enough else shown, task=spec.task, shown=levels)
    return _Loop(folder, trainer, events, usage, plateau, meter, held_out if enough else None)


def _last_checkpoint(folder: RunFolder, events: Events) -> dict[str, Any]:
    """Return the newest readable checkpoint."""
    try:
        return load_checkpoint(folder.checkpoint)
    except CheckpointError as error:
        if not folder.checkpoint_before.exists():
            raise
        state = load_checkpoint(folder.checkpoint_before)
        _keep_as(folder.checkpoint_before, folder.checkpoint)  # otherwise the next checkpoint would replace the good one
        events.write("warning", detail=f"{error} Resuming from the previous checkpoint.")
        return state


def _initial_weights(folder: RunFolder, expected: str) -> dict[str, Any]:
    if not folder.initial.is_file() or sha256_of(folder.initial) != expected:
        raise CheckpointError(
            f"{folder.initial} is missing or does not match the spec's initial_weights. Name a version's weights.pt with "
            "--initial."
        )
    return load_checkpoint(folder.initial)


class _Loop:
    """The training loop: steps, logging, samples, measurements and checkpoints."""

    def __init__(
        self,
        folder: RunFolder,
        trainer: Trainer,
        events: Events,
        usage: UsageMeter,
        plateau: Plateau,
        meter: KidMeter | None,
        held_out: Dataset | None,
    ) -> None:
        self.folder, self.trainer, self.events, self.usage = folder, trainer, events, usage
        self.plateau, self.meter, self.held_out = plateau, meter, held_out

    @property
    def ended(self) -> bool:
        """Whether training is complete."""
        return self.trainer.done or self.plateau.reached

    def until_done(self, stop: Stop, *, resumed: bool) -> str:
        """Train and return the end reason: `indistinguishable`, `plateau`, `budget` or `stopped`."""
        with Progress(self.trainer.spec.images, self.trainer.seen) as progress:
            return self._until_done(stop, progress, resumed=resumed)

    def _until_done(self, stop: Stop, progress: Progress, *, resumed: bool) -> str:
        trainer, spec = self.trainer, self.trainer.spec
        seen_before, seconds_before, clock = trainer.seen, trainer.seconds, time.monotonic()
        self.events.write("resumed" if resumed else "started", images=trainer.seen, of=spec.images, preset=spec.preset)
        if not resumed:
            self._samples()
            self._checkpoint()  # makes the run resumable
        while not self.ended and not self._stop_requested(stop):
            before = trainer.seen
            figures = trainer.step()
            elapsed = time.monotonic() - clock
            trainer.seconds = seconds_before + elapsed
            due = _Due(before, trainer.seen)
            if not self.held_out:
                trainer.adapt_to_sign(figures.sign)
            elif due(ADAPT_EVERY):
                trainer.adapt_augmentation(self.held_out)
            if due(spec.log_every) or trainer.done:
                self._log(figures, (trainer.seen - seen_before) / elapsed, progress)
            if self.meter and (due(spec.metrics_every) or trainer.done):
                self._metrics(self.meter, progress)
            if due(spec.sample_every) or self.ended:
                self._samples()
            if due(spec.checkpoint_every) and not self.ended:
                self._checkpoint()
        self._checkpoint()
        if not self.ended:
            return "stopped"
        if self.held_out:
            if self._stop_requested(stop):  # the test is slow; --resume starts with it
                return "stopped"
            if self._indistinguishable(self.held_out, progress):
                return "indistinguishable"
        return "budget" if trainer.done else "plateau"

    def _stop_requested(self, stop: Stop) -> bool:
        return stop.requested or self.folder.stop.exists()

    def _log(self, figures: StepFigures, rate: float, progress: Progress) -> None:
        trainer = self.trainer
        eta = (trainer.spec.images - trainer.seen) / rate
        if trainer.spec.minutes:
            eta = min(eta, 60 * trainer.spec.minutes - trainer.seconds)
        fields = {name: round(value, 6) for name, value in asdict(figures).items()}
        self.events.write(
            "progress",
            step=trainer.steps,
            images=trainer.seen,
            **fields,
            augment_p=round(trainer.augment_p, 4),
            images_per_second=round(rate, 1),
            eta_seconds=round(max(eta, 0.0), 1),
            part=round(trainer.part, 4),
            **self.usage.measure(),
        )
        progress.update(trainer.seen, figures, rate, eta)

    def _samples(self) -> None:
        generator: Generator = self.trainer.ema.network  # type: ignore[assignment]
        labels = torch.arange(len(GRID_SEEDS)) % generator.classes if generator.classes else None
        path = self.folder.sample(self.trainer.seen)
        if self.trainer.spec.task == "sharpen":
            samples = sharpening_sheet(partial(sharpen, generator), self.trainer.images.cpu())
        else:
            samples = draw(generator, GRID_SEEDS, labels)
        sheets.save_sheet(path, samples, columns=10)
        self.events.write("samples", images=self.trainer.seen, file=str(path.relative_to(self.folder.path)))

    def _metrics(self, meter: KidMeter, progress: Progress) -> None:
        generator: Generator = self.trainer.ema.network  # type: ignore[assignment]
        self.trainer.check_finite()  # KID is finite even for NaN pictures
        found = meter.measure(generator)
        is_best = self.plateau.measured(self.trainer.seen, found.kid)
        if is_best:
            save_checkpoint(self._networks(found.kid), self.folder.best)
        fields = {name: round(value, 6) for name, value in asdict(found).items()}
        self.events.write("metrics", images=self.trainer.seen, **fields, best=is_best)
        progress.note(f"KID {found.kid:.4f} ± {found.kid_sd:.4f}{' (best)' if is_best else ''}")

    def _indistinguishable(self, held_out: Dataset, progress: Progress) -> bool:
        """Run the two-sample test on the best generator's pictures and the held-out ones."""
        best = load_checkpoint(self.folder.best)
        generator: Generator = self.trainer.ema.network  # type: ignore[assignment]
        shown = self.trainer.images.cpu() if self.trainer.spec.match_tones else None
        spec = self.trainer.spec
        verdict = stopping.examine(generator, best["ema"], held_out, self.trainer.seen, shown, task=spec.task)
        fields = {name: round(value, 6) for name, value in asdict(verdict).items()}
        passed = verdict.indistinguishable
        self.events.write("two_sample", images=self.trainer.seen, best_images=best["seen"], **fields, indistinguishable=passed)
        progress.note(f"Two-sample test: accuracy {verdict.accuracy:.4f}, chance threshold {verdict.threshold:.4f}")
        return passed

    def _networks(self, kid: float) -> dict[str, Any]:
        """Return the part of the checkpoint that export needs."""
        state = self.trainer.state_dict()
        names = ("spec", "ema", "discriminator", "seen", "seconds", "machine", "torch")
        return {name: state[name] for name in names} | {"kid": kid}

    def _checkpoint(self) -> None:
        self.trainer.check_finite()
        if self.folder.checkpoint.exists():
            _keep_as(self.folder.checkpoint, self.folder.checkpoint_before)
        save_checkpoint(self.trainer.state_dict() | self.plateau.state_dict(), self.folder.checkpoint)
        self.events.write("checkpoint", images=self.trainer.seen)


def _keep_as(path: Path, other: Path) -> None:
    """Hard-link a file to another name, atomically replacing the file of that name."""
    link = path.with_name(f".{other.name}.part")
    link.unlink(missing_ok=True)
    link.hardlink_to(path)
    link.replace(other)


@dataclass(frozen=True)
class _Due:
    """Whether an interval, in images, elapsed during the last step."""

    before: int
    after: int

    def __call__(self, every: int) -> bool:
        return self.before // every != self.after // every

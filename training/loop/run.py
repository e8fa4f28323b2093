"""A run: a trainer in a folder, from its first image to its last, through stops and resumes."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from models.atomic import write_atomically
from models.manifest import sha256_of
from training.checkpoint import load_checkpoint, save_checkpoint
from training.datasets import tensors
from training.datasets.tensors import Dataset
from training.errors import CheckpointError, DivergedError, TrainingError
from training.evaluation import classifier as classifiers
from training.evaluation import distance, grid
from training.loop import stopping
from training.loop.folder import Events, RunFolder, alone_in
from training.loop.progress import Progress
from training.loop.sampling import draw
from training.loop.stopping import Plateau
from training.loop.trainer import ADAPT_EVERY, StepFigures, Trainer
from training.networks.architectures import Generator
from training.spec import ENOUGH_HELD_OUT, TrainingSpec

GRID_SEEDS = range(80)
KID_FAKES = 5_000
KID_REALS = 10_000


class Stop:
    """Set by SIGTERM, SIGINT or SIGHUP; the loop looks at it after every step."""

    def __init__(self) -> None:
        self.requested = False

    def request(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Ask the run to checkpoint and end."""
        self.requested = True

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Listen for the signals while the block runs."""
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        before = {number: signal.signal(number, self.request) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@dataclass(frozen=True)
class Distances:
    """How far a generator's pictures lie from real ones."""

    kid: float
    """Mean over 100 subsets of 1,000."""
    kid_sd: float
    """Its standard deviation over the subsets."""
    fid: float


class KidMeter:
    """Measures a generator's distance to held-out pictures, or to training pictures; the real ones are looked at once.

    A test picture is never used here: those are kept for the evaluation of what is exported.
    """

    def __init__(self, data: Dataset) -> None:
        self.judge, self.sha256 = classifiers.load(data.source.name, len(data.source.classes))
        self.real = classifiers.judge(self.judge, data.images[:KID_REALS]).features
        self.labels = data.labels[torch.arange(KID_FAKES) % min(len(data), KID_REALS)]  # in the real ones' proportions

    def measure(self, generator: Generator) -> Distances:
        """Judge the pictures of 5,000 seeds, the same every time."""
        fakes = draw(generator, range(10**6, 10**6 + KID_FAKES), self.labels if generator.classes else None)
        features = classifiers.judge(self.judge, fakes).features
        return Distances(*distance.kid(self.real, features), distance.fid(self.real, features))


def start(folder: RunFolder, spec: TrainingSpec, initial: Path | None = None) -> None:
    """Lay out the folder of a new run. A folder without a checkpoint holds none yet, whatever else lies in it.

    Args:
        folder: where.
        spec: what to train.
        initial: a file to put there as the spec's initial weights, if they are not there yet.

    Raises:
        CheckpointError: there is a run in it already.
    """
    if folder.checkpoint.exists():
        raise CheckpointError(f"{folder.path} holds a run already. Go on with --resume, or choose another folder with --out.")
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
    """Train until the spec's images are seen, KID has reached a plateau, or a signal comes; return why it ended.

    `indistinguishable`: after either of the first two, pictures of the best generator could not be told from held-out ones.
    `plateau`, `budget`: they could, or there are too few held out to tell. `stopped`: it may go on.

    Args:
        folder: everything is written here.
        new: the spec of a run that is to begin here; without it the folder has been laid out by `start`.
        initial: the file of its initial weights, as in `start`.
        resume: go on from the checkpoint; without one in the folder, an error.
        device: torch device.
        data_folder: where the dataset's files lie, if not in their usual place.

    Raises:
        TrainingError: anything that the person who started it can mend. The event log says how the run ended.
    """
    stop = Stop()
    folder.path.mkdir(parents=True, exist_ok=True)
    with stop.on_signals(), alone_in(folder):
        if new:
            start(folder, new, initial)
        folder.stop.unlink(missing_ok=True)
        for leftover in folder.path.glob(".*.part"):  # what was being written when its writer was killed
            if leftover.is_dir():  # an exported candidate
                shutil.rmtree(leftover, ignore_errors=True)
            else:  # a checkpoint
                leftover.unlink(missing_ok=True)
        events = Events(folder.events)
        try:
            loop = _prepare(folder, events, resume=resume, device=device, data_folder=data_folder)
            reason = loop.until_done(stop, resumed=resume)
            events.write("end", reason=reason, images=loop.trainer.seen, seconds=round(loop.trainer.seconds, 1))
        except Exception as error:
            reason = "diverged" if isinstance(error, DivergedError) else "failed"
            told = _told(folder, error)
            with suppress(OSError):  # on a full disk there is no telling it either
                events.write("end", reason=reason, detail=str(told))
            raise told from error
        finally:
            with suppress(OSError):  # what a full disk did not take is still in its buffer
                events.close()
    return reason


def _told(folder: RunFolder, error: Exception) -> Exception:
    """An error as the person who started the run should read it."""
    if isinstance(error, OSError):
        return CheckpointError(f"{folder.path} cannot be written ({error.strerror}). Make room, then go on with --resume.")
    return error


def _prepare(folder: RunFolder, events: Events, *, resume: bool, device: str, data_folder: Path | None) -> _Loop:
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
    if not spec.metrics_every:
        return _Loop(folder, trainer, events, plateau, None, None)
    enough = len(held_out) >= ENOUGH_HELD_OUT
    return _Loop(folder, trainer, events, plateau, KidMeter(held_out if enough else shown), held_out if enough else None)


def _last_checkpoint(folder: RunFolder, events: Events) -> dict[str, Any]:
    """The newest checkpoint that can be read."""
    try:
        return load_checkpoint(folder.checkpoint)
    except CheckpointError as error:
        if not folder.checkpoint_before.exists():
            raise
        state = load_checkpoint(folder.checkpoint_before)
        _keep_as(folder.checkpoint_before, folder.checkpoint)  # or the next checkpoint would push the good one out
        events.write("warning", detail=f"{error} Going on from the checkpoint before it.")
        return state


def _initial_weights(folder: RunFolder, expected: str) -> dict[str, Any]:
    if not folder.initial.is_file() or sha256_of(folder.initial) != expected:
        raise CheckpointError(
            f"{folder.initial} is missing, or is not the file that the spec names. Name a version's weights.pt with --initial."
        )
    return load_checkpoint(folder.initial)


class _Loop:
    """The steps of one run, and what is done between them."""

    def __init__(
        self,
        folder: RunFolder,
        trainer: Trainer,
        events: Events,
        plateau: Plateau,
        meter: KidMeter | None,
        held_out: Dataset | None,
    ) -> None:
        self.folder, self.trainer, self.events = folder, trainer, events
        self.plateau, self.meter, self.held_out = plateau, meter, held_out

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to train."""
        return self.trainer.done or self.plateau.reached

    def until_done(self, stop: Stop, *, resumed: bool) -> str:
        """Train; return why it ended: `indistinguishable`, `plateau`, `budget` or `stopped`."""
        with Progress(self.trainer.spec.images, self.trainer.seen) as progress:
            return self._until_done(stop, progress, resumed=resumed)

    def _until_done(self, stop: Stop, progress: Progress, *, resumed: bool) -> str:
        trainer, spec = self.trainer, self.trainer.spec
        seen_before, seconds_before, clock = trainer.seen, trainer.seconds, time.monotonic()
        self.events.write("resumed" if resumed else "started", images=trainer.seen, of=spec.images, preset=spec.preset)
        if not resumed:
            self._samples()
            self._checkpoint()  # from here on there is a run to resume
        while not self.ended and not self._asked_to(stop):
            before = trainer.seen
            figures = trainer.step()
            elapsed = time.monotonic() - clock
            trainer.seconds = seconds_before + elapsed
            due = _Due(before, trainer.seen)
            if self.held_out and due(ADAPT_EVERY):
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
            if self._asked_to(stop):  # the test takes a while; who goes on with --resume begins with it
                return "stopped"
            if self._indistinguishable(self.held_out, progress):
                return "indistinguishable"
        return "budget" if trainer.done else "plateau"

    def _asked_to(self, stop: Stop) -> bool:
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
            images_per_second=round(rate, 1),
            eta_seconds=round(max(eta, 0.0), 1),
            part=round(trainer.part, 4),
        )
        progress.update(trainer.seen, figures, rate, eta)

    def _samples(self) -> None:
        generator: Generator = self.trainer.ema.network  # type: ignore[assignment]
        labels = torch.arange(len(GRID_SEEDS)) % generator.classes if generator.classes else None
        path = self.folder.sample(self.trainer.seen)
        grid.save_sheet(path, draw(generator, GRID_SEEDS, labels), columns=10)
        self.events.write("samples", images=self.trainer.seen, file=str(path.relative_to(self.folder.path)))

    def _metrics(self, meter: KidMeter, progress: Progress) -> None:
        generator: Generator = self.trainer.ema.network  # type: ignore[assignment]
        self.trainer.check_finite()  # KID would not notice: of pictures that are no numbers it is a number
        found = meter.measure(generator)
        is_best = self.plateau.measured(self.trainer.seen, found.kid)
        if is_best:
            save_checkpoint(self._networks(found.kid), self.folder.best)
        fields = {name: round(value, 6) for name, value in asdict(found).items()}
        self.events.write("metrics", images=self.trainer.seen, **fields, best=is_best)
        progress.note(f"KID {found.kid:.4f} ± {found.kid_sd:.4f}{' (best)' if is_best else ''}")

    def _indistinguishable(self, held_out: Dataset, progress: Progress) -> bool:
        """Whether the best generator's pictures can no longer be told from held-out ones."""
        best = load_checkpoint(self.folder.best)
        generator: Generator = self.trainer.ema.network  # type: ignore[assignment]
        shown = self.trainer.images.cpu() if self.trainer.spec.match_tones else None
        verdict = stopping.examine(generator, best["ema"], held_out, self.trainer.seen, shown)
        fields = {name: round(value, 6) for name, value in asdict(verdict).items()}
        told = verdict.indistinguishable
        self.events.write("two_sample", images=self.trainer.seen, best_images=best["seen"], **fields, indistinguishable=told)
        progress.note(f"A fresh network tells real from generated at {verdict.accuracy:.4f}; guessing: {verdict.threshold:.4f}")
        return told

    def _networks(self, kid: float) -> dict[str, Any]:
        """What export needs of this moment, in the checkpoint's own names."""
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
    """Give a file a second name, in place of what had it before: one link and one rename, no copy."""
    link = path.with_name(f".{other.name}.part")
    link.unlink(missing_ok=True)
    link.hardlink_to(path)
    link.replace(other)


@dataclass(frozen=True)
class _Due:
    """Whether an interval, in images, ended within the last step."""

    before: int
    after: int

    def __call__(self, every: int) -> bool:
        return self.before // every != self.after // every

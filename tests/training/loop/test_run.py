"""The run folder: the files of a run, and resuming after signals, crashes and damaged files."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from rich.console import Console

from models.manifest import sha256_of
from tests.forked import Command
from tests.training.conftest import copy_of, small_spec
from tests.training.small import SMALL
from tests.waiting import LIMIT_SECONDS
from training.checkpoint import load_checkpoint, save_checkpoint
from training.errors import CheckpointError, DivergedError, FolderInUseError
from training.loop import run
from training.loop.progress import Progress
from training.loop.run_folder import Events, RunFolder, alone_in, read_events
from training.loop.stopping import Plateau
from training.loop.trainer import StepFigures, Trainer
from training.loop.usage import UsageMeter


def settings_of(**fields: object) -> list[str]:
    merged = SMALL | fields
    return [x for name, value in merged.items() for x in ("--set", f"{name}={json.dumps(value)}")]


def train(*arguments: object) -> Command:
    return Command("train", *arguments, env={"COLUMNS": "200"})


def losses(folder: RunFolder) -> dict[int, tuple[float, ...]]:
    """Return the losses by image count. After a resume, later reports replace earlier ones."""
    keys = ("loss_discriminator", "loss_generator", "d_real", "d_fake")
    return {e["images"]: tuple(e[k] for k in keys) for e in read_events(folder.events) if e["event"] == "progress"}


def test_a_run_writes_events_samples_and_checkpoints(small_run: RunFolder) -> None:
    events = read_events(small_run.events)
    assert [e["event"] for e in events[:3]] == ["started", "samples", "checkpoint"]
    times = {"time": 0, "seconds": 0, "wall_seconds": 0, "cpu_seconds": 0}
    assert events[-1] | times == {"event": "end", "reason": "budget", "images": 640, **times}
    progress = [e for e in events if e["event"] == "progress"]
    assert [e["images"] for e in progress] == list(range(16, 641, 16))
    assert set(progress[0]) == {
        *("event", "time", "step", "images", "loss_discriminator", "loss_generator", "d_real", "d_fake"),
        *("sign", "augment_p", "images_per_second", "eta_seconds", "part"),
        *("wall_seconds", "cpu_seconds", "cores", "peak_memory", "threads"),
    }
    for name in ("wall_seconds", "cpu_seconds"):
        totals = [e[name] for e in (*progress, events[-1])]
        assert totals == sorted(totals)
    assert progress[-1]["cpu_seconds"] > 0
    assert all(0 <= e["d_fake"] <= 1 and 0 <= e["d_real"] <= 1 for e in progress)
    assert [e["images"] for e in events if e["event"] == "checkpoint"] == [0, 160, 320, 480, 640]
    for images in (0, 320, 640):
        with Image.open(small_run.sample(images)) as sheet:
            assert sheet.size == (280, 224)
    checkpoint = load_checkpoint(small_run.checkpoint)
    assert (checkpoint["seen"], checkpoint["torch"]) == (640, str(torch.__version__))
    assert "cores" in checkpoint["machine"]
    assert small_run.read_spec() == small_spec()
    assert not list(small_run.path.rglob("*.part"))


def test_a_stopped_run_resumes_with_identical_results(small_run: RunFolder, tmp_path: Path) -> None:
    """SIGTERM ends the command with status 3, and `--resume` continues with the same losses to the last digit."""
    folder = RunFolder(tmp_path / "run")
    process = train("--out", folder.path, *settings_of())
    while process.poll() is None and len(losses(folder) if folder.events.exists() else ()) < 12:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 3, out
    assert f"--resume --out {folder.path}" in out
    end = read_events(folder.events)[-1]
    assert (end["event"], end["reason"]) == ("end", "stopped")
    assert 0 < end["images"] < 640

    process = train("--resume", "--out", folder.path)
    out, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0, out
    assert losses(folder) == losses(small_run)
    totals = [e["cpu_seconds"] for e in read_events(folder.events) if "cpu_seconds" in e]
    assert totals == sorted(totals), "the time of the first attempt counts"
    ours, theirs = (load_checkpoint(f.checkpoint) for f in (folder, small_run))
    for network in ("generator", "discriminator", "ema"):
        assert all(torch.equal(ours[network][name], theirs[network][name]) for name in theirs[network])


def test_a_killed_run_resumes_from_its_last_checkpoint(small_run: RunFolder, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    process = train("--out", folder.path, *settings_of())
    while process.poll() is None and len(losses(folder) if folder.events.exists() else ()) < 12:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    with folder.events.open("a") as events:
        events.write('{"event": "prog')  # an interrupted write
    (folder.path / ".checkpoint.pt.0123.part").write_bytes(b"half a checkpoint")
    (folder.path / ".candidate.part" / "inside").mkdir(parents=True)  # left by a killed evaluation
    process = train("--resume", "--out", folder.path)
    out, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0, out
    assert losses(folder) == losses(small_run)
    assert not list(folder.path.glob(".*.part"))


def test_a_run_with_a_damaged_checkpoint_resumes_from_the_previous_one(small_run: RunFolder, tmp_path: Path) -> None:
    folder = copy_of(small_run.path, tmp_path / "run")
    assert load_checkpoint(folder.checkpoint_before)["seen"] == 480
    folder.checkpoint.write_bytes(folder.checkpoint.read_bytes()[:1000])
    folder.events.write_bytes(b"")
    assert run.run(folder, resume=True) == "budget"
    events = read_events(folder.events)
    assert [e["event"] for e in events[:2]] == ["warning", "resumed"]
    assert "checksum" in events[0]["detail"]
    assert events[1]["images"] == 480
    assert losses(folder) == {images: figures for images, figures in losses(small_run).items() if images > 480}
    ours, theirs = (load_checkpoint(f.checkpoint) for f in (folder, small_run))
    assert all(torch.equal(ours["ema"][name], theirs["ema"][name]) for name in theirs["ema"])


def test_a_run_ends_when_its_minutes_are_used_up(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    run.start(folder, small_spec(images=10**9, minutes=0.05, log_every=160))
    assert run.run(folder) == "budget"
    events = read_events(folder.events)
    end = events[-1]
    assert (end["event"], end["reason"]) == ("end", "budget")
    assert end["seconds"] >= 3
    assert 160 < end["images"] < 10**6
    progress = [e for e in events if e["event"] == "progress"]
    assert progress[-1]["part"] == 1
    assert all(e["eta_seconds"] <= 3 for e in progress)
    assert (
        load_checkpoint(folder.checkpoint)["optimizers"][0]["param_groups"][0]["lr"] < 5e-5
    )  # the schedule follows the elapsed time


def test_a_warm_start_begins_with_the_initial_weights(small_run: RunFolder, tmp_path: Path) -> None:
    state = load_checkpoint(small_run.checkpoint)
    weights = tmp_path / "weights.pt"
    save_checkpoint({name: state[name] for name in ("spec", "ema", "discriminator")}, weights)
    folder = RunFolder(tmp_path / "run")
    process = train("--out", folder.path, "--initial", weights, *settings_of(images=16, seed=3))
    out, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0, out
    assert folder.read_spec().initial_weights == sha256_of(weights)
    assert folder.sample(0).read_bytes() == small_run.sample(640).read_bytes()

    other = RunFolder(tmp_path / "other")
    spec = small_spec(initial_weights=sha256_of(weights))
    run.start(other, spec)
    with pytest.raises(CheckpointError, match="--initial"):
        run.run(other)
    run.start(other, spec.model_copy(update={"z_dim": 7}), weights)
    with pytest.raises(CheckpointError, match="Use the version's network"):
        run.run(other)


def test_sigint_stops_a_run_like_sigterm(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    process = train("--out", folder.path, *settings_of(images=100_000))
    while process.poll() is None and not (folder.events.exists() and losses(folder)):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 3, out
    assert folder.checkpoint.exists()


def test_a_stop_file_stops_a_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    process = train("--out", folder.path, *settings_of(images=100_000))
    while process.poll() is None and not (folder.events.exists() and losses(folder)):
        time.sleep(0.01)
    folder.stop.touch()
    out, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 3, out
    assert read_events(folder.events)[-1]["reason"] == "stopped"
    process = train("--resume", "--out", folder.path)
    while process.poll() is None and folder.stop.exists():
        time.sleep(0.01)
    assert not folder.stop.exists(), "a new run removes the stop file of the previous one"
    process.kill()
    process.communicate()


def test_a_second_trainer_does_not_change_a_folder_in_use(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.spec.write_text(small_spec().model_dump_json())
    folder.events.write_text("events of the first trainer")
    with alone_in(folder), pytest.raises(FolderInUseError):
        run.run(folder, new=small_spec(seed=9))
    assert folder.events.read_text() == "events of the first trainer"
    assert folder.read_spec() == small_spec()


def test_a_diverged_run_reports_it_and_keeps_its_last_good_checkpoint(
    small_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of(small_run.path, tmp_path / "run")
    state = load_checkpoint(folder.checkpoint) | {"seen": 320}
    save_checkpoint(state, folder.checkpoint)
    good = folder.checkpoint.read_bytes()

    def step(trainer: Trainer) -> StepFigures:
        raise DivergedError("a loss is not a number. Lower the learning_rate.")

    monkeypatch.setattr(Trainer, "step", step)
    with pytest.raises(DivergedError):
        run.run(folder, resume=True)
    end = read_events(folder.events)[-1]
    assert (end["event"], end["reason"]) == ("end", "diverged")
    assert "learning_rate" in end["detail"]
    assert folder.checkpoint.read_bytes() == good


def test_an_existing_run_is_not_overwritten(small_run: RunFolder) -> None:
    before = small_run.spec.read_bytes()
    with pytest.raises(CheckpointError, match="--resume"):
        run.start(small_run, small_spec(seed=9))
    assert small_run.spec.read_bytes() == before


def flip_a_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [lambda c: b"", lambda c: c[:1000], lambda c: c[:-1], flip_a_bit])
def test_a_damaged_checkpoint_is_rejected_with_the_remedy(small_run: RunFolder, tmp_path: Path, damage) -> None:
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(CheckpointError, match="Name the folder of a run"):
        load_checkpoint(path)
    path.write_bytes(damage(small_run.checkpoint.read_bytes()))
    with pytest.raises(CheckpointError, match="Remove it and restart the run"):
        load_checkpoint(path)


def test_loading_a_checkpoint_executes_no_code(tmp_path: Path) -> None:
    class MaliciousPickle:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "executed",))

    save_checkpoint({"spec": MaliciousPickle()}, tmp_path / "checkpoint.pt")
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "checkpoint.pt")
    assert not (tmp_path / "executed").exists()


def test_a_failed_write_keeps_the_previous_checkpoint(
    small_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of(small_run.path, tmp_path / "run")
    before = folder.checkpoint.read_bytes()

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(CheckpointError, match=r"No space left on device.*--resume"):
        save_checkpoint({"seen": 1}, folder.checkpoint)
    assert folder.checkpoint.read_bytes() == before
    assert not list(folder.path.glob("*.part")) + list(folder.path.glob(".*.part"))


def test_two_trainers_cannot_use_the_same_folder(small_run: RunFolder, tmp_path: Path) -> None:
    folder = copy_of(small_run.path, tmp_path / "run")
    with alone_in(folder), pytest.raises(FolderInUseError, match="Another trainer"):
        run.run(folder, resume=True)


def test_a_run_can_start_in_a_folder_that_contains_only_a_spec(tmp_path: Path) -> None:
    """A worker can put a spec.json there first, and a failed start can be repeated."""
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.spec.write_text(small_spec(images=32).model_dump_json())
    process = train("--spec", folder.spec, "--out", folder.path, "--data", tmp_path)
    out, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 1, out
    assert "lacks train-images-idx3-ubyte.gz" in out
    assert "Traceback" not in out
    assert read_events(folder.events)[-1]["reason"] == "failed"
    process = train("--spec", folder.spec, "--out", folder.path)
    out, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0, out


def test_a_closed_output_pipe_does_not_end_the_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    process = train("--out", folder.path, *settings_of(images=320))
    assert process.stdout
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(120) == 0
    assert read_events(folder.events)[-1]["reason"] == "budget"


def test_weights_that_are_not_finite_are_never_saved(small_run: RunFolder, tmp_path: Path, mnist) -> None:
    folder = copy_of(small_run.path, tmp_path / "run")
    before = folder.checkpoint.read_bytes()
    trainer = Trainer(small_spec(), mnist)
    with torch.no_grad():
        next(trainer.ema.network.parameters()).fill_(float("nan"))
    loop = run._Loop(folder, trainer, Events(folder.events), UsageMeter(), Plateau(0), None, None)
    with pytest.raises(DivergedError, match="average has weights that are not finite"):
        loop._checkpoint()
    loop.events.close()
    assert folder.checkpoint.read_bytes() == before


FIGURES = StepFigures(0.5, 0.7, 0.6, 0.4, 0.2)


def test_without_a_terminal_progress_is_printed_as_plain_lines() -> None:
    out = io.StringIO()
    with Progress(1000, console=Console(file=out, width=200)) as progress:
        progress.update(500, FIGURES, rate=100.0, eta=5.0)
    expected = "      500/1,000  100 images/s, 0:00:05 to go  D 0.500  G 0.700  D(real) 0.60  D(fake) 0.40\n"
    assert out.getvalue() == expected


@pytest.mark.parametrize("width", [80, 160])
def test_on_a_terminal_progress_is_shown_as_a_bar(width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True)
    with Progress(1000, seen=250, console=console) as progress:
        progress.update(500, FIGURES, rate=100.0, eta=5.0)
    for part in ("50%", "500/1000", "100 images/s", "0:00:05 to go", "━"):
        assert part in out.getvalue()
    assert ("D(fake)" in out.getvalue()) == (width >= 120)

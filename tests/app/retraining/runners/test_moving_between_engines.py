"""A run moves between engines: it is killed here, continues in Ray, is evicted in Kubernetes, and has the losses of one run."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch

from app.retraining.runners import Handle, Runner, is_locked
from app.retraining.runners.local import LocalRunner
from tests.app.retraining.runners.api_server import Cluster, environment_of_images
from tests.app.retraining.runners.conftest import kubernetes_of, ray_of, wait_until_finished
from tests.app.retraining.runners.ray_cluster import RayCluster
from tests.app.retraining.runners.test_contract import pid_of_holder
from tests.live import ROOT
from tests.training.conftest import small_spec
from tests.waiting import attempts
from training.checkpoint import load_checkpoint
from training.loop import run as running
from training.loop.run_folder import RunFolder, read_events

IMAGES = 3200


def wait_for_images(run: RunFolder, images: int) -> None:
    for _ in attempts(0.02):
        if any(e["event"] == "progress" and e["images"] > images for e in read_events(run.events)):
            return
    raise AssertionError((run.path / "log.txt").read_text())


def figures(run: RunFolder) -> dict[int, tuple[float, ...]]:
    """Return the losses by the number of images. After a resume, later reports replace earlier ones."""
    keys = ("loss_discriminator", "loss_generator", "d_real", "d_fake")
    return {e["images"]: tuple(e[key] for key in keys) for e in read_events(run.events) if e["event"] == "progress"}


def resume(runner: Runner, run: RunFolder) -> Handle:
    return runner.start(["train", "--resume", "--out", str(run.path)], run.path / "log.txt")


def kill(run: RunFolder) -> None:
    os.kill(pid_of_holder(run.path), signal.SIGKILL)


def begun_and_killed(folder: Path) -> tuple[RunFolder, LocalRunner, list[str]]:
    """Begin a run on this machine and kill it. Return its folder, the runner, and the command that began it."""
    run = RunFolder(folder)
    run.spec.write_text(small_spec(images=IMAGES).model_dump_json())
    local = LocalRunner(1, 0)
    begin = ["train", "--spec", str(run.spec), "--restartable", "--out", str(folder)]
    handle = local.start(begin, folder / "log.txt")
    wait_for_images(run, 400)
    kill(run)
    assert wait_until_finished(local, handle).status == -signal.SIGKILL
    return run, local, begin


def test_a_run_that_moves_between_engines_has_the_losses_of_an_uninterrupted_one(
    ray: RayCluster, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small_spec(images=IMAGES)
    whole = RunFolder(tmp_path / "whole")
    running.start(whole, spec)
    running.run(whole)

    run, _, _ = begun_and_killed(folder)

    in_ray = ray_of(ray, tmp_path, str(ROOT))()
    handle = resume(in_ray, run)
    wait_for_images(run, 1000)
    kill(run)
    assert wait_until_finished(in_ray, handle).status == -signal.SIGKILL

    cluster = Cluster(environment_of_images(str(ROOT)), ROOT)
    with kubernetes_of(cluster, tmp_path, monkeypatch) as make:
        in_kubernetes = make()
        handle = resume(in_kubernetes, run)
        wait_for_images(run, 1600)
        cluster.evict(handle["id"])
        assert "Evicted" in wait_until_finished(in_kubernetes, handle).detail

    handle = resume(in_ray, run)
    assert wait_until_finished(in_ray, handle).status == 0

    events = read_events(run.events)
    resumed = [e["images"] for e in events if e["event"] == "resumed"]
    assert len(resumed) == 3
    assert resumed == sorted(resumed)
    assert min(resumed) > 0
    assert events[-1]["reason"] == "budget"
    assert figures(run) == figures(whole)
    ours, theirs = load_checkpoint(run.checkpoint), load_checkpoint(whole.checkpoint)
    for network in ("generator", "discriminator", "ema"):
        assert all(torch.equal(ours[network][name], theirs[network][name]) for name in theirs[network])
    assert not is_locked(run.lock)


def test_a_command_that_an_engine_repeats_continues_from_the_checkpoint(tmp_path: Path, folder: Path) -> None:
    """Engines that restart a trainer by themselves run the same command again, whose spec begins a new run."""
    run, local, begin = begun_and_killed(folder)
    handle = local.start(begin, folder / "log.txt")
    assert wait_until_finished(local, handle).status == 0
    events = read_events(run.events)
    assert [e["event"] for e in events].count("started") == 1
    assert len([e for e in events if e["event"] == "resumed"]) == 1
    assert sorted(figures(run)) == list(range(16, IMAGES + 1, 16)), "no event of the killed trainer is lost"

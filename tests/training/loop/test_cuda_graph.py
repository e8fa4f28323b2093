"""Training with CUDA graphs, tested on the CPU with the same steps without graph capture."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from tests.forked import run
from tests.training.conftest import small_sharpen_spec, small_spec
from training.checkpoint import load_checkpoint
from training.datasets.tensors import Dataset
from training.errors import TrainingError
from training.loop.cuda_graph import TURN, GraphTrainer, train
from training.loop.stopping import hold_out
from training.networks import factory


def trainer(mnist: Dataset, turns: int = 1, **fields: object) -> GraphTrainer:
    shown, held_out = hold_out(mnist, 1_000)
    defaults = {"held_out": 1_000, "metrics_every": 1, "augment": "adaptive", "grey_scale": "logarithmic"}
    return GraphTrainer(small_spec(minutes=1, **defaults | fields), shown, held_out, "cpu", (200, 1_000), turns)


def test_a_turn_trains_both_networks_and_updates_every_average(mnist: Dataset) -> None:
    graph_trainer = trainer(mnist)
    networks = [graph_trainer.generator, graph_trainer.discriminator, *(ema.network for ema in graph_trainer.averages)]
    before = [[p.clone() for p in network.parameters()] for network in networks]
    graph_trainer.turn()
    assert (graph_trainer.steps, graph_trainer.seen) == (TURN, TURN * 16)
    for network, old in zip(networks, before, strict=True):
        assert not all(torch.equal(a, b) for a, b in zip(network.parameters(), old, strict=True))


def test_every_picture_is_shown_once_per_epoch_in_a_new_order(mnist: Dataset) -> None:
    graph_trainer = trainer(mnist)
    assert sorted(graph_trainer.order.tolist()) == list(range(len(mnist) - 1_000))
    first = graph_trainer.order.clone()
    graph_trainer.seen = graph_trainer.shuffled_at + len(graph_trainer.order)
    graph_trainer.turn()
    assert not torch.equal(graph_trainer.order, first)


def test_several_runs_train_side_by_side_and_their_snapshots_load(mnist: Dataset, tmp_path: Path) -> None:
    trainers = {"one": trainer(mnist, turns=2), "other": trainer(mnist, seed=1)}
    events = list(train(trainers, tmp_path, seconds=3, snapshots=2))
    assert events[-1]["name"] == "other"
    assert trainers["one"].seen == 2 * trainers["other"].seen > 0
    checkpoint = load_checkpoint(tmp_path / "one.pt")
    assert {snapshot["half_life"] for snapshot in checkpoint["snapshots"]} == {200, 1_000}
    generator, discriminator = factory.build(trainers["one"].spec, 10)
    generator.load_state_dict(checkpoint["snapshots"][-1]["ema"])
    discriminator.load_state_dict(load_checkpoint(tmp_path / "one-networks.pt")["discriminator"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_captured_steps_train_on_a_gpu(mnist: Dataset) -> None:
    shown, held_out = hold_out(mnist, 1_000)
    spec = small_spec(minutes=1, held_out=1_000, metrics_every=1, precision="float32")
    graph_trainer = GraphTrainer(spec, shown, held_out, "cuda", (200,))
    before = [p.clone() for p in graph_trainer.generator.parameters()]
    graph_trainer.turn()
    assert graph_trainer.progress()["images"] == TURN * 16
    assert not all(torch.equal(a, b) for a, b in zip(graph_trainer.generator.parameters(), before, strict=True))


def test_the_command_trains_and_exports_a_run_folder(tmp_path: Path) -> None:
    override = '{"batch_size": 16, "threads": 1, "generator_widths": [8, 8, 8], "discriminator_widths": [4, 8, 8, 8, 16]}'
    arguments = ["train", "digits", "--out", tmp_path / "out", "--minutes", "0.03", "--device", "cpu", "--override", override]
    trained = run("benchmarks.train_on_gpu", *arguments, "--snapshots", "1", env=os.environ)
    assert trained.returncode == 0, trained.stderr
    adopted = run("benchmarks.train_on_gpu", "adopt", tmp_path / "out" / "digits.pt", tmp_path / "run", env=os.environ)
    assert adopted.returncode == 0, adopted.stderr
    assert "best.pt" in adopted.stdout
    assert (tmp_path / "run" / "best.pt").exists()


def test_the_translation_of_the_spec_is_applied(mnist: Dataset) -> None:
    graph_trainer = trainer(mnist, augment="none", translate=2)
    dots = torch.zeros(200, 1, 28, 28)
    dots[:, 0, 14, 14] = 1
    positions = {tuple(position) for position in graph_trainer._augmented(dots)[:, 0].nonzero()[:, 1:].tolist()}
    assert positions == {(y, x) for y in range(12, 17) for x in range(12, 17)}


def test_a_sharpener_is_rejected(mnist: Dataset) -> None:
    shown, held_out = hold_out(mnist, 1_000)
    with pytest.raises(TrainingError, match="does not support task 'sharpen'"):
        GraphTrainer(small_sharpen_spec(minutes=1), shown, held_out, "cpu", (200,))


def test_adaptive_augmentation_without_held_out_pictures_is_rejected(mnist: Dataset) -> None:
    with pytest.raises(TrainingError, match="at least 1000 held_out pictures"):
        GraphTrainer(small_spec(minutes=1, augment="adaptive"), *hold_out(mnist, 0), "cpu", (200,))

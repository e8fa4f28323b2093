"""Training pictures are chosen in shuffled epochs."""

from __future__ import annotations

import torch

from training.loop.batch_sampler import BatchSampler


def test_every_image_is_shown_once_per_epoch() -> None:
    sampler = BatchSampler(10, torch.Generator().manual_seed(0))
    shown = torch.cat([sampler.next(4) for _ in range(5)])
    assert sorted(shown[:10].tolist()) == sorted(shown[10:].tolist()) == list(range(10))
    assert shown[:10].tolist() != shown[10:].tolist()

"""The smallest spec that tests train. Without torch, so that tests of the service can use it."""

from __future__ import annotations

SMALL = {
    "images": 640,
    "batch_size": 16,
    "generator_widths": (8, 8, 8, 4),
    "discriminator_widths": (8, 8, 8, 16),
    "penalty_interval": 4,
    "burn_in": 0,
    "ema_images": 200,
    "log_every": 16,
    "sample_every": 320,
    "metrics_every": 0,
    "held_out": 0,
    "patience": 0,
    "checkpoint_every": 160,
    "threads": 1,  # so small a step is not worth sharing
}

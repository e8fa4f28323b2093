"""The smallest spec that tests train, and a variable for fewer pictures. Without torch, which the service tests lack."""

from __future__ import annotations

TENTH = "SEEDLING_TEST_TENTH"
"""Environment variable with which forked trainers use a tenth of MNIST (`tests.training.tenth`)."""
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

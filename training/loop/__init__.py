"""A training run: its folder, the adversarial steps, checkpoints, when to stop."""

"""The training loop: run folder, adversarial steps, checkpoints and stopping rule."""

"""The commands of `python -m training`. `training.cli` assembles them."""

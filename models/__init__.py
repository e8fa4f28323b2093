"""The model repository: how a trained version lies on disk, and the one way to touch it."""

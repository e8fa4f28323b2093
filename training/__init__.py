"""The offline trainer: datasets, networks, the training loop, evaluation and export."""

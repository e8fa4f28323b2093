"""The offline trainer: datasets, networks, the training loop, evaluation and export."""

import models  # noqa: F401 - disables the telemetry of ONNX Runtime, before that is imported

"""The model repository: the layout of trained versions on disk, and the only interface to them."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime 1.29 and later report to Microsoft; read when it starts

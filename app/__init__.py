"""The service: seeds in, pictures out. Never imports torch."""

import os
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import models  # noqa: F401 - disables the telemetry of ONNX Runtime, before that is imported

# Before numpy is imported. Its matrices are small here, and a second thread would busy-wait on a core that draws pictures.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

try:
    __version__ = version("seedling")
except PackageNotFoundError:  # run from its folder, as in the container
    try:
        _project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
        __version__ = str(_project["project"]["version"])
    except OSError:
        __version__ = "0+unknown"

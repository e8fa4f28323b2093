"""The datasets. `sources` reads the files without torch, so the service can use it; `tensors` loads them into torch."""

from training.datasets.sources import CACHE, FILES, SOURCES, Source, Split, download, locate, read
from training.errors import DatasetError
from training.spec import DatasetName

__all__ = [
    "CACHE",
    "FILES",
    "SOURCES",
    "DatasetError",
    "DatasetName",
    "Source",
    "Split",
    "download",
    "locate",
    "read",
]

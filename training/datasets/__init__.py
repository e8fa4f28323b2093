"""The datasets. Their files are read by `sources`, which the service has too; `tensors` gives them to torch."""

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

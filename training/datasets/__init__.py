"""The datasets, published and imported.

`describe` and `read` find both kinds by name, without torch, so the service can use them. `tensors` loads them into torch.
"""

from training.datasets.contents import SPLITS, Contents, Split
from training.datasets.description import DatasetInfo, Entry
from training.datasets.opening import describe, read, reference_of
from training.datasets.published import CACHE, FILES, PUBLISHED, PublishedDataset, download, locate, read_published
from training.datasets.registry import DATASETS_VARIABLE, DatasetRegistry
from training.errors import DatasetError

__all__ = [
    "CACHE",
    "DATASETS_VARIABLE",
    "FILES",
    "PUBLISHED",
    "SPLITS",
    "Contents",
    "DatasetError",
    "DatasetInfo",
    "DatasetRegistry",
    "Entry",
    "PublishedDataset",
    "Split",
    "describe",
    "download",
    "locate",
    "read",
    "read_published",
    "reference_of",
]

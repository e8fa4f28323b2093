"""Import of one's own pictures as a dataset. Does not import torch, so that the service can use it.

opening      finds out what a source is: trees and archives of files, pictures, arrays, idx_files, csv_tables, parquet
reading      reads a source completely
previewing   converts a sample of it
"""

from training.datasets.importing.options import Fit, Invert, Limits, Options
from training.datasets.importing.previewing import Preview, preview
from training.datasets.importing.reading import Imported, Progress, read_source
from training.datasets.importing.report import Report

__all__ = ["Fit", "Imported", "Invert", "Limits", "Options", "Preview", "Progress", "Report", "preview", "read_source"]

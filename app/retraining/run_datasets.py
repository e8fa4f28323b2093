"""The imported dataset of a run in object storage: a copy in the run's folder, for hosts and trainers that did not import it.

Without `GAN_RUNS=bucket`, none of this happens.
"""

from __future__ import annotations

from app.retraining.job_folder import JobFolder
from training.datasets import PUBLISHED, DatasetRegistry


def include(folder: JobFolder, reference: str, imported: DatasetRegistry) -> None:
    """Put the dataset of a job into its folder, unless it is included with the service.

    Args:
        folder: the job's folder.
        reference: the dataset of the job's spec.
        imported: the datasets of this host.

    Raises:
        DatasetError: this host does not have the dataset, or the folder cannot be written.
    """
    copies = DatasetRegistry(folder.datasets)
    if reference not in PUBLISHED and not copies.has(reference):
        copies.copy(reference, imported)


def adopt(folder: JobFolder, imported: DatasetRegistry) -> None:
    """Copy the datasets in a job's folder to those of this host, where they are missing.

    Raises:
        DatasetError: a dataset cannot be written.
    """
    copies = DatasetRegistry(folder.datasets)
    for name in copies.names():
        for version in copies.versions(name):
            if version not in imported.versions(name):
                imported.copy(f"{name}@{version}", copies)

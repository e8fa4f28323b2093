"""The battery of figures of each task."""

from __future__ import annotations

from pathlib import Path

from training.evaluation.figures import Battery
from training.evaluation.ledger import Ledger
from training.evaluation.onnx_models import OnnxSharpener
from training.spec import TaskName


def battery_of(
    task: TaskName,
    dataset: str,
    data_folder: Path | None = None,
    pictures: int = 10_000,
    cache: Path | None = None,
    beside: dict[str, OnnxSharpener] | None = None,
) -> Battery | Ledger:
    """Return the battery that measures versions of a task.

    Args:
        task: what the versions do.
        dataset: their training dataset.
        data_folder: folder of the dataset's files. Defaults to their usual location.
        pictures: number of pictures.
        cache: folder for features of the training pictures.
        beside: sharpeners to add to the ledger of the task `sharpen`, by name.
    """
    if task == "sharpen":
        return Ledger(dataset, data_folder, pictures, beside)
    return Battery(dataset, data_folder, pictures, cache)

"""The judges: small networks trained once on real pictures, whose features and predictions the metrics use.

There are two architectures, so that overfitting a training recipe to one judge is visible with the other. The judges of the
published datasets are trained by `python -m training classifier` and stored in `classifiers/`. Those of an imported dataset are
trained on first use and cached beside the dataset. A version's manifest records the sha256 of the first.

For a dataset with classes, the judges are classifiers. Without classes, they are autoencoders: the last
layer predicts the pixels instead of the class. Their features serve for the distances; figures that need classes are omitted.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.atomic import write_atomically
from training.datasets import PUBLISHED, DatasetInfo, DatasetRegistry
from training.datasets.tensors import Dataset
from training.errors import TrainingError
from training.networks.optimizers import AdamW

FOLDER = Path(__file__).parent / "classifiers"
CACHE = ".judges"
"""Folder of the judges of imported datasets, in the registry."""
FEATURES = 128
PIXELS = 28 * 28
BATCH = 128
MIN_STEPS = 1_000
"""Minimum number of steps of a training. Small datasets are shown for more epochs."""
SEED = 2026


class Classifier(nn.Module):
    """uint8 or 0..1 pictures (N, 1, 28, 28) -> features (N, 128) and logits of the K classes (N, K), or without classes of the
    pixels (N, 784).
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError


class _MaxPool(nn.Module):
    """2x2 max pooling. Equal to `F.max_pool2d`, but faster, because it does not compute the indices of the maxima."""

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return F.max_pool2d(x, 2)
        height, width = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
        x = x[:, :, :height, :width]
        rows = torch.maximum(x[:, :, 0::2], x[:, :, 1::2])
        return torch.maximum(rows[..., 0::2], rows[..., 1::2])


class ConvClassifier(Classifier):
    """Three convolutions, each followed by batch normalisation, ReLU and pooling."""

    def __init__(self, classes: int) -> None:
        super().__init__(classes)
        sizes = [(1, 24), (24, 48), (48, 96)]
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), _MaxPool()) for a, b in sizes
        )
        self.penultimate = nn.Linear(96 * 9, FEATURES)
        self.head = nn.Linear(FEATURES, classes or PIXELS)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = images.float() / 255 if images.dtype == torch.uint8 else images
        for block in self.blocks:
            x = block(x)
        features = F.relu(self.penultimate(x.flatten(1)))
        return features, self.head(F.dropout(features, 0.3, self.training))


class MlpClassifier(Classifier):
    """Two fully connected layers, without any spatial prior."""

    def __init__(self, classes: int) -> None:
        super().__init__(classes)
        self.hidden, self.penultimate = nn.Linear(PIXELS, 256), nn.Linear(256, FEATURES)
        self.head = nn.Linear(FEATURES, classes or PIXELS)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = images.flatten(1).float() / 255 if images.dtype == torch.uint8 else images.flatten(1)
        x = F.relu(self.hidden(F.dropout(x, 0.1, self.training)))
        features = F.relu(self.penultimate(F.dropout(x, 0.3, self.training)))
        return features, self.head(F.dropout(features, 0.3, self.training))


Kind = Literal["conv", "mlp"]
KINDS: dict[Kind, type[ConvClassifier | MlpClassifier]] = {"conv": ConvClassifier, "mlp": MlpClassifier}
EPOCHS: dict[Kind, int] = {"conv": 8, "mlp": 24}


@dataclass(frozen=True)
class Judgement:
    """A judge's output for many pictures."""

    features: Tensor
    """float32, (N, 128)."""
    probabilities: Tensor
    """float32, (N, K). K is 0 without classes."""

    def accuracy(self, labels: Tensor) -> float:
        """Return the fraction of pictures classified as their label."""
        return (self.probabilities.argmax(1) == labels).float().mean().item()


@torch.inference_mode()
def judge(classifier: Classifier, images: Tensor, batch: int = 100) -> Judgement:
    """Compute the features and class probabilities of uint8 pictures, (N, 1, 28, 28).

    The small batch lets the allocator reuse the memory of activations. Larger batches take twice as long.
    """
    classifier.eval()
    parts = [classifier(images[i : i + batch]) for i in range(0, len(images), batch)]
    features, logits = (torch.cat(column) for column in zip(*parts, strict=True))
    return Judgement(features, logits.softmax(1) if classifier.classes else logits[:, :0])


def fit(train: Dataset, report: Callable[[int, float], None], epochs: int | None = None, kind: Kind = "conv") -> Classifier:
    """Train a judge on real pictures, translated by up to two pixels. Calls `report(epoch, loss)` after each epoch.

    torch's global random state is set.
    """
    torch.manual_seed(SEED)
    batch = min(BATCH, len(train))
    steps = len(train) // batch
    epochs = epochs or _epochs(train, kind)
    classifier = KINDS[kind](len(train.info.classes))
    classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = AdamW(classifier.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=epochs * steps)
    padded = F.pad(train.images, (2, 2, 2, 2))
    for epoch in range(epochs):
        classifier.train()
        total = 0.0
        for index in torch.randperm(len(train)).split(batch)[:steps]:
            dy, dx = torch.randint(0, 5, (2,)).tolist()
            shown = padded[index, :, dy : dy + 28, dx : dx + 28].contiguous(memory_format=torch.channels_last)
            _, logits = classifier(shown)
            if classifier.classes:
                loss = F.cross_entropy(logits, train.labels[index], label_smoothing=0.05)
            else:
                loss = F.binary_cross_entropy_with_logits(logits, shown.flatten(1).float() / 255)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        report(epoch + 1, total / steps)
    classifier.eval()
    return classifier


def _epochs(train: Dataset, kind: Kind) -> int:
    """Return the number of epochs of a training on a dataset."""
    steps = len(train) // min(BATCH, len(train))
    return max(EPOCHS[kind], -(-MIN_STEPS // steps))


def shipped_path(dataset: str, kind: Kind = "conv") -> Path:
    """Return the path of the shipped judge of a published dataset."""
    return FOLDER / (f"{dataset}.pt" if kind == "conv" else f"{dataset}-{kind}.pt")


def path_of(dataset: DatasetInfo, kind: Kind = "conv") -> Path:
    """Return the path of a dataset's judge: shipped, or cached by the digest of an imported dataset."""
    if dataset.name in PUBLISHED:
        return shipped_path(dataset.name, kind)
    return DatasetRegistry().folder / CACHE / f"{dataset.digest}-{kind}.pt"


def save(classifier: Classifier, path: Path) -> None:
    """Write the weights atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    torch.save({name: value.contiguous() for name, value in classifier.state_dict().items()}, buffer)
    write_atomically(path, buffer.getvalue())


def load(dataset: DatasetInfo, kind: Kind = "conv") -> tuple[Classifier, str]:
    """Return the judge of a dataset and the sha256 of its file.

    Raises:
        TrainingError: the file is missing or damaged.
    """
    path = path_of(dataset, kind)
    if not path.exists():
        raise TrainingError(
            f"There is no classifier for {dataset.reference} at {path}. Train it with: "
            f"python -m training classifier {dataset.reference} --kind {kind}"
        )
    classifier = KINDS[kind](len(dataset.classes))
    try:
        classifier.load_state_dict(torch.load(path, weights_only=True))
    except Exception as error:  # a damaged pickle can raise anything
        remedy = "Restore it from git." if dataset.name in PUBLISHED else "Delete it, then try again."
        raise TrainingError(f"{path} is damaged ({error}). {remedy}") from error
    return classifier.eval(), hashlib.sha256(path.read_bytes()).hexdigest()


def ensure(
    train: Dataset,
    kind: Kind = "conv",
    report: Callable[[str], None] = lambda _: None,
    after_epoch: Callable[[float], None] = lambda _: None,
) -> tuple[Classifier, str]:
    """Return the judge of a dataset as `load` does. The judge of an imported dataset is trained first if there is none.

    torch's global random state is preserved.

    Args:
        train: the whole training split.
        kind: the architecture.
        report: called with a message before the training.
        after_epoch: called after each epoch with the part of the training that is done. It may raise to end the training.

    Raises:
        TrainingError: the file of a published dataset is missing, or a file is damaged.
    """
    path = path_of(train.info, kind)
    if train.info.name not in PUBLISHED and not path.exists():
        report(f"Training the {kind} judge of {train.info.reference} on {len(train):,} pictures.")
        epochs = _epochs(train, kind)
        with torch.random.fork_rng(devices=[]):
            fitted = fit(train, lambda epoch, _loss: after_epoch(epoch / epochs), epochs=epochs, kind=kind)
        save(fitted, path)
    return load(train.info, kind)


@torch.inference_mode()
def quality(judge_: Classifier, test: Dataset) -> dict[str, float]:
    """Return the accuracy of a judge on test pictures, or of an autoencoder the mean absolute error of a pixel in 0..1."""
    if judge_.classes:
        return {"accuracy": round(judge(judge_, test.images).accuracy(test.labels), 4)}
    errors = [(judge_(part)[1].sigmoid() - part.flatten(1).float() / 255).abs().mean(1) for part in test.images.split(100)]
    return {"error": round(torch.cat(errors).mean().item(), 4)}

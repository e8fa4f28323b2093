"""Reads a source completely: decodes, converts and counts its pictures, and chooses the held-out ones. Stores nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.images.decoding import Decoded
from training.datasets.contents import MIN_PICTURES, SIDE, Contents
from training.datasets.importing import duplicates
from training.datasets.importing.conversion import Inversion, convert, decide
from training.datasets.importing.growing import Growing
from training.datasets.importing.items import Item, Source
from training.datasets.importing.labels import class_names
from training.datasets.importing.opening import opened
from training.datasets.importing.options import Limits, Options
from training.datasets.importing.problems import MOST_LISTED, Unreadable, enumerated, shown
from training.datasets.importing.report import BALANCED, ClassCount, FileProblem, Report
from training.datasets.splitting import choose_test
from training.errors import BrokenPicturesError, DatasetError

Progress = Callable[[int, int], None]
"""Called with the number of pictures that are done, and of all."""
_FEW = 100
"""Training pictures of a class, or test pictures, below which a warning is given."""


@dataclass(frozen=True)
class Imported:
    """A source that was read, ready to be stored."""

    contents: Contents
    report: Report


def read_source(
    path: Path, options: Options | None = None, limits: Limits | None = None, progress: Progress | None = None
) -> Imported:
    """Read a folder, an archive or a file of pictures. Stores nothing.

    Pictures are decoded one by one, so that memory is bounded by 784 bytes per picture.

    Raises:
        BrokenPicturesError: pictures cannot be read, and they are not to be skipped.
        DatasetError: the source does not exist, is of no known layout, is not safe to read, exceeds a limit, or does not make
            a dataset. The message has the remedy.
    """
    options, limits = options or Options(), limits or Limits()
    with opened(path, limits) as source:
        names = class_names(source.labels, options.renames)
        inversion = decide(source, options.invert)
        collected = Collected()
        for number, item in enumerate(source.items(), start=1):
            collected.add(item, options, inversion)
            if progress:
                progress(number, source.count)
    if collected.broken and not options.skip_broken:
        raise BrokenPicturesError(
            f"{len(collected.broken):,} of {source.count:,} pictures cannot be read: "
            f"{enumerated([f'{file} ({reason})' for file, reason in collected.broken])}. Correct or remove them, or skip them "
            "with --skip-broken.",
            collected.broken,
        )
    is_test = collected.is_test(source, options.test_share)
    images, labels = collected.images.array, collected.label_array
    report = collected.report(path, source, options, names, inversion, is_test)
    _check_splits(report)
    contents = Contents(images[~is_test], labels[~is_test], images[is_test], labels[is_test], names)
    contents.check()
    return Imported(contents, report)


class Collected:
    """Converted pictures, and those that are broken."""

    def __init__(self) -> None:
        self.images = Growing()
        self.broken: list[tuple[str, str]] = []
        self._labels: list[int] = []
        self._tests: list[bool] = []
        self._names: list[str] = []

    def add(self, item: Item, options: Options, inversion: Inversion) -> Decoded | None:
        """Decode and convert a picture, and return it as decoded, or None if it is broken."""
        try:
            picture = item.load()
        except Unreadable as error:
            self.broken.append((item.name, str(error)))
            return None
        self.images.append(convert(picture, options.fit, inverted=inversion.inverted))
        self._labels.append(item.label)
        self._tests.append(item.split == "test")
        self._names.append(item.name)
        return picture

    @property
    def label_array(self) -> NDArray[np.uint16]:
        """The labels, (N,)."""
        return np.array(self._labels, np.uint16)

    def is_test(self, source: Source, share: float) -> NDArray[np.bool_]:
        """Return which pictures are in the test split, (N,), by the source's own splits or by their content."""
        if source.has_splits or len(self.images) < 2:
            return np.array(self._tests, np.bool_)
        return choose_test(self.images.array, share)

    def report(
        self,
        path: Path,
        source: Source,
        options: Options,
        names: tuple[str, ...],
        inversion: Inversion,
        is_test: NDArray[np.bool_],
    ) -> Report:
        """Describe what was collected from a source."""
        images, labels = self.images.array, self.label_array
        train, test = (np.bincount(labels[chosen], minlength=len(names)).tolist() for chosen in (~is_test, is_test))
        classes = tuple(
            ClassCount(name=name, label=shown(label), train=train[n], test=test[n])
            for n, (name, label) in enumerate(zip(names, source.labels, strict=True))
        )
        found = duplicates.find(images, labels, is_test, self._names.__getitem__)
        examined = len(images) + len(self.broken)
        totals = [each.train + each.test for each in classes] if examined == source.count else []
        levels = images.reshape(-1, SIDE * SIDE)
        report = Report(
            source=shown(path.resolve().name),
            layout=source.layout,
            found=source.count,
            examined=examined,
            counts={"train": int((~is_test).sum()), "test": int(is_test.sum())},
            splits="source" if source.has_splits else "content",
            test_share=None if source.has_splits else options.test_share,
            classes=classes,
            balanced=max(totals) <= BALANCED * min(totals) if totals else None,
            fit=options.fit,
            invert=options.invert,
            inverted=inversion.inverted,
            inverted_because=inversion.reason,
            duplicates=found,
            blank=int((levels.min(axis=1) == levels.max(axis=1)).sum()),
            broken=problems(self.broken),
            broken_count=len(self.broken),
            ignored=problems((each.file, each.reason) for each in source.ignored),
            ignored_count=len(source.ignored),
            warnings=(),
        )
        return report.model_copy(update={"warnings": tuple(_warnings(report))})


def problems(found: Iterable[tuple[str, str]]) -> tuple[FileProblem, ...]:
    """Return the first of these files and reasons, as a report lists them."""
    listed = [each for _, each in zip(range(MOST_LISTED), found, strict=False)]
    return tuple(FileProblem(file=shown(file), reason=reason) for file, reason in listed)


def _check_splits(report: Report) -> None:
    for split, least in MIN_PICTURES.items():
        if report.counts[split] < least:
            raise DatasetError(
                f"The {split} split has {report.counts[split]:,} pictures, of {report.examined:,} in the source, but at least "
                f"{least} are needed. Add pictures{' to it' if report.splits == 'source' else ''}."
            )
    untrained = [each.label for each in report.classes if not each.train]
    if untrained:
        raise DatasetError(
            f"There are no training pictures of the classes: {enumerated(untrained)}. Add some, or remove the classes"
            f"{'' if report.splits == 'source' else ', or lower --test-share'}."
        )


def _warnings(report: Report) -> list[str]:
    """Return what may make a dataset worse than it could be."""
    found, classes, warnings = report.duplicates, report.classes, []
    if report.layout == "folders of classes" and not classes:
        warnings.append("All pictures are in the folder of one class, so the dataset has no classes.")
    if found.across_classes:
        warnings.append(
            f"Equal pictures are in different classes ({found.across_classes:,} groups, for example "
            f"{' and '.join(found.examples[0][:2])}). Correct their labels."
        )
    if found.across_splits:
        warnings.append(
            f"Equal pictures are in both splits ({found.across_splits:,} groups). This makes figures on test pictures too "
            "good. Remove them from one."
        )
    if found.pictures:
        warnings.append(f"{found.pictures:,} pictures are equal to another one. Remove them if they were copied by mistake.")
    if report.balanced is False:
        largest, smallest = (which(classes, key=lambda each: each.train + each.test) for which in (max, min))
        warnings.append(
            f"The classes are not balanced: {largest.name} has {largest.train + largest.test:,} pictures, {smallest.name} has "
            f"{smallest.train + smallest.test:,}. Add pictures of the small classes."
        )
    few = [each.name for each in classes if each.train < _FEW]
    if few and report.examined == report.found:
        warnings.append(f"Some classes have fewer than {_FEW} training pictures: {enumerated(few)}. Add pictures of them.")
    if report.examined == report.found and report.counts["test"] < _FEW:
        warnings.append(
            f"There are only {report.counts['test']:,} test pictures, so figures on them are not precise. Add pictures"
            f"{'' if report.splits == 'source' else ', or raise --test-share'}."
        )
    if report.blank:
        warnings.append(f"{report.blank:,} pictures have a single level. Remove them, or choose another --fit or --invert.")
    if report.broken_count:
        warnings.append(f"{report.broken_count:,} pictures cannot be read. Correct or remove them.")
    return warnings

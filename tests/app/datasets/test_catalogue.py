"""The catalogue of datasets, without a service."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.datasets.catalogue import Catalogue
from app.discriminator.network import LoadedDiscriminator
from app.discriminator.scoring import score
from app.errors import DatasetInUse, DatasetMissing, DatasetUnknown
from app.images import encoding
from app.images.decoding import decode
from app.images.preprocessing import prepare
from app.retraining.job import Draft, Job
from app.retraining.store import JobStore
from app.storage.database import Database
from models.manifest import DatasetNote
from models.repository import Repository
from tests.training.datasets.pictures import contents
from training.datasets import PUBLISHED, Contents, DatasetRegistry, Entry


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(DatasetRegistry(tmp_path / "datasets"))


def add(catalogue: Catalogue, name: str = "mine", *, seed: int = 0, given: Contents | None = None, **record: object) -> Entry:
    return catalogue.registry.add(name, given or contents(seed=seed), title=name, licence="CC0", record=record)


def note_of(entry: Entry) -> DatasetNote:
    fields = {"name": entry.name, "title": entry.title, "licence": entry.licence, "sha256": entry.digest}
    return DatasetNote(**{name: value for name, value in fields.items() if name in DatasetNote.model_fields})


def png(levels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


def test_each_column_of_a_sheet_shows_one_class(catalogue: Catalogue) -> None:
    entry = add(catalogue)
    sheet = np.asarray(Image.open(io.BytesIO(catalogue.sheet(catalogue.get("mine")))))
    assert sheet.shape == (280, 56)
    given = contents()
    for label in (0, 1):
        expected = given.train_images[given.train_labels == label][:10].reshape(280, 28)
        assert (sheet[:, 28 * label : 28 * label + 28] == expected).all()
    assert catalogue.get(entry.reference).counts == {"train": 40, "test": 10}


def test_a_sheet_without_classes_or_with_few_pictures_has_what_there_is(catalogue: Catalogue) -> None:
    add(catalogue, "plain", given=contents(train=12, classes=()))
    assert Image.open(io.BytesIO(catalogue.sheet(catalogue.get("plain")))).size == (280, 56)
    add(catalogue, "few", given=contents(train=12))
    assert Image.open(io.BytesIO(catalogue.sheet(catalogue.get("few")))).size == (56, 280)


def test_a_dataset_whose_files_are_damaged_is_reported_without_its_path(catalogue: Catalogue, tmp_path: Path) -> None:
    entry = add(catalogue)
    folder = catalogue.registry.folder / "mine" / entry.version
    (folder / "train-images.npy").write_bytes(b"damaged")
    with pytest.raises(DatasetMissing, match="import it again") as error:
        catalogue.sheet(catalogue.get("mine"))
    assert str(tmp_path) not in str(error.value)
    (folder / "dataset.json").write_text("{}")
    with pytest.raises(DatasetMissing, match="import it again") as error:
        catalogue.get("mine")
    assert str(tmp_path) not in str(error.value)
    assert [found.info.name for found in catalogue.all(private=True)] == list(PUBLISHED), "others are still listed"


def test_a_dataset_that_an_unfinished_job_needs_cannot_be_removed_even_with_force(catalogue: Catalogue, tmp_path: Path) -> None:
    entry, other = add(catalogue), add(catalogue, "mine-too")
    database = Database(tmp_path / "jobs.db")
    store = JobStore(database)
    job = store.create(Draft("digits", {}, {"dataset": entry.reference}, "never", None, "alice"), 8)
    for reference in ("mine", entry.reference):
        with pytest.raises(DatasetInUse, match=f"Job {job.id} needs"):
            catalogue.remove(reference, [], store.unfinished(), force=True)
    catalogue.remove(other.reference, [], store.unfinished(), force=False)
    store.cancel(job.id, "alice")
    jobs: list[Job] = store.unfinished()
    assert jobs == []
    catalogue.remove("mine", [], jobs, force=False)
    with pytest.raises(DatasetUnknown):
        catalogue.get("mine")
    database.close()


@pytest.mark.parametrize(("fit", "inverted"), [("fit", True), ("fit", False), ("crop", False), ("mnist", True)])
def test_an_uploaded_picture_is_converted_as_those_of_its_dataset_were(
    catalogue: Catalogue, fit: str, inverted: bool, repository: Repository
) -> None:
    entry = add(catalogue, fit=fit, inverted=inverted)
    paper = np.full((60, 90), 255 if inverted else 0, np.uint8)
    paper[10:50, 40:46] = 128
    convert = catalogue.converter(note_of(entry))
    found = prepare(decode(png(paper)), "mine", "auto", convert)
    assert found.preprocessing == "mine"
    prepared = found.pixels
    assert prepared.shape == (28, 28)
    assert prepared[0].max() < 20, "the background is black"
    assert prepared.max() > 100
    scored = score(png(paper), "auto", 1, LoadedDiscriminator(repository.get("digits", 1)), convert)
    assert scored.prepared == encoding.data_uri(encoding.png(prepared))


def test_pictures_for_a_dataset_that_is_not_here_are_converted_by_default(catalogue: Catalogue) -> None:
    entry = add(catalogue)
    assert catalogue.converter(note_of(entry)) is None, "its record does not say how it was made"
    assert catalogue.converter(note_of(entry).model_copy(update={"sha256": "0" * 64})) is None
    assert catalogue.converter(note_of(entry).model_copy(update={"name": "mnist"})) is None

"""The registry of imported datasets: immutable, found by name and digest, and never half written."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.skipping import skip
from tests.training.datasets.pictures import contents
from training import datasets
from training.datasets import PUBLISHED, DatasetRegistry, registry
from training.datasets.splitting import choose_test
from training.errors import DatasetError

TEXT = {"title": "Shapes", "licence": "CC0"}


def test_a_version_is_copied_once_and_does_not_become_the_newest(store: DatasetRegistry, tmp_path: Path) -> None:
    first = store.add("shapes", contents(), **TEXT)
    other, flipped = DatasetRegistry(tmp_path / "other"), contents()
    assert not other.has("shapes")
    assert other.copy("shapes", store) == first
    assert (other.has("shapes"), other.has(first.reference), other.has("shapes@0123456789ab")) == (True, True, False)
    newest = other.add("shapes", replace(flipped, train_images=flipped.train_images[::-1]), **TEXT)
    assert other.copy(first.reference, store) == first
    assert (other.get("shapes"), other.versions("shapes")) == (newest, sorted([first.version, newest.version]))
    store.remove("shapes")
    assert (other.read(first.reference, "train")[0] == contents().train_images).all()


def test_a_failed_copy_leaves_nothing(store: DatasetRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add("shapes", contents(), **TEXT)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(registry, "_link", full)
    other = DatasetRegistry(tmp_path / "other")
    with pytest.raises(DatasetError, match=r"\(No space left on device\)\. Free some space"):
        other.copy("shapes", store)
    assert other.versions("shapes") == []
    assert [path.name for path in (tmp_path / "other" / "shapes").iterdir()] == [".lock"]
    monkeypatch.undo()
    assert other.copy("shapes", store).reference == store.get("shapes").reference


@pytest.fixture
def store(tmp_path: Path) -> DatasetRegistry:
    return DatasetRegistry(tmp_path / "datasets")


def test_a_dataset_is_read_as_it_was_added(store: DatasetRegistry) -> None:
    made = contents()
    entry = store.add("shapes", made, **TEXT, record={"source": "a test"})
    assert re.fullmatch("[0-9a-f]{64}", entry.digest)
    assert entry.reference == f"shapes@{entry.digest[:12]}"
    assert (entry.counts, entry.classes) == ({"train": 40, "test": 10}, ("bar", "box"))
    assert entry.class_counts == {"train": (20, 20), "test": (5, 5)}
    assert entry.record == {"source": "a test"}
    for reference in ("shapes", entry.reference):
        for split in datasets.SPLITS:
            images, labels = datasets.read(reference, split, registry=store)
            assert (images == made.arrays[f"{split}-images"]).all()
            assert (labels == made.arrays[f"{split}-labels"]).all()
            assert not images.flags.writeable
    assert datasets.describe("shapes", store) == entry
    assert datasets.reference_of("shapes", entry.digest) == entry.reference
    assert datasets.reference_of("mnist", "0" * 64) == "mnist"


def test_the_digest_depends_on_pictures_labels_and_classes_alone(store: DatasetRegistry) -> None:
    """The value is fixed, because it must be the same on every machine."""
    made = contents()
    assert made.digest == "a5e359cd7e1162286e37fd149e448cf6a3c4e9d62f98a32134bdf48b6e67f069"
    assert store.add("a", made, title="A", licence="x").digest == store.add("b", made, title="B", licence="y").digest
    others = [
        replace(made, classes=("bar", "circle")),
        replace(made, train_images=made.train_images[::-1]),
        replace(made, test_labels=made.test_labels[::-1]),
    ]
    assert len({made.digest, *(other.digest for other in others)}) == 4


def test_the_plain_name_denotes_the_version_that_was_imported_last(store: DatasetRegistry) -> None:
    first, second = contents(), contents(seed=1)
    versions = [store.add("shapes", each, **TEXT).version for each in (first, second)]
    assert store.get("shapes").version == versions[1]
    assert store.add("shapes", first, title="Another title", licence="MIT").title == "Shapes", "a version never changes"
    assert store.get("shapes").version == versions[0]
    assert store.versions("shapes") == sorted(versions)
    assert (store.read(f"shapes@{versions[1]}", "train")[0] == second.train_images).all()
    (store.folder / "shapes" / "newest").unlink()
    assert store.get("shapes").version in versions


def test_versions_are_removed_singly_or_all_at_once(store: DatasetRegistry) -> None:
    versions = [store.add("shapes", contents(seed=seed), **TEXT).version for seed in range(3)]
    assert store.remove(f"shapes@{versions[2]}") == [f"shapes@{versions[2]}"]
    assert store.versions("shapes") == sorted(versions[:2])
    assert store.get("shapes").version in versions[:2]
    assert sorted(store.remove("shapes")) == sorted(f"shapes@{version}" for version in versions[:2])
    assert (store.names(), store.entries()) == ([], [])
    assert not (store.folder / "shapes").exists()
    with pytest.raises(DatasetError, match=r"no imported dataset 'shapes'.*Import it"):
        store.remove("shapes")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_images": np.zeros((40, 28, 27), np.uint8)}, "images uint8"),
        ({"train_images": np.zeros((40, 28, 28), np.float32)}, "float32"),
        ({"test_labels": np.zeros(9, np.uint16)}, "test split"),
        ({"test_labels": np.full(10, 2, np.uint16)}, "labels outside of its 2 classes"),
        ({"train_images": np.zeros((9, 28, 28), np.uint8), "train_labels": np.zeros(9, np.uint16)}, "at least 10"),
        ({"test_images": np.zeros((1, 28, 28), np.uint8), "test_labels": np.zeros(1, np.uint16)}, "at least 2"),
        ({"classes": ("bar",)}, "has 1 classes"),
        ({"classes": ("bar", "bar")}, "different ones"),
        ({"classes": ("bar", "a box")}, "classes"),
    ],
)
def test_invalid_contents_are_rejected_with_the_remedy(
    store: DatasetRegistry, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(DatasetError, match=f"cannot be stored.*{message}.*import it again") as raised:
        store.add("shapes", replace(contents(), **changes), **TEXT)  # type: ignore[arg-type]
    assert str(raised.value).endswith("import it again.")
    assert store.names() == []


@pytest.mark.parametrize("name", ["Shapes", "", "../up", "a" * 65, "mine@1a2b3c4d5e6f", "mnist", "letters"])
def test_invalid_names_are_rejected(store: DatasetRegistry, name: str) -> None:
    with pytest.raises(DatasetError, match=r"name: |is a published dataset\. Choose another name"):
        store.add(name, contents(), **TEXT)
    assert not store.folder.exists()


def test_the_names_of_published_datasets_are_reserved() -> None:
    assert registry.PUBLISHED_NAMES == tuple(PUBLISHED)


def test_unknown_datasets_and_versions_are_named_with_the_known_ones(store: DatasetRegistry) -> None:
    version = store.add("shapes", contents(), **TEXT).version
    with pytest.raises(DatasetError, match=r"no dataset 'forms'.*mnist, fashion-mnist, letters, shapes"):
        datasets.describe("forms", store)
    with pytest.raises(DatasetError, match=rf"no version 000000000000\. Choose one of: {version}\."):
        datasets.read("shapes@000000000000", "train", registry=store)


@pytest.mark.parametrize("file", ["train-images.npy", "test-labels.npy"])
def test_damaged_files_are_detected(store: DatasetRegistry, file: str) -> None:
    entry = store.add("shapes", contents(), **TEXT)
    path = store.folder / "shapes" / entry.version / file
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=rf"{file} is damaged.*import the dataset again\."):
        [store.read("shapes", split) for split in datasets.SPLITS]
    path.write_bytes(content[:50])
    with pytest.raises(DatasetError, match=rf"{file} cannot be read.*import the dataset again\."):
        [store.read("shapes", split) for split in datasets.SPLITS]
    (path.parent / "dataset.json").write_text("{}")
    with pytest.raises(DatasetError, match=r"dataset.json cannot be read: it is not a description.*again\.$"):
        store.get("shapes")
    assert store.remove("shapes") == [entry.reference]
    assert store.names() == []


def test_classes_of_a_description_cannot_be_changed_afterwards(store: DatasetRegistry) -> None:
    entry = store.add("shapes", contents(), **TEXT)
    path = store.folder / "shapes" / entry.version / "dataset.json"
    path.write_text(path.read_text().replace('"bar"', '"rod"'))
    with pytest.raises(DatasetError, match="is damaged"):
        store.read("shapes", "train")


def test_a_killed_import_leaves_no_version(store: DatasetRegistry, tmp_path: Path) -> None:
    """The process is killed before each of its renames in turn."""
    script = tmp_path / "add.py"
    script.write_text(
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.training.datasets.pictures import contents\n"
        "from training.datasets import DatasetRegistry\n"
        "left, replace, rename = int(sys.argv[2]), Path.replace, Path.rename\n"
        "def counted(move):\n"
        "    def step(path, target):\n"
        "        global left\n"
        "        if not left:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        left -= 1\n"
        "        return move(path, target)\n"
        "    return step\n"
        "Path.replace, Path.rename = counted(replace), counted(rename)\n"
        "DatasetRegistry(Path(sys.argv[1])).add('shapes', contents(), title='Shapes', licence='CC0')\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    for renames in range(2):  # of the description and of the folder
        command = [sys.executable, str(script), str(store.folder), str(renames)]
        assert subprocess.run(command, env=environment).returncode == -signal.SIGKILL
        assert store.names() == []
    assert any(store.folder.glob("shapes/.part-*"))
    entry = store.add("shapes", contents(), **TEXT)
    assert store.read("shapes", "train")[0].shape == (40, 28, 28)
    assert sorted(path.name for path in (store.folder / "shapes").iterdir()) == [".lock", entry.version, "newest"]


def test_a_full_disk_leaves_no_version(store: DatasetRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _array: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(registry, "_save", full)
    with pytest.raises(DatasetError, match=r"No space left on device.*Free some space.*import it again\."):
        store.add("shapes", contents(), **TEXT)
    assert store.names() == []
    assert [path.name for path in (store.folder / "shapes").iterdir()] == [".lock"]


def test_a_small_file_system_that_fills_up_keeps_nothing_of_an_import(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], capture_output=True, text=True)
    if mounted.returncode:
        skip(f"cannot mount a file system: {mounted.stderr.strip()}")
    try:
        store, free = DatasetRegistry(tmp_path / "datasets"), shutil.disk_usage(tmp_path).free
        small = store.add("small", contents(), **TEXT)
        with pytest.raises(DatasetError, match=r"No space left on device.*Free some space.*import it again\."):
            store.add("large", contents(1500), **TEXT)
        assert store.names() == ["small"]
        assert [path.name for path in (store.folder / "large").iterdir()] == [".lock"]
        assert shutil.disk_usage(tmp_path).free > free - 100_000, "the space of the partial version is free again"
        assert len(store.read(small.reference, "train")[1]) == 40
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


def test_the_registry_is_in_the_state_folder_or_where_the_service_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(datasets.DATASETS_VARIABLE, raising=False)
    monkeypatch.setenv("GAN_STATE", str(tmp_path))
    assert DatasetRegistry().folder == tmp_path / "datasets"
    monkeypatch.setenv(datasets.DATASETS_VARIABLE, str(tmp_path / "elsewhere"))
    assert DatasetRegistry().folder == tmp_path / "elsewhere"


def test_the_split_is_determined_by_the_content_of_each_picture() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (4000, 28, 28), dtype=np.uint8)
    chosen = choose_test(pictures)
    assert abs(chosen.mean() - 1 / 7) < 0.02
    assert np.flatnonzero(chosen)[:6].tolist() == [7, 8, 10, 11, 22, 27]
    order = rng.permutation(4000)
    assert (choose_test(pictures[order]) == chosen[order]).all(), "the order does not matter"
    assert (choose_test(pictures[:500]) == chosen[:500]).all(), "adding pictures moves none to another split"
    assert choose_test(pictures, 0.5)[chosen].all()


def test_small_datasets_have_at_least_two_test_pictures() -> None:
    pictures = np.arange(30, dtype=np.uint8)[:, None, None].repeat(28, 1).repeat(28, 2)
    assert choose_test(pictures, 1e-9).sum() == 2
    assert choose_test(pictures[:, ::-1], 1e-9).sum() == 2

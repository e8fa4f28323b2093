"""python -m training datasets, in processes of its own. Some of them are killed, and some find a full disk."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.repository import Repository
from tests.app.retraining.test_full_disk import fill, small_disk
from tests.live import ROOT, SHIPPED
from tests.training.datasets.importing.making import classes, png, stack, write
from training.datasets import DatasetRegistry

__all__ = ["small_disk"]


def environment(state: Path) -> dict[str, str]:
    return os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "GAN_SHIPPED": str(SHIPPED), "GAN_STATE": str(state)}


def datasets(state: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "training", "datasets", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment(state))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "pets", classes(20, "cat", "Big dog"))


def test_pictures_are_imported_listed_shown_and_removed(state: Path, source: Path) -> None:
    done = datasets(state, "import", source, "--name", "pets", "--title", "My pets", "--licence", "CC0")
    assert done.returncode == 0, done.stderr
    entry = DatasetRegistry(state / "datasets").get("pets")
    assert (entry.title, entry.licence, entry.classes) == ("My pets", "CC0", ("Big-dog", "cat"))
    assert f"Imported {entry.reference}. Train on it with: python -m training train --set dataset=pets\n" in done.stdout
    assert re.search(r"source +│ pets \(folders of classes\)", done.stdout)
    assert re.search(r"inverted +│ no \(0 of 40 pictures have a plain bright border\)", done.stdout)
    assert re.search(r"Big-dog +│ Big dog +│ +\d+ +│ +\d+ +│", done.stdout)
    assert "Warning: Some classes have fewer than 100 training pictures: Big-dog, cat." in done.stdout

    listed = datasets(state, "list")
    assert listed.returncode == 0
    assert re.search(r"mnist .* 60,000 \+ 10,000 .*verified", listed.stdout)
    assert re.search(rf"{entry.reference} +│ My pets \(CC0\)", listed.stdout)
    row = json.loads(datasets(state, "list", "--json").stdout)[-1]
    assert row == {
        **{"dataset": entry.reference, "title": "My pets", "licence": "CC0", **entry.counts},
        **{"location": str(state / "datasets" / "pets"), "state": "verified"},
    }

    shown = datasets(state, "show", "pets")
    assert f"digest   │ {entry.digest}" in shown.stdout
    assert re.search(r"models +│ none", shown.stdout)
    assert re.search(r"fit +│ fit", shown.stdout)
    described = json.loads(datasets(state, "show", entry.reference, "--json").stdout)
    assert described["digest"] == entry.digest
    assert described["record"] == entry.record
    assert described["class_counts"] == {"train": list(entry.class_counts["train"]), "test": list(entry.class_counts["test"])}

    removed = datasets(state, "remove", "pets")
    assert removed.stdout == f"Removed {entry.reference}\n"
    assert DatasetRegistry(state / "datasets").names() == []
    missing = datasets(state, "show", "pets")
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    assert "There is no dataset 'pets'. Import it, or choose one of: mnist, fashion-mnist, letters." in missing.stderr


def test_every_option_has_its_effect_and_is_recorded(state: Path, source: Path) -> None:
    (source / "cat" / "broken.png").write_bytes(b"x")
    done = datasets(
        state,
        *("import", source, "--name", "pets", "--fit", "mnist", "--invert", "no", "--skip-broken", "--test-share", "0.5"),
        *("--rename", "Big dog=dog", "--json"),
    )
    assert done.returncode == 0, done.stderr
    described = json.loads(done.stdout)
    record = described["record"]
    assert (record["fit"], record["invert"], record["inverted"]) == ("mnist", "no", False)
    assert (record["test_share"], record["splits"]) == (0.5, "content")
    assert record["broken"][0]["file"] == "cat/broken.png"
    assert described["classes"] == ["dog", "cat"]
    images, _ = DatasetRegistry(state / "datasets").read("pets", "train")
    assert images[:, :3].max() == 0, "the ink is in the middle"
    assert 10 <= len(images) <= 30


def test_the_same_pictures_again_are_the_same_version(state: Path, source: Path) -> None:
    for name in ("pets", "pets"):
        assert datasets(state, "import", source, "--name", name).returncode == 0
    assert len(DatasetRegistry(state / "datasets").versions("pets")) == 1
    (source / "cat" / "new.png").write_bytes(png(99))
    assert datasets(state, "import", source, "--name", "pets").returncode == 0
    assert len(DatasetRegistry(state / "datasets").versions("pets")) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["import", "{tmp}/pets", "--name", "mnist"], "is the name of a published dataset. Choose another one with --name."),
        (["import", "{tmp}/pets", "--name", "../x"], "Correct it with --name."),
        (
            ["import", "{tmp}/pets", "--name", "x", "--title", ""],
            "--title and --licence take 1 to 200 characters. Shorten them.",
        ),
        (["import", "{tmp}/pets", "--name", "x", "--rename", "cat"], "--rename takes OLD=NEW, for example"),
        (["import", "{tmp}/pets", "--name", "x", "--rename", "cow=dog"], "There is no class 'cow' to rename."),
        (["import", "{tmp}/pets", "--name", "x", "--test-share", "2"], "must be above 0 and at most 0.5, for example 0.15."),
        (["import", "{tmp}/nothing", "--name", "x"], "Name a folder or zip archive of pictures"),
        (["preview", "{tmp}/pets", "--out", "{tmp}/none/x.png"], "{tmp}/none/x.png"),
        (["show", "x"], "choose one of: mnist"),
        (["remove", "x"], "There is no imported dataset 'x'."),
        (["remove", "mnist"], "Only imported ones can be removed."),
        (["download", "x"], "Choose one of: mnist, fashion-mnist, letters."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_prints_one_line_with_the_remedy(
    arguments: list[str], words: str, tmp_path: Path, state: Path, source: Path
) -> None:
    done = datasets(state, *(each.format(tmp=tmp_path) for each in arguments))
    assert done.returncode == 1
    assert words.format(tmp=tmp_path) in done.stderr
    assert done.stderr.count("\n") == 1
    assert not state.exists()


def test_broken_pictures_are_all_listed_before_the_import_is_refused(state: Path, source: Path) -> None:
    write(source, {f"cat/broken{n}[red].png": b"x" for n in range(7)})
    done = datasets(state, "import", source, "--name", "pets")
    assert done.returncode == 1
    assert all(f"cat/broken{n}[red].png" in done.stdout for n in range(7))
    assert "7 of 47 pictures cannot be read: cat/broken0[red].png (The file is not a PNG" in done.stderr
    assert "and 2 more. Correct or remove them, or skip them with --skip-broken." in done.stderr
    assert not state.exists()


def test_a_preview_writes_a_sheet_and_stores_nothing(state: Path, source: Path, tmp_path: Path) -> None:
    done = datasets(state, "preview", source, "--out", tmp_path / "sheet.png", "--count", "6", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["examined"] == 6
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (4 * 184 + 8, 2 * 92 + 8)
    assert not state.exists()


def test_a_dataset_that_a_version_was_trained_on_is_removed_only_by_force(state: Path, source: Path) -> None:
    assert datasets(state, "import", source, "--name", "pets").returncode == 0
    entry = DatasetRegistry(state / "datasets").get("pets")
    repository, shipped = Repository(state / "models"), Repository(SHIPPED)
    repository.adopt(shipped)
    path = state / "models" / "digits" / "1" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["dataset"] |= {"name": "pets", "sha256": entry.digest}
    path.write_text(json.dumps(manifest))
    assert re.search(r"models +│ digits/1", datasets(state, "show", "pets").stdout)
    for reference in ("pets", entry.reference):
        refused = datasets(state, "remove", reference)
        assert refused.returncode == 1
        assert f"{reference} cannot be removed: digits/1 were trained on it" in refused.stderr
        assert refused.stderr.endswith("Delete those versions first, or add --force.\n")
    assert DatasetRegistry(state / "datasets").names() == ["pets"]
    assert json.loads(datasets(state, "remove", "pets", "--force", "--json").stdout) == {"removed": [entry.reference]}
    assert DatasetRegistry(state / "datasets").names() == []


def test_published_datasets_are_shown_with_the_versions_trained_on_them(state: Path) -> None:
    described = json.loads(datasets(state, "show", "mnist", "--json").stdout)
    assert described["reference"] == "mnist"
    assert described["class_counts"]["train"] == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert "digits/1" in described["models"]


def test_the_list_has_exit_status_1_if_an_imported_dataset_is_damaged(state: Path, source: Path) -> None:
    assert datasets(state, "import", source, "--name", "pets").returncode == 0
    images = next((state / "datasets" / "pets").glob("*/train-images.npy"))
    content = bytearray(images.read_bytes())
    content[-1] ^= 1
    images.write_bytes(bytes(content))
    listed = datasets(state, "list", "--json")
    assert listed.returncode == 1
    rows = {row["dataset"].partition("@")[0]: row["state"] for row in json.loads(listed.stdout)}
    assert rows["mnist"] == "verified"
    assert "is damaged" in rows["pets"]


def check_nothing_is_half_imported(state: Path) -> None:
    """Check that no version is visible, or a complete and verified one."""
    registry = DatasetRegistry(state / "datasets")
    for name in registry.names():
        for split in ("train", "test"):
            registry.read(name, split)


def test_a_killed_import_leaves_nothing_and_can_be_repeated(state: Path, tmp_path: Path) -> None:
    """Kills at random moments while pictures are read, and as soon as the first file of the version is written."""
    rng = random.Random(0)
    np.savez(tmp_path / "many.npz", images=stack(200).repeat(200, axis=0), labels=np.arange(40_000) % 7)
    command = [sys.executable, "-m", "training", "datasets", "import", tmp_path / "many.npz", "--name", "many"]
    killed_while_writing = False
    for attempt in range(6):
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(state), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if attempt < 3:
            time.sleep(rng.uniform(0.5, 4.0))
        else:
            while process.poll() is None and not list((state / "datasets").glob("many/.part-*/*")):
                time.sleep(0.001)
            killed_while_writing |= process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        check_nothing_is_half_imported(state)
        if (registry := DatasetRegistry(state / "datasets")).names():  # the import was complete before the kill
            registry.remove("many")
    assert killed_while_writing
    done = datasets(state, "import", tmp_path / "many.npz", "--name", "many")
    assert done.returncode == 0, done.stderr
    entry = DatasetRegistry(state / "datasets").get("many")
    assert sum(entry.counts.values()) == 40_000
    assert sorted(path.name for path in (state / "datasets" / "many").iterdir() if not path.name.startswith(".lock")) == sorted(
        [entry.version, "newest"]
    )
    check_nothing_is_half_imported(state)


def test_an_import_to_a_full_disk_is_refused_and_succeeds_once_there_is_space(small_disk: Path, tmp_path: Path) -> None:
    state = small_disk / "state"
    np.savez(tmp_path / "many.npz", images=stack(200).repeat(50, axis=0), labels=np.arange(10_000) % 7)
    (state / "datasets").mkdir(parents=True)
    ballast = fill(small_disk, but=4_000_000)  # half of the dataset
    done = datasets(state, "import", tmp_path / "many.npz", "--name", "many")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Free some space or correct the permissions, then import it again." in done.stderr
    assert done.stderr.count("\n") == 1
    assert DatasetRegistry(state / "datasets").names() == []
    assert not list((state / "datasets").glob("many/.part-*"))
    ballast.unlink()
    assert datasets(state, "import", tmp_path / "many.npz", "--name", "many").returncode == 0
    assert sum(DatasetRegistry(state / "datasets").get("many").counts.values()) == 10_000
    check_nothing_is_half_imported(state)

"""The command line: help texts, error messages, and training, exporting and serving a model."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from models.manifest import AGAINST, MANIFEST, Manifest
from models.repository import Repository
from models.version import Version
from tests.forked import run
from tests.live import ROOT, SHIPPED, service
from tests.training.loop.test_run import settings_of
from tests.training.small import SMALL
from training.loop.run_folder import read_events

ENVIRONMENT = {"COLUMNS": "200", "NO_COLOR": "1", "GAN_SHIPPED": str(SHIPPED), "GAN_STATE": str(SHIPPED / "none")}


def training(*arguments: object, new_process: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the command in a forked process, or in a new one, which takes seconds to import torch."""
    if not new_process:
        return run("training", *arguments, env=os.environ | ENVIRONMENT)
    command = [sys.executable, "-m", "training", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | ENVIRONMENT)


@pytest.mark.parametrize(
    "command",
    [
        "train",
        "candidate",
        "evaluate",
        "export",
        "sample",
        "datasets",
        *(f"datasets {name}" for name in ("list", "import", "preview", "show", "remove", "download")),
        "classifier",
        "texture",
    ],
)
def test_every_command_and_option_has_a_help_text(command: str) -> None:
    result = training(*command.split(), "--help")
    assert result.returncode == 0
    assert re.search(r"Usage: python -m training", result.stdout)
    described = [line for line in result.stdout.splitlines() if re.match(r"│ +\*? *--[a-z]", line)]
    assert described
    for line in described:
        assert len(line.split("  ")) > 2, line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--set", "gama=1"], "Did you mean gamma?"),
        (["train", "--set", "gamma=-1"], "gamma: Input should be greater than or equal to 0"),
        (["train", "--set", "gamma"], "--set takes FIELD=VALUE"),
        (["train", "--set", "preset=quick"], "--preset"),
        (["train", "--resume"], "--out"),
        (["train", "--resume", "--out", "x", "--set", "gamma=1"], "leave out --resume"),
        (["train", "--resume", "--out", "/nowhere"], "Name the folder of a training run"),
        (["train", "--spec", "/nowhere.json"], "Name a spec.json"),
        (["train", "--device", "abacus", "--out", "{tmp}/run"], "--device cpu"),
        (["train", "--data", "{tmp}", "--out", "{tmp}/run"], "python -m training datasets download mnist"),
        (["train", "--out", "/proc/run"], "/proc/run"),
        (["evaluate", "nope"], "has no model 'nope'. Choose one of: digits"),
        (["evaluate", "nope", "--repository", "{tmp}/models"], "has no models. Name another folder with --repository"),
        (["evaluate", "digits", "--version", "99"], "Choose one of"),
        (["export", "{tmp}", "--name", "x", "--repository", "{tmp}/models"], "Name the folder of a run"),
        (["sample", "digits", "--out", "{tmp}"], "{tmp}"),
        (["classifier", "mnist"], "--replace"),
        (
            ["texture", "sharpen-digits", "--repository", str(ROOT / "models")],
            "sharpens pictures. Name a model of the task generate.",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_prints_one_line_with_the_remedy(arguments: list[str], words: str, tmp_path: Path) -> None:
    result = training(*(a.format(tmp=tmp_path) for a in arguments))
    assert result.returncode == 1
    assert words.format(tmp=tmp_path) in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "models").exists()


def test_show_prints_every_field_with_its_bounds_without_training(tmp_path: Path) -> None:
    result = training("train", "--preset", "quick", "--set", "generator_widths=[8,8,8,4]", "--out", tmp_path / "run", "--show")
    assert result.returncode == 0
    assert re.search(r"batch_size +│ 32 +│ ≥ 2, ≤ 4,096", result.stdout)
    assert re.search(r"generator_widths +│ \[8, 8, 8, 4\]", result.stdout)
    assert not (tmp_path / "run").exists()


def test_a_sheet_of_samples_has_the_pixels_of_the_service(tmp_path: Path) -> None:
    result = training(
        "sample", "digits", "--out", tmp_path / "sheet.png", "--first", 7, "--count", 6, "--columns", 3, "--scale", 1
    )
    assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "sheet.png") as sheet:
        drawn = sheet.tobytes()
        assert sheet.size == (84, 56)
    with service(tmp_path / "state") as running, running.client() as client:
        content = client.get("/generate?seeds=7-12&columns=3").content
    (tmp_path / "served.png").write_bytes(content)
    with Image.open(tmp_path / "served.png") as sheet:
        assert sheet.tobytes() == drawn


def test_datasets_are_listed_with_their_sizes_and_verification(tmp_path: Path) -> None:
    result = training("datasets", "list")
    assert re.search(r"mnist .* 60,000 \+ 10,000 .*verified", result.stdout)
    assert training("datasets", "list", "--data", tmp_path).returncode == 1


def test_the_texture_of_a_version_is_compared_with_withheld_pictures() -> None:
    result = training("texture", "digits", "--version", 4, "--repository", ROOT / "models", "--pictures", 500, "--bands")
    assert result.returncode == 0, result.stderr
    assert "500 withheld pictures" in result.stdout
    assert re.search(r"specks +│ 0\.1\d* +│ 0\.0\d* ", result.stdout), result.stdout
    assert re.search(r"two-sample accuracy, coarse +│ 0\.\d{3} +│ 0\.5 ", result.stdout), result.stdout


def test_train_export_and_serve_as_in_the_readme(tmp_path: Path, cache: Path) -> None:
    """All steps, with a small spec."""
    spec = {k: v for k, v in SMALL.items() if k != "images"} | {"images": 640, "metrics_every": 320}
    result = training("train", "--preset", "quick", "--out", tmp_path / "run", *settings_of(**spec), new_process=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{sys.executable} -m training export {tmp_path}/run --name digits" in result.stdout
    events = read_events(tmp_path / "run" / "events.jsonl")
    assert [e["images"] for e in events if e["event"] == "metrics"] == [320, 640]

    with service(tmp_path / "state", poll_seconds=0.05) as running, running.client() as client:
        before = client.get("/generate?seed=42")
        assert before.headers["x-model"] == "digits/1"
        result = training(
            *("export", tmp_path / "run", "--name", "digits", "--repository", tmp_path / "state" / "models"),
            *("--promote", "--fast", "--pictures", 500, "--cache", cache),
            new_process=True,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert "Published" in result.stdout
        for _ in range(200):
            if client.get("/generate?seed=42").headers["x-model"] == "digits/2":
                break
        assert client.get("/generate?seed=42").headers["x-model"] == "digits/2"
        assert client.get("/generate?seed=42&version=1").content == before.content
    assert Repository(tmp_path / "state" / "models").aliases("digits") == {"champion": 2, "previous": 1}

    result = training("promote", "digits", 1, "--repository", tmp_path / "state" / "models", "--reason", "a test")
    assert result.stdout == "champion: digits/1, previous: digits/2\n"
    assert Repository(tmp_path / "state" / "models").aliases("digits") == {"champion": 1, "previous": 2}
    history = Repository(tmp_path / "state" / "models").history("digits")
    assert [(each.version, each.how, each.reason) for each in history] == [
        (1, "shipped", ""),
        (2, "command", ""),
        (1, "command", "a test"),
    ]

    result = training(
        *("evaluate", "digits", "--version", 2, "--repository", tmp_path / "state" / "models", "--pictures", 500),
        *("--cache", cache, "--fast", "--json"),
    )
    figures = json.loads(result.stdout)
    manifest = Repository(tmp_path / "state" / "models").get("digits", 2).manifest
    for name, figure in manifest.metrics.items():
        assert figures[name]["value"] == pytest.approx(figure.value, rel=1e-3, abs=1e-3)


def test_a_candidate_is_a_complete_version_with_comparable_figures_of_the_champion(
    small_run, cache: Path, tmp_path: Path
) -> None:
    result = training(
        *("candidate", small_run.path, "--name", "digits", "--to", tmp_path / "candidate", "--threads", 1),
        *("--against", SHIPPED / "digits" / "1", "--pictures", 500, "--cache", cache),
    )
    assert result.returncode == 0, result.stdout + result.stderr
    candidate = Version(tmp_path / "candidate", Manifest.model_validate_json((tmp_path / "candidate" / MANIFEST).read_bytes()))
    candidate.verify()
    champion = json.loads((candidate.path / AGAINST).read_text())
    assert set(champion) == set(candidate.manifest.metrics)
    for name, figure in candidate.manifest.metrics.items():
        assert figure.floor == champion[name]["floor"], "the floors must come from the same real pictures"
    assert champion["label_accuracy"]["value"] > 0.97
    assert champion["fid_test"]["value"] < candidate.manifest.metrics["fid_test"].value
    assert sorted(p.name for p in tmp_path.iterdir()) == ["candidate"]

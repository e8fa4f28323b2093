"""The repository's layout is that of NVIDIA Triton: its own messages parse `config.pbtxt`, which agrees with the ONNX files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from models import companions
from models.repository import Repository
from tests.app.api.inference.foreign import SCRIPTS, program, run
from tests.live import ROOT

MODELS = Repository(ROOT / "models")
NAMES = sorted(MODELS.names())


@pytest.fixture(scope="module")
def configurations() -> dict[str, dict[str, Any]]:
    """The configuration of each shipped model, parsed with tritonclient's messages."""
    files = [str(MODELS.root / name / "config.pbtxt") for name in NAMES]
    found = json.loads(run(program("kserve", "python"), SCRIPTS / "read_triton_configuration.py", *files).splitlines()[-1])
    return {Path(file).parent.name: config for file, config in found.items()}


@pytest.mark.parametrize("name", NAMES)
def test_the_configuration_agrees_with_every_version(configurations: dict[str, dict[str, Any]], name: str) -> None:
    config = configurations[name]
    assert (config["name"], config["backend"]) == (name, "onnxruntime")
    assert config["max_batch_size"] == 64
    for number in MODELS.numbers(name):
        session = onnxruntime.InferenceSession(MODELS.root / name / str(number) / config["default_model_filename"])
        for kind, tensors in (("input", session.get_inputs()), ("output", session.get_outputs())):
            configured = {t["name"]: (t["data_type"], [int(size) for size in t["dims"]]) for t in config[kind]}
            assert all(t.type == "tensor(float)" and not isinstance(t.shape[0], int) for t in tensors), "the batch size is open"
            assert configured == {t.name: ("TYPE_FP32", t.shape[1:]) for t in tensors}, (number, kind)


def test_the_versions_are_folders_with_numbers_as_triton_expects() -> None:
    for name in NAMES:
        folders = {path.name for path in (MODELS.root / name).iterdir() if path.is_dir()}
        # Triton ignores folders whose name is not a number: docs/user_guide/model_repository.md, "Model Versions"
        assert folders - {companions.FOLDER} == {str(number) for number in MODELS.numbers(name)}

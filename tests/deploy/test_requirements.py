"""What the images install: pinned, with hashes, and the same versions that were tested."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.live import ROOT

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)
FOLDER = ROOT / "deploy" / "requirements"
SERVING = ("", "postgres", "tracing")


def name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def pins(text: str) -> dict[str, str]:
    return {name(package): version for package, version in PIN.findall(text)}


TESTED = pins((ROOT / "constraints.txt").read_text())


def asked_for(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["optional-dependencies"][extra] if extra else project["dependencies"] for extra in extras]
    return {name(re.split(r"[\[ ;<>=]", line)[0]) for group in groups for line in group}


@pytest.mark.parametrize("file", ["serve.txt", "train.txt", "torch.txt"])
def test_every_package_is_pinned_to_what_was_tested_and_has_a_hash(file: str) -> None:
    text = (FOLDER / file).read_text()
    found = pins(text)
    assert found
    assert {package: TESTED.get(package) for package in found} == found, "run make lock"
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    assert all("--hash=sha256:" in block for block in blocks if not block.startswith("#"))
    assert "://" not in text


def test_each_image_gets_all_it_asks_for_and_serving_gets_no_torch() -> None:
    serve, train = (pins((FOLDER / file).read_text()) for file in ("serve.txt", "train.txt"))
    assert asked_for(*SERVING) <= serve.keys(), "run make lock"
    assert asked_for(*SERVING, "train") <= train.keys() | {"torch"}, "run make lock"
    assert serve.items() <= train.items()
    assert not serve.keys() & {"torch", "onnx", "torchmetrics", "matplotlib", "pytest", "mypy"}
    assert "torch" not in train, "it comes from an index of its own"

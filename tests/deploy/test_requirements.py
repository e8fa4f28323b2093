"""The requirements of the images are pinned with hashes to the tested versions."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.live import ROOT

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)
FOLDER = ROOT / "deploy" / "requirements"
SERVING = ("", "postgres", "tracing", "bucket")


def name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def pins(text: str) -> dict[str, str]:
    return {name(package): version for package, version in PIN.findall(text)}


TESTED = pins((ROOT / "constraints.txt").read_text())


def required(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["optional-dependencies"][extra] if extra else project["dependencies"] for extra in extras]
    return {name(re.split(r"[\[ ;<>=]", line)[0]) for group in groups for line in group}


@pytest.mark.parametrize("file", ["serve.txt", "train.txt", "torch.txt"])
def test_every_package_is_pinned_to_the_tested_version_with_a_hash(file: str) -> None:
    text = (FOLDER / file).read_text()
    pinned = pins(text)
    assert pinned
    assert {package: TESTED.get(package) for package in pinned} == pinned, "run make lock"
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    assert all("--hash=sha256:" in block for block in blocks if not block.startswith("#"))
    assert "://" not in text


def test_each_image_has_its_dependencies_and_the_serving_image_has_no_torch() -> None:
    serve, train = (pins((FOLDER / file).read_text()) for file in ("serve.txt", "train.txt"))
    assert required(*SERVING) <= serve.keys(), "run make lock"
    assert required(*SERVING, "train", "kubernetes") <= train.keys() | {"torch"}, "run make lock"
    assert serve.items() <= train.items()
    assert not serve.keys() & {"kubernetes", "ray", "torch", "onnx", "torchmetrics", "matplotlib", "pytest", "mypy"}
    assert "torch" not in train, "torch has its own file, because it has its own index"

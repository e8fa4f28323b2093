"""The arrows of the house: who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import ROOT

HEAVY = {"torch", "onnx", "torchmetrics", "typer", "rich", "matplotlib"}
FREE_OF_TORCH = {"spec", "datasets"}
"""The rooms of the trainer that the service may enter."""
FOR_A_TERMINAL = {"typer", "rich"}
WHEN_ADMINISTERED = {"sqlalchemy", "psutil", "httpx"}
"""What a service that only serves does not load, for the memory of its workers and the time of its start."""


def imports_of(path: Path) -> set[str]:
    """Every module a file names in an import, at any depth of its code."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize("path", files("app"), ids=str)
def test_app_imports_models_and_of_the_trainer_only_its_spec_and_its_files(path: Path) -> None:
    for name in imports_of(path):
        top = name.partition(".")[0]
        if path.name != "terminal.py" or top not in FOR_A_TERMINAL:
            assert top not in HEAVY, f"{path} imports {name}"
        assert top != "training" or name.split(".")[1] in FREE_OF_TORCH, f"{path} imports {name}"
        assert not name.startswith("training.datasets.tensors"), f"{path} imports {name}"


@pytest.mark.parametrize("path", files("models"), ids=str)
def test_models_imports_neither(path: Path) -> None:
    assert not {name.partition(".")[0] for name in imports_of(path)} & ({"app", "training"} | HEAVY)


@pytest.mark.parametrize("path", files("training"), ids=str)
def test_nothing_imports_app(path: Path) -> None:
    assert "app" not in {name.partition(".")[0] for name in imports_of(path)}


def test_the_spec_is_free_of_torch() -> None:
    assert not {name.partition(".")[0] for name in imports_of(ROOT / "training" / "spec.py")} & HEAVY


def test_reading_a_dataset_pulls_in_no_torch() -> None:
    script = f"""
import sys
from training import datasets
print(datasets.read("mnist", "test")[0].shape, sorted(set(sys.modules) & {HEAVY}))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "(10000, 28, 28) []", done.stderr


def test_the_service_draws_where_torch_cannot_be_imported(tmp_path: Path) -> None:
    script = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(HEAVY)}:
            raise ImportError(name + " is not installed")
sys.meta_path.insert(0, Refuse())
from pathlib import Path
from app.main import create_app
from app.settings import Settings
from app.main import _take_in_shipped
app = create_app(Settings(state=Path({str(tmp_path)!r})))
_take_in_shipped(app.state.settings, app.state.catalog.repository)
app.state.catalog.refresh()
generator = app.state.catalog.generator()
print(generator.draw([generator.point(42)[0]]).shape, not set(sys.modules) & set({sorted(HEAVY | WHEN_ADMINISTERED)}))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "(1, 28, 28) True", done.stderr

"""The modules that processes load at run time. `make check` compares the imports with the layers in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.live import ROOT

HEAVY = {"torch", "onnx", "torchmetrics", "typer", "rich", "matplotlib"}
ADMINISTRATION = {"sqlalchemy", "psutil", "httpx"}
"""Packages that a service without administration does not load, to save worker memory and start faster."""


def test_reading_a_dataset_does_not_import_torch() -> None:
    script = f"""
import sys
from training import datasets
print(datasets.read("mnist", "test")[0].shape, sorted(set(sys.modules) & {HEAVY}))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "(10000, 28, 28) []", done.stderr


def test_the_service_generates_pictures_where_torch_cannot_be_imported(tmp_path: Path) -> None:
    script = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(HEAVY)}:
            raise ImportError(name + " is not installed")
sys.meta_path.insert(0, Blocker())
from pathlib import Path
from app.main import create_app
from app.settings import Settings
from app.main import _adopt_shipped
app = create_app(Settings(state=Path({str(tmp_path)!r})))
_adopt_shipped(app.state.settings, app.state.registry)
app.state.registry.refresh()
generator = app.state.registry.generator()
print(generator.draw([generator.point(42)[0]]).shape, not set(sys.modules) & set({sorted(HEAVY | ADMINISTRATION)}))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "(1, 28, 28) True", done.stderr

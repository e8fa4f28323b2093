"""Our sources never execute the data that they read: no pickle, eval, shell or unsafe YAML."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = sorted(path for folder in ("app", "models", "tools", "training") for path in (ROOT / folder).rglob("*.py"))
FORBIDDEN_MODULES = {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle", "code"}
FORBIDDEN_NAMES = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_CALLS = {
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell"),
    *("yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load", "yaml.unsafe_load_all", "yaml.full_load_all"),
    *("torch.jit.load", "torch.hub.load", "pandas.read_pickle", "numpy.fromregex", "runpy.run_path", "importlib.import_module"),
}
PICKLE_CAPABLE = {"numpy.load", "numpy.save", "numpy.lib.format.read_array"}


def _imported(tree: ast.AST) -> dict[str, str]:
    """Map local names to what they import: `np` to numpy, `load` to torch.load."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                found[name.asname or name.name.partition(".")[0]] = name.name if name.asname else name.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for name in node.names:
                found[name.asname or name.name] = f"{node.module}.{name.name}"
    return found


def _qualified_name(node: ast.expr, imported: dict[str, str]) -> str:
    """Return the qualified name, such as numpy.load for `np.load`, or an empty string for other expressions."""
    if isinstance(node, ast.Name):
        return imported.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        outer = _qualified_name(node.value, imported)
        return f"{outer}.{node.attr}" if outer else ""
    return ""


def _has_argument(call: ast.Call, name: str, value: object) -> bool:
    return any(k.arg == name and isinstance(k.value, ast.Constant) and k.value.value is value for k in call.keywords)


def _may_pass(call: ast.Call, name: str) -> bool:
    """Whether the call passes this argument, or may pass it in `**options`."""
    return any(keyword.arg in (name, None) for keyword in call.keywords)


def find_dangers(source: str) -> list[str]:
    """Return the places in a source that could execute data, each as `line: what`."""
    tree = ast.parse(source)
    imported, found = _imported(tree), []
    for node in ast.walk(tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        found += [(node.lineno, f"import {name}") for name in modules if name.partition(".")[0] in FORBIDDEN_MODULES]
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            name = _qualified_name(node, imported)
            if (isinstance(node, ast.Name) and name in FORBIDDEN_NAMES) or name in FORBIDDEN_CALLS:
                found.append((node.lineno, name))
        if isinstance(node, ast.Call):
            name = _qualified_name(node.func, imported)
            if name == "torch.load" and not _has_argument(node, "weights_only", True):
                found.append((node.lineno, "torch.load without weights_only=True"))
            if name in PICKLE_CAPABLE and _may_pass(node, "allow_pickle") and not _has_argument(node, "allow_pickle", False):
                found.append((node.lineno, f"{name} with pickles"))
            if name == "numpy.load" and len(node.args) > 2:
                found.append((node.lineno, "numpy.load with pickles"))
            if _may_pass(node, "shell") and name.startswith("subprocess.") and not _has_argument(node, "shell", False):
                found.append((node.lineno, f"{name} with a shell"))
    return [f"{line}: {what}" for line, what in found]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_executes_the_data_that_it_reads(path: Path) -> None:
    assert find_dangers(path.read_text(encoding="utf-8")) == []


def test_all_sources_are_scanned() -> None:
    assert {"app/images/decoding.py", "models/repository.py", "training/checkpoint.py"} <= {
        str(p.relative_to(ROOT)) for p in SOURCES
    }
    assert any("torch.load" in path.read_text() for path in SOURCES), "the scanned sources use torch.load"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import torch\ntorch.load(f)", "2: torch.load without weights_only=True"),
        ("import torch\ntorch.load(f, weights_only=False)", "2: torch.load without weights_only=True"),
        ("import torch\ntorch.load(f, weights_only=flag)", "2: torch.load without weights_only=True"),
        ("from torch import load as read\nread(f)", "2: torch.load without weights_only=True"),
        ("import torch as t\nt.load(f, **options)", "2: torch.load without weights_only=True"),
        ("import numpy as np\nnp.load(f, allow_pickle=True)", "2: numpy.load with pickles"),
        ("import numpy\nnumpy.load(f, None, True)", "2: numpy.load with pickles"),
        ("from numpy import load\nload(f, allow_pickle=some)", "2: numpy.load with pickles"),
        ("import pickle", "1: import pickle"),
        ("def f():\n    from marshal import loads", "2: import marshal"),
        ("import dill as json", "1: import dill"),
        ("import shelve, json", "1: import shelve"),
        ("eval(text)", "1: eval"),
        ("run = exec", "1: exec"),
        ("import os\nos.system(text)", "2: os.system"),
        ("from os import popen\npopen(text)", "2: os.popen"),
        ("import subprocess\nsubprocess.run(text, shell=True)", "2: subprocess.run with a shell"),
        ("from subprocess import Popen\nPopen(text, shell=flag)", "2: subprocess.Popen with a shell"),
        ("import yaml\nyaml.load(f, Loader=yaml.SafeLoader)", "2: yaml.load"),
        ("from yaml import full_load\nfull_load(f)", "2: yaml.full_load"),
    ],
)
def test_the_scan_reports_dangerous_calls(source: str, what: str) -> None:
    assert what in find_dangers(source)


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ntorch.load(f, map_location='cpu', weights_only=True)",
        "import numpy as np\nnp.load(f)\nnp.load(f, allow_pickle=False)\nnp.save(f, a, allow_pickle=False)",
        "import yaml\nyaml.safe_load(f)",
        "import subprocess\nsubprocess.run(['a'], check=True)",
        "import re\nre.compile('a')\nmodel.eval()",
        "import json\njson.load(f)",
    ],
)
def test_the_scan_accepts_safe_calls(source: str) -> None:
    assert find_dangers(source) == []

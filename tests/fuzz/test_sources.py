"""No source of ours reads bytes in a way that runs what is in them: no pickle, no eval, no shell, no loose yaml."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = sorted(path for folder in ("app", "models", "training") for path in (ROOT / folder).rglob("*.py"))
BARRED_MODULES = {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle", "code"}
BARRED_NAMES = {"eval", "exec", "compile", "__import__"}
BARRED_CALLS = {
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell"),
    *("yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load", "yaml.unsafe_load_all", "yaml.full_load_all"),
    *("torch.jit.load", "torch.hub.load", "pandas.read_pickle", "numpy.fromregex", "runpy.run_path", "importlib.import_module"),
}
PICKLING = {"numpy.load", "numpy.save", "numpy.lib.format.read_array"}


def _imported(tree: ast.AST) -> dict[str, str]:
    """What names stand for: `np` for numpy, `load` for torch.load."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                found[name.asname or name.name.partition(".")[0]] = name.name if name.asname else name.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for name in node.names:
                found[name.asname or name.name] = f"{node.module}.{name.name}"
    return found


def _named(node: ast.expr, imported: dict[str, str]) -> str:
    """The whole name of an attribute, `np.load` as numpy.load; nothing for what is no name."""
    if isinstance(node, ast.Name):
        return imported.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        outer = _named(node.value, imported)
        return f"{outer}.{node.attr}" if outer else ""
    return ""


def _says(call: ast.Call, name: str, value: object) -> bool:
    return any(k.arg == name and isinstance(k.value, ast.Constant) and k.value.value is value for k in call.keywords)


def _passes(call: ast.Call, name: str) -> bool:
    """Whether it gives this argument, or might: `**options` may hold anything."""
    return any(keyword.arg in (name, None) for keyword in call.keywords)


def dangers(source: str) -> list[str]:
    """What in a source would run bytes that it reads, each as `line: what`."""
    tree = ast.parse(source)
    imported, found = _imported(tree), []
    for node in ast.walk(tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        found += [(node.lineno, f"import {name}") for name in modules if name.partition(".")[0] in BARRED_MODULES]
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            name = _named(node, imported)
            if (isinstance(node, ast.Name) and name in BARRED_NAMES) or name in BARRED_CALLS:
                found.append((node.lineno, name))
        if isinstance(node, ast.Call):
            name = _named(node.func, imported)
            if name == "torch.load" and not _says(node, "weights_only", True):
                found.append((node.lineno, "torch.load without weights_only=True"))
            if name in PICKLING and _passes(node, "allow_pickle") and not _says(node, "allow_pickle", False):
                found.append((node.lineno, f"{name} with pickles"))
            if name == "numpy.load" and len(node.args) > 2:
                found.append((node.lineno, "numpy.load with pickles"))
            if _passes(node, "shell") and name.startswith("subprocess.") and not _says(node, "shell", False):
                found.append((node.lineno, f"{name} with a shell"))
    return [f"{line}: {what}" for line, what in found]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_runs_what_it_reads(path: Path) -> None:
    assert dangers(path.read_text(encoding="utf-8")) == []


def test_all_sources_are_looked_at() -> None:
    assert {"app/images/decoding.py", "models/repository.py", "training/checkpoint.py"} <= {
        str(p.relative_to(ROOT)) for p in SOURCES
    }
    assert any("torch.load" in path.read_text() for path in SOURCES), "the rule has something to hold"


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
def test_the_finder_finds(source: str, what: str) -> None:
    assert what in dangers(source)


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
def test_the_finder_leaves_alone_what_is_sound(source: str) -> None:
    assert dangers(source) == []

"""Compares the generator in TypeScript with numpy and ONNX Runtime: .venv-dev/bin/python -m benchmarks.browser

Builds the package @seedling/generator, compares the latents of a million seeds with numpy's, and measures milliseconds of CPU
time per picture in Node, for each champion. Prints Markdown. Needs Node and the packages of the pages (make pages).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from app.sampling.generator import LoadedGenerator
from benchmarks.contestants import ROOT
from models import seed_contract
from models.aliases import CHAMPION
from models.repository import Repository

PACKAGE = ROOT / "build" / "generator"
PICTURES = 300
LATENTS = """
import { createHash } from "node:crypto"
import { draw, RandomState } from "%s"
const hash = createHash("sha256"), random = new RandomState()
for (let seed = 0; seed < %d; seed++) hash.update(draw(Math.imul(seed, 2654435761) >>> 0, 100, 0, random).z)
console.log(hash.digest("hex"))
"""
PICTURE = """
import { readFileSync } from "node:fs"
import { describe, Generator } from "%s"
const folder = "%s"
const manifest = JSON.parse(readFileSync(folder + "/manifest.json", "utf8"))
const generator = new Generator(readFileSync(folder + "/generator.onnx"), describe(manifest))
for (let seed = 0; seed < 50; seed++) generator.draw(seed)
const began = process.cpuUsage().user
for (let seed = 0; seed < %d; seed++) generator.draw(seed)
console.log(JSON.stringify({ ms: (process.cpuUsage().user - began) / 1e3 / %d, exact: generator.isExact() }))
"""


def node(folder: Path, script: str) -> str:
    """Run a script and return its output."""
    (folder / "script.mjs").write_text(script)
    return subprocess.run(["node", "script.mjs"], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Compare latents, then pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000_000)
    seeds = parser.parse_args().seeds
    subprocess.run(["npm", "run", "--silent", "package"], cwd=ROOT / "web", check=True)
    index = (PACKAGE / "index.js").as_posix()
    print(f"{len(gzip.compress((PACKAGE / 'index.js').read_bytes(), 9)):,} bytes of script, compressed\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        digest = hashlib.sha256()
        for seed in range(seeds):
            digest.update(seed_contract.draw(seed * 2_654_435_761 % 2**32, 100)[0].tobytes())
        equal = node(folder, LATENTS % (index, seeds)) == digest.hexdigest()
        print(f"Latents of {seeds:,} seeds, 100 numbers each: {'equal' if equal else 'different'}\n")
        print(
            "| version | golden pixels | CPU-ms per picture in Node | single picture in ONNX Runtime | ratio "
            "|\n|---|---|---|---|---|"
        )
        repository = Repository(ROOT / "models")
        for model in repository.names():
            version = repository.get(model, repository.aliases(model)[CHAMPION])
            if version.manifest.task != "generate":
                continue
            found = json.loads(node(folder, PICTURE % (index, version.path.as_posix(), PICTURES, PICTURES)))
            loaded = LoadedGenerator(version)
            times = []
            for seed in range(PICTURES):
                point = loaded.point(seed)[0]
                began = time.thread_time()
                loaded.draw([point])
                times.append((time.thread_time() - began) * 1e3)
            alone = float(np.median(times))
            exact = "equal" if found["exact"] else "different"
            print(f"| {model}/{version.number} | {exact} | {found['ms']:.2f} | {alone:.2f} | {found['ms'] / alone:.0f} |")


if __name__ == "__main__":
    main()

"""The generator in TypeScript: the single document, opened from a disk, and the package @seedling/generator in Node."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from app.sampling.generator import LoadedGenerator
from models import seed_contract
from models.repository import Repository
from tests.live import ROOT, Service
from tests.web.conftest import TIMEOUT, WEB, new_context

SEEDS = range(1_000)


def pixels(name: str, number: int) -> np.ndarray:
    """Return the pictures of the service for many seeds, (N, 28, 28)."""
    generator = LoadedGenerator(Repository(ROOT / "models").get(name, number))
    return generator.draw([generator.point(seed)[0] for seed in SEEDS])


def test_the_document_draws_a_thousand_seeds_like_the_service_from_a_disk(
    site: Service, browser: Browser, tmp_path: Path
) -> None:
    with site.client() as client:
        response = client.get("/models/digits/versions/4/standalone.html")
    assert len(response.content) < 3_000_000
    saved = tmp_path / "digits.html"
    saved.write_bytes(response.content)
    with new_context(browser, "file://") as context:
        context.set_offline(True)
        page = context.new_page()
        page.goto(saved.as_uri())
        page.wait_for_selector("body[data-ready=yes]", timeout=TIMEOUT)
        assert page.locator("#state").text_content() == "digits/4, seed 42"
        drawn = page.evaluate(
            f"""() => {{
              const all = new Uint8Array({len(SEEDS)} * 784)
              for (let seed = 0; seed < {len(SEEDS)}; seed++) all.set(seedling.draw(seed), 784 * seed)
              let text = ""
              for (const byte of all) text += String.fromCharCode(byte)
              return btoa(text)
            }}"""
        )
        expected = pixels("digits", 4)
        assert (np.frombuffer(base64.b64decode(drawn), dtype=np.uint8).reshape(-1, 28, 28) == expected).all()
        shown = page.evaluate("() => [...document.getElementById('picture').getContext('2d').getImageData(0, 0, 28, 28).data]")
        assert (np.array(shown).reshape(28, 28, 4)[..., 0] == expected[42]).all()
        page.fill("#seed", "a text")
        assert page.locator("#state").text_content() == "digits/4, seed a text"
        page.locator("#plane").focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.getElementById('seed').value === '43'")
        with page.expect_download() as download:
            page.click("#save")
        assert download.value.suggested_filename == "digits-4-seed-43.png"


def test_a_version_can_be_downloaded(site: Service) -> None:
    file = (ROOT / "models" / "digits" / "4" / "generator.onnx").read_bytes()
    with site.client() as client:
        response = client.get("/models/digits/versions/4/generator.onnx")
        assert (response.content, response.headers["content-type"]) == (file, "application/octet-stream")
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        again = {"If-None-Match": response.headers["etag"]}
        assert client.get("/models/digits/versions/4/generator.onnx", headers=again).status_code == 304
        assert client.get("/models/digits/versions/champion/generator.onnx").headers["cache-control"] == "no-cache"
        refused = client.get("/models/sharpen-digits/versions/2/standalone.html").json()
        assert refused["code"] == "task_mismatch"


@pytest.fixture(scope="module")
def package(node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the package is installed."""
    subprocess.run([node, "run", "--silent", "package"], cwd=WEB, check=True)
    folder = tmp_path_factory.mktemp("package")
    pack = [node, "pack", "--silent", "--pack-destination", folder]
    subprocess.run(pack, cwd=ROOT / "build" / "generator", check=True, capture_output=True)
    (archive,) = folder.glob("*.tgz")
    installed = folder / "node_modules" / "@seedling" / "generator"
    installed.mkdir(parents=True)
    subprocess.run(["tar", "xzf", archive, "--strip-components=1", "-C", installed], check=True)
    return folder


def run(package: Path, script: str) -> str:
    (package / "script.mjs").write_text(script)
    done = subprocess.run(["node", "script.mjs"], cwd=package, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_package_loads_a_version_from_a_service_and_draws_its_pixels(package: Path, site: Service) -> None:
    script = f"""
      import {{ load, pointAt }} from "@seedling/generator"
      const digits = await load({json.dumps(site.url)})
      const {{ z, label }} = pointAt(41.5, 0.25, 100, 10)
      console.log(JSON.stringify([[...digits.draw(42)], [...digits.drawLatent(z, label)]]))
    """
    seed, between = json.loads(run(package, script))
    with site.client() as client:
        drawn = client.get("/generate?seed=42&format=npy").content
        plane = client.get("/plane?x=41.5&y=0.25&columns=1&rows=1&step=0.25&format=npy").content
    assert seed == list(drawn[-784:])
    assert between == list(plane[-784:])


def test_the_package_has_the_latents_of_numpy(package: Path) -> None:
    """`python -m benchmarks.browser` compares a million seeds."""
    script = """
      import { createHash } from "node:crypto"
      import { draw, RandomState } from "@seedling/generator"
      const hash = createHash("sha256")
      const random = new RandomState()
      for (let seed = 0; seed < 2000; seed++) {
        const { z, label } = draw(seed * 2147483, 100, 10, random)
        hash.update(z).update(Uint8Array.of(label))
      }
      for (const text of ["a text", "\\u00e9", "e\\u0301", "\\u{1f331}"]) hash.update(draw(text, 100, 26, random).z)
      console.log(hash.digest("hex"))
    """
    digest = hashlib.sha256()
    for seed in range(2000):
        z, label = seed_contract.draw(seed * 2147483, 100, 10)
        digest.update(z.tobytes() + bytes([label or 0]))
    for text in ("a text", "\u00e9", "e\u0301", "\U0001f331"):
        digest.update(seed_contract.draw(text, 100, 26)[0].tobytes())
    assert run(package, script).strip() == digest.hexdigest()

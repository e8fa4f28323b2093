"""Turns 2,000 photographs into a served model, as a new user would, and measures the duration of each step.

    .venv-dev/bin/python -m pip download --no-deps --dest build scikit-image scikit-learn
    .venv-dev/bin/python -m benchmarks.own_pictures photographs build/scikit_*.whl --out build/photos
    .venv-dev/bin/python -m benchmarks.own_pictures pages build/photos     # with the mouse, in Chromium
    .venv-dev/bin/python -m benchmarks.own_pictures curl build/photos.zip  # with curl alone
    .venv-dev/bin/python -m benchmarks.own_pictures draw                   # thirty drawings of a star, with the mouse

`photographs` cuts 2,000 crops from five photographs in the wheels, into a folder per class: PNG, JPEG and WebP of 60 to 900
pixels per side, portrait and landscape, some rotated by EXIF. Three of the files are broken. `pages` and `curl` start
`python -m app` with a new state folder, follow the documentation, and end with the picture of seed 42. They train the preset
`few` to completion, which takes minutes; --images shortens it. `draw` draws thirty stars on the page Draw instead, and saves a
sheet of drawings and one of generated pictures.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from playwright.sync_api import Page, expect, sync_playwright

from tests.live import ROOT, free_port
from tests.web.conftest import CHROMIUM, FLAGS
from tests.web.test_datasets import drop

SUBJECTS = {
    "astronaut": ("skimage/data/astronaut.png", (224, 110), 190),
    "cat": ("skimage/data/chelsea.png", (250, 130), 230),
    "cup": ("skimage/data/coffee.png", (290, 190), 330),
    "flower": ("sklearn/datasets/images/flower.jpg", (308, 208), 300),
    "pagoda": ("sklearn/datasets/images/china.jpg", (205, 215), 330),
}
"""A photograph per class, with the centre of its subject and the side of a square around it, in pixels."""
PER_CLASS = 400
SUFFIXES = (".jpg", ".jpg", ".jpg", ".png", ".webp")
TURNS = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270, 3: Image.Transpose.ROTATE_180}
"""How pixels are stored that a value of EXIF's orientation turns upright."""
MILLISECONDS = 21_600_000


def crop(photograph: Image.Image, centre: tuple[int, int], side: int, rng: np.random.RandomState) -> Image.Image:
    """Return a crop around a subject: tilted, shifted, perhaps mirrored, of another exposure, aspect ratio and size."""
    tilted = photograph.rotate(rng.uniform(-12, 12), Image.Resampling.BICUBIC, center=centre)
    height = side * rng.uniform(0.8, 1.15)
    width = height * rng.uniform(0.7, 1.4)
    x, y = (value + rng.uniform(-0.1, 0.1) * side for value in centre)
    left, top = max(0.0, x - width / 2), max(0.0, y - height / 2)
    box = (left, top, min(photograph.width, left + width), min(photograph.height, top + height))
    scale = rng.uniform(60, 900) / max(box[2] - box[0], box[3] - box[1])
    size = (max(40, round((box[2] - box[0]) * scale)), max(40, round((box[3] - box[1]) * scale)))
    picture = tilted.resize(size, Image.Resampling.BICUBIC, box=box)
    if rng.uniform() < 0.5:
        picture = ImageOps.mirror(picture)
    return ImageEnhance.Contrast(ImageEnhance.Brightness(picture).enhance(rng.uniform(0.7, 1.3))).enhance(rng.uniform(0.8, 1.2))


def photographs(wheels: list[Path], out: Path) -> None:
    """Write a folder of 2,000 pictures, of which three are broken, and a zip archive of it."""
    found: dict[str, bytes] = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            found |= {name: archive.read(name) for name, *_ in SUBJECTS.values() if name in archive.namelist()}
    rng = np.random.RandomState(0)
    for label, (name, centre, side) in SUBJECTS.items():
        photograph = Image.open(io.BytesIO(found[name])).convert("RGB")
        (out / label).mkdir(parents=True)
        for number in range(PER_CLASS):
            picture, suffix, exif = crop(photograph, centre, side, rng), SUFFIXES[rng.randint(len(SUFFIXES))], Image.Exif()
            if suffix == ".jpg" and rng.uniform() < 0.25:
                orientation = list(TURNS)[rng.randint(len(TURNS))]
                picture, exif[0x0112] = picture.transpose(TURNS[orientation]), orientation
            picture.save(out / label / f"{label}-{number:03}{suffix}", exif=exif)
    broken = [
        next((out / label).glob(f"*{suffix}")) for label, suffix in (("cat", ".jpg"), ("cup", ".png"), ("flower", ".webp"))
    ]
    broken[0].write_bytes(broken[0].read_bytes()[:2_000])  # cut off
    broken[1].write_bytes(b"")
    broken[2].write_text("<html>404 Not Found</html>")  # a download that failed
    with zipfile.ZipFile(out.with_suffix(".zip"), "w") as archive:
        for path in sorted(out.rglob("*.*")):
            archive.write(path, path.relative_to(out.parent))
    files = [path for path in out.rglob("*.*")]
    print(f"Wrote {len(files):,} files of {sum(path.stat().st_size for path in files) / 1e6:.0f} MB to {out}")


@dataclass
class Clock:
    """Measures the steps."""

    steps: list[tuple[str, float]] = field(default_factory=list)
    last: float = field(default_factory=time.monotonic)

    def lap(self, step: str) -> None:
        """Record the time since the step before."""
        now = time.monotonic()
        self.steps.append((step, now - self.last))
        self.last = now
        print(f"{self.steps[-1][1]:8.1f} s  {step}", flush=True)


@contextmanager
def started(state: Path) -> Iterator[str]:
    """Run `python -m app` with an empty state folder. Yields its URL."""
    shutil.rmtree(state, ignore_errors=True)
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GAN_")}
    settings = {"GAN_STATE": str(state), "GAN_PORT": str(port), "GAN_TRAINING_NICE": os.environ.get("GAN_TRAINING_NICE", "19")}
    state.mkdir(parents=True)
    with (state / "service.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "app"], cwd=ROOT, env=kept | settings, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(trust_env=False, verify=False) as client:
            while not _is_ready(client, url):
                if process.poll() is not None:
                    raise SystemExit((state / "service.log").read_text())
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(120)


def _is_ready(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def opened(url: str) -> Iterator[Page]:
    """Open a page in Chromium that waits for as long as a training takes."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(base_url=url, locale="en-GB", viewport={"width": 1400, "height": 1000})
        expect.set_options(timeout=MILLISECONDS)
        page.set_default_timeout(MILLISECONDS)
        yield page
        browser.close()


def with_pages(photos: Path, state: Path, images: int | None) -> None:
    """Follow the pages, from dropping the folder to the picture of seed 42. Screenshots go to the state folder."""
    clock = Clock()
    with started(state) as url, opened(url) as page:
        clock.lap("start the service")
        import_folder(page, photos, state, clock)
        train(page, state, clock, images)


def shoot(page: Page, state: Path, name: str) -> None:
    page.screenshot(path=state / f"{name}.png", full_page=True)


def import_folder(page: Page, photos: Path, state: Path, clock: Clock) -> None:
    page.goto("/datasets")
    page.get_by_label("Token", exact=True).fill((state / "admin-token").read_text().strip())
    page.get_by_role("button", name="Use token").click()
    expect(page.get_by_role("button", name="Choose a folder…")).to_be_enabled()
    clock.lap("open the page Datasets, enter the token")
    drop(page, page.locator(".dataset-drop"), photos)
    expect(page).to_have_url(re.compile("upload=[0-9a-f]{32}"))
    clock.lap("drop the folder: packing and upload")
    preview = page.get_by_role("region", name="Preview", exact=True)
    expect(preview.get_by_role("img")).to_be_visible()
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_enabled()
    clock.lap("preview")
    shoot(page, state, "preview")
    form = page.get_by_role("region", name="Import", exact=True)
    form.get_by_label("Name").fill("mine")
    form.get_by_role("button", name="Import").click()
    run = page.get_by_role("region", name="Import of mine", exact=True)
    expect(run.get_by_role("alert")).to_contain_text("Nothing was imported.")
    clock.lap("import, refused: " + run.get_by_role("alert").inner_text())
    shoot(page, state, "refused")
    run.get_by_role("button", name="Skip them and import the others").click()
    expect(run.get_by_role("status")).to_contain_text("Imported as mine@")
    clock.lap("Skip them and import the others: " + run.get_by_role("status").inner_text())
    shoot(page, state, "imported")


def train(page: Page, state: Path, clock: Clock, images: int | None) -> None:
    run = page.get_by_role("region", name="Import of mine", exact=True)
    run.get_by_role("link", name="Train on this dataset").click()
    expect(page.get_by_label("Model")).to_have_value("mine")
    shoot(page, state, "train")
    if images:
        page.get_by_label("Budget").select_option("images")
        page.get_by_label("Images").fill(str(images))
        page.get_by_label("Images").press("Tab")
    page.get_by_role("button", name="Start training").click()
    status = page.locator("#job").get_by_role("status").first
    expect(status).to_contain_text("training")
    clock.lap("follow Train on this dataset, start the training")
    samples = page.get_by_role("region", name="The same seeds over time")
    expect(samples.get_by_role("img")).to_be_visible()
    clock.lap("the first samples")
    page.wait_for_timeout(20_000)
    shoot(page, state, "running")
    expect(status).to_contain_text("evaluating")
    clock.lap("training")
    expect(status).to_contain_text(re.compile("done|failed"))
    clock.lap("export, measurements, gate: " + status.inner_text())
    shoot(page, state, "done")
    page.get_by_role("link", name="Open in Explore").click()
    page.wait_for_function("() => document.querySelector('canvas.shown')")
    clock.lap("Open in Explore: " + page.url.partition("/?")[2])
    page.wait_for_timeout(2_000)
    shoot(page, state, "explore")


def star(rng: np.random.RandomState) -> list[tuple[float, float]]:
    """Return the corners of a five-pointed star in one stroke, as a hand draws it: none of them is quite in its place."""
    angles = np.deg2rad(-90 + 144 * np.arange(6) + rng.normal(0, 6)) + rng.normal(0, 0.06, 6)
    radii = rng.uniform(0.3, 0.4) * (1 + rng.normal(0, 0.06, 6))
    x, y = 0.5 + radii * np.cos(angles) * rng.uniform(0.85, 1.1), 0.5 + radii * np.sin(angles) * rng.uniform(0.9, 1.1)
    return list(zip(x, y, strict=True))


def draw(page: Page, rng: np.random.RandomState) -> None:
    """Draw a star with the mouse, whose lines tremble and bend a little."""
    box = page.get_by_role("application", name="Drawing canvas").bounding_box()
    assert box
    corners, pressed = star(rng), False
    for (x0, y0), (x1, y1) in itertools.pairwise(corners):
        bend = rng.normal(0, 0.02)
        for t in np.linspace(0, 1, 12):
            x = x0 + t * (x1 - x0) + bend * np.sin(np.pi * t) * (y1 - y0) + rng.normal(0, 0.003)
            y = y0 + t * (y1 - y0) - bend * np.sin(np.pi * t) * (x1 - x0) + rng.normal(0, 0.003)
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if not pressed:
                page.mouse.down()
                pressed = True
    page.mouse.up()


def with_drawings(_: Path, state: Path, images: int | None) -> None:
    """Draw thirty stars on the page, make a dataset of them, and train on it."""
    clock, rng = Clock(), np.random.RandomState(42)
    with started(state) as url, opened(url) as page:
        clock.lap("start the service")
        page.goto("/draw?name=star" + (f"&budget=images:{images}" if images else ""))
        for number in range(30):
            if number:
                page.get_by_role("button", name="Next drawing").click()
            draw(page, rng)
        clock.lap("draw thirty stars")
        shoot(page, state, "drawn")
        page.get_by_label("Token", exact=True).fill((state / "admin-token").read_text().strip())
        page.get_by_role("button", name="Use token").click()
        page.get_by_role("button", name="Make the dataset").click()
        done = page.get_by_role("region", name="Import of star").get_by_role("status")
        expect(done).to_contain_text("Imported as star@")
        clock.lap("make the dataset: " + done.inner_text())
        page.get_by_role("button", name="Train on the drawings").click()
        expect(page.get_by_role("region", name="The same seeds over time").get_by_role("img")).to_be_visible()
        clock.lap("judges, the first samples")
        shoot(page, state, "first")
        status = page.get_by_role("region", name="Train", exact=True).get_by_role("status")
        expect(status).to_contain_text(re.compile("evaluating|done|failed"))
        clock.lap("training")
        expect(status).to_contain_text(re.compile("done|failed"))
        clock.lap("export, measurements, gate: " + status.inner_text())
        shoot(page, state, "done")
        sheet = "/generate?model=star&seeds=0-79&columns=10"
        for name, path in {
            "42": "/generate?model=star&seed=42",
            "sheet": sheet,
            "drawings": "/datasets/star/samples.png",
        }.items():
            header = {"Authorization": f"Bearer {(state / 'admin-token').read_text().strip()}"}
            (state / f"{name}.png").write_bytes(httpx.get(url + path, headers=header, trust_env=False, timeout=300).content)
        job = httpx.get(f"{url}/models/star/versions/1", trust_env=False, timeout=300).json()
        (state / "star.json").write_text(json.dumps(job, indent=1))


def with_curl(photos: Path, state: Path, images: int | None) -> None:
    """Run the commands of docs/datasets.md with curl, from the archive to the picture of seed 42."""
    clock = Clock()
    with started(state) as url:
        clock.lap("start the service")
        header = f"Authorization: Bearer {(state / 'admin-token').read_text().strip()}"

        def curl(*arguments: str) -> Any:
            done = subprocess.run(["curl", "-sS", "-H", header, *arguments], capture_output=True, check=True)
            return json.loads(done.stdout)

        def ended(path: str, *states: str) -> dict[str, Any]:
            while (found := curl(url + path))["state"] in states:
                time.sleep(0.5)
            return dict(found)

        for options in ("", "&skip_broken=true"):
            found = curl("-T", str(photos), f"{url}/admin/datasets?name=mine&filename={photos.name}{options}")
            clock.lap(f"curl -T {photos.name} '…/admin/datasets?name=mine{options}'")
            found = ended(f"/admin/imports/{found['id']}", "running")
            clock.lap(f"import: {found['state']}: {found['detail']}")
        body: dict[str, Any] = {"model": "mine", "dataset": "mine", "preset": "few"}
        body |= {"budget": {"images": images}} if images else {}
        job = curl("-d", json.dumps(body), f"{url}/admin/retrain")
        print(json.dumps(job["spec"]))
        ended(f"/admin/jobs/{job['id']}", "queued", "running")
        clock.lap("training")
        job = ended(f"/admin/jobs/{job['id']}", "queued", "running", "evaluating")
        clock.lap(f"export, measurements, gate: {job['state']}: {job['detail']}")
        subprocess.run(
            ["curl", "-sS", "-D", "-", "-o", str(state / "42.png"), f"{url}/generate?model=mine&seed=42"], check=True
        )
        clock.lap("curl '…/generate?model=mine&seed=42'")
        subprocess.run(
            ["curl", "-sS", "-o", str(state / "sheet.png"), f"{url}/generate?model=mine&seeds=0-79&columns=10"], check=True
        )


FOLLOWED = {"pages": with_pages, "curl": with_curl, "draw": with_drawings}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("photographs", help="make the folder and the archive")
    making.add_argument("wheels", nargs="+", type=Path, help="wheels of scikit-image and scikit-learn")
    making.add_argument("--out", type=Path, default=Path("build/photos"))
    for name in FOLLOWED:
        following = commands.add_parser(name, help=f"follow the documentation with {name}")
        if name != "draw":
            following.add_argument("photos", type=Path)
        following.add_argument("--state", type=Path, default=Path(f"build/own-{name}"), help="state folder, emptied first")
        following.add_argument("--images", type=int, help="length of the training; by default, that of the preset")
    options = parser.parse_args()
    if options.command == "photographs":
        photographs(options.wheels, options.out)
    else:
        photos = options.photos.resolve() if options.command != "draw" else Path()
        FOLLOWED[options.command](photos, options.state.resolve(), options.images)


if __name__ == "__main__":
    main()

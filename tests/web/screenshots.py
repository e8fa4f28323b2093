"""Takes screenshots of the pages for the documentation: `make screenshots`, or some with `make screenshots ARGS="draw train"`.

Starts a service with all shipped models. The page Train shows the results of a short retraining, the page Datasets the preview
of an archive of shapes, the page Draw thirty drawings of a rune, the page Find a 7 with an index of 20,000 seeds, and the page
Learn a generator that has learnt a ring.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, sync_playwright

from app.sampling.generator import LoadedGenerator
from models.aliases import CHAMPION
from models.repository import Repository
from models.seed_index_build import Plan, build
from tests.live import ROOT, Service, service
from tests.web.conftest import CHROMIUM, FLAGS, STATIC, TIMEOUT

FOLDER = ROOT / "docs" / "pages"
PATHS = {
    "explore": "/",
    "blends": "/?x=7.5&y=2.25&zoom=400",
    "gallery": "/gallery?view=table",
    "interpolate": "/interpolate",
    "breed": "/breed",
    "find": "/find?drawing=FgKcAXD4AQAWApQDcJcB7AI",
    "datasets": "/datasets?upload={upload}&name=shapes&licence=CC0",
    "draw": "/draw?name=fehu",
    "train": "/train?job={job}",
    "play": "/play?round=7",
    "sharpen": "/sharpen",
    "models": "/models/digits/versions/4",
    "learn": "/learn#points",
    "phone": "/?seed=1234",
}
TOKEN = "a-token-for-the-screenshots"
INDEXED = 20_000
LOADED = {
    "find": ".seeds a",
    "datasets": ".before-after img",
    "draw": ".thumbnails",
    "learn": ".points-lab .figures:has-text('reaches 8 of 8')",
}
"""What a page loads last, if three seconds may not be enough."""
PRESSED = {"learn": "Train continuously"}
"""A button that is pressed first."""
POINTED = {"explore": (800, 330)}
"""Where the mouse is."""
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="the pages; by default, all")
    names = parser.parse_args().names or list(PATHS)
    if CHROMIUM is None or not (STATIC / "index.html").is_file():
        raise SystemExit("This needs Chromium and built pages. Run: apt-get install chromium; make pages.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        if "find" in names:
            build_index(Path(folder) / "state" / "nearest")
        settings = {"shipped": ROOT / "models", "pages": STATIC, "admin_token": TOKEN, "gate_pictures": 1000}
        with service(Path(folder) / "state", **settings) as running, sync_playwright() as playwright:
            job = finished_job(running) if "train" in names else ""
            upload = uploaded(running) if "datasets" in names else ""
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            for name in names:
                path = PATHS[name].format(job=job, upload=upload)
                if name == "phone":
                    shoot(browser, running.url, path, name, size=PHONE, locale="ru", color_scheme="dark")
                else:
                    shoot(browser, running.url, path, name)
            browser.close()


def build_index(root: Path) -> None:
    """Build an index of the champion of digits."""
    repository = Repository(ROOT / "models")
    generator = LoadedGenerator(repository.get("digits", repository.aliases("digits")[CHAMPION]))
    build(root, Plan(generator.manifest.digest, INDEXED), lambda part: generator.draw_seeds(part)[0])


def finished_job(running: Service) -> str:
    """Run a short retraining to its end, and return its id."""
    with running.client() as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        body = {"preset": "quick", "budget": {"images": 25_600}, "spec": {"sample_every": 3_200, "metrics_every": 6_400}}
        job = client.post("/admin/retrain", json=body).json()["id"]
        while client.get(f"/admin/jobs/{job}").json()["state"] not in ("succeeded", "failed"):
            time.sleep(1)
        return str(job)


def uploaded(running: Service) -> str:
    """Upload an archive of circles, squares and triangles of different sizes. Return the id of the upload."""
    rng, content = np.random.RandomState(0), io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for shape, sides in {"circle": 60, "square": 4, "triangle": 3}.items():
            for number in range(60):
                size = int(rng.randint(60, 400))
                picture = Image.new("RGB", (size, size), "white")
                where = (*rng.uniform(0.4, 0.6, 2) * size, rng.uniform(0.15, 0.35) * size)
                ImageDraw.Draw(picture).regular_polygon(where, sides, rng.randint(360), fill=(20, 40, 120))
                file = io.BytesIO()
                picture.save(file, "PNG")
                archive.writestr(f"{shape}/{number:03}.png", file.getvalue())
    name = base64.b64encode(b"shapes.zip").decode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Upload-Length": str(content.tell()), "Tus-Resumable": "1.0.0"}
    headers |= {"Upload-Metadata": f"filename {name}", "Content-Type": "application/offset+octet-stream"}
    with running.client() as client:
        response = client.post("/admin/uploads", content=content.getvalue(), headers=headers).raise_for_status()
    return str(response.headers["location"].rsplit("/", 1)[1])


def drawings(count: int = 30) -> list[list[dict[str, object]]]:
    """Return drawings of the rune fehu, a stem and two branches, as the page keeps them: no two are equal."""
    rng = np.random.RandomState(0)
    found = []
    for _ in range(count):
        left, slant, size = rng.uniform(90, 120), rng.uniform(-0.1, 0.1), rng.uniform(0.85, 1.1)
        lines = [[(0, -95), (0, 95)]]
        for height in (0, -48):
            end, rise = rng.uniform(60, 95), rng.uniform(45, 70)
            start = height + rng.uniform(-8, 8)
            lines.append([(0, start), (end / 2, start - rise / 2 + rng.uniform(0, 8)), (end, start - rise)])
        sketch: list[dict[str, object]] = []
        for line in lines:
            points = [(left + size * (x - slant * y), 140 + size * y) for x, y in line]
            sketch.append({"brush": 22, "points": [round(value) for point in points for value in point]})
        found.append(sketch)
    return found


def shoot(
    browser: Browser,
    url: str,
    path: str,
    name: str,
    *,
    size: dict[str, int] = WIDE,
    locale: str = "en",
    color_scheme: str = "light",
) -> None:
    """Save a screenshot of a page as WebP."""
    context = browser.new_context(viewport=size, locale=locale, color_scheme=color_scheme, base_url=url)  # type: ignore[arg-type]
    context.set_default_timeout(TIMEOUT)
    context.add_init_script(f"sessionStorage.setItem('seedling-admin-token', {TOKEN!r})")
    stored = json.dumps(json.dumps(drawings()))
    context.add_init_script(f"sessionStorage.setItem('seedling-drawings', {stored})")
    page = context.new_page()
    page.goto(path)
    if name in PRESSED:
        page.get_by_role("button", name=PRESSED[name]).click()
    if name in LOADED:
        page.locator(LOADED[name]).first.wait_for(timeout=10 * TIMEOUT)
    page.wait_for_timeout(3000)
    if name in POINTED:
        page.mouse.move(*POINTED[name])
        page.wait_for_timeout(1000)
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").save(FOLDER / f"{name}.webp", quality=80, method=6)
    context.close()


if __name__ == "__main__":
    main()

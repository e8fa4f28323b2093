"""Takes screenshots of the pages for README: `make screenshots`.

Starts a service with all shipped models and runs a short retraining, whose results the page Train shows.
"""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.live import ROOT, Service, service
from tests.web.conftest import CHROMIUM, FLAGS, STATIC

FOLDER = ROOT / "docs" / "pages"
TOKEN = "a-token-for-the-screenshots"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def main() -> None:
    if CHROMIUM is None or not (STATIC / "index.html").is_file():
        raise SystemExit("This needs Chromium and built pages. Run: apt-get install chromium; make pages.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = {"shipped": ROOT / "models", "pages": STATIC, "admin_token": TOKEN, "gate_pictures": 1000}
        with service(Path(folder) / "state", **settings) as running, sync_playwright() as playwright:
            job = finished_job(running)
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            for name, path in {
                "explore": "/?seed=42",
                "blends": "/?x=7.5&y=2.25&zoom=400",
                "gallery": "/gallery?view=table",
                "interpolate": "/interpolate",
                "train": f"/train?job={job}",
                "play": "/play?round=7",
                "sharpen": "/sharpen",
                "models": "/models/digits/versions/4",
                "learn": "/learn",
            }.items():
                shoot(browser, running.url, path, name)
            shoot(browser, running.url, "/?seed=1234", "phone", size=PHONE, locale="ru", color_scheme="dark")
            browser.close()


def finished_job(running: Service) -> str:
    """Run a short retraining to its end, and return its id."""
    with running.client() as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        body = {"preset": "quick", "budget": {"images": 25_600}, "spec": {"sample_every": 3_200, "metrics_every": 6_400}}
        job = client.post("/admin/retrain", json=body).json()["id"]
        while client.get(f"/admin/jobs/{job}").json()["state"] not in ("succeeded", "failed"):
            time.sleep(1)
        return str(job)


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
    context.add_init_script(f"sessionStorage.setItem('seedling-admin-token', {TOKEN!r})")
    page = context.new_page()
    page.goto(path)
    page.wait_for_timeout(3000)
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").save(FOLDER / f"{name}.webp", quality=80, method=6)
    context.close()


if __name__ == "__main__":
    main()

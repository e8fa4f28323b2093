"""The page Train with jobs of several runs, and with several jobs side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.app.retraining.jobs import TOKEN, small_job
from tests.live import Service
from tests.web.accessibility import faults
from tests.web.conftest import new_context
from tests.web.retraining import TRAINING, retraining_service, sign_in


@pytest.fixture(scope="module")
def training(
    built: None, browser: Browser, node: str, tmp_path_factory: pytest.TempPathFactory, trainers_cache: Path
) -> Iterator[Service]:
    with retraining_service(tmp_path_factory.mktemp("runs"), trainers_cache) as running:
        yield running


@pytest.fixture
def page(browser: Browser, training: Service) -> Iterator[Page]:
    with new_context(browser, training.url, viewport={"width": 1400, "height": 1000}) as context:
        yield context.new_page()


def test_the_runs_of_a_job_are_shown_together(page: Page, training: Service) -> None:
    """Two values of gamma. One run is stopped at half the budget."""
    page.goto("/train?preset=quick&promote=never&budget=images:640&grid=gamma%3D0.25%2C0.5")
    sign_in(page, TOKEN)
    expect(page.get_by_label("Values to compare")).to_have_value("gamma=0.25,0.5")
    page.get_by_label("Values to compare").fill("gamma")
    expect(page.get_by_text("Each part must look like field=value, value.")).to_be_visible()
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_label("Values to compare")).to_be_focused()  # nothing is sent
    page.get_by_label("Values to compare").fill("gamma=0.25,0.5")
    with training.client() as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        body = small_job(grid={"gamma": [0.25, 0.5]}, spec={"metrics_every": 160}, promote="never")
        job = client.post("/admin/retrain", json=body).json()
        page.goto(f"/train?job={job['id']}")
        state = page.locator("#job").get_by_role("status").first
        expect(state).to_contain_text("done", timeout=TRAINING)
        job = client.get(f"/admin/jobs/{job['id']}").json()
    winner = job["population"]["winner"]
    runs = page.get_by_role("region", name="Runs", exact=True)
    expect(runs).to_contain_text("Successive halving: of 2 runs, those with the lowest KID continue (1 after 320 images)")
    rows = runs.get_by_role("region", name="State of each run").get_by_role("row")
    expect(rows.nth(winner)).to_contain_text("done, evaluated ★")
    expect(rows.nth(3 - winner)).to_contain_text("stopped early after 320 images ✕")
    expect(rows.nth(1)).to_contain_text("gamma 0.25")
    expect(runs.locator(".chart canvas")).to_have_count(2)
    runs.get_by_text("Show as table").first.click()
    table = runs.get_by_role("region", name="KID of all runs: distance from real pictures")
    expect(table.get_by_role("columnheader").nth(3 - winner)).to_contain_text("✕")
    expect(table.get_by_role("row")).to_have_count(5)  # the head, and measurements after 160, 320, 480 and 640 images
    expect(rows.nth(0).get_by_role("columnheader").nth(5)).to_have_text("checkpoint after")
    measured = [160, 320, 480, 640]
    checkpoint = int(rows.nth(winner).get_by_role("cell").nth(4).inner_text())
    assert checkpoint in measured
    heading = page.locator("#job").get_by_role("region").first
    expect(heading).to_contain_text(f"checkpoint after {checkpoint} of 640 images: the lowest KID")
    swatches = runs.locator(".chart").first.locator(".u-legend .u-marker")
    background = "marker => getComputedStyle(marker).backgroundImage"
    assert swatches.nth(1).evaluate(background) == "none"
    assert swatches.nth(2).evaluate(background).startswith("repeating-linear-gradient")  # as its line in the chart
    samples = page.get_by_role("region", name="The same seeds over time")
    expect(samples).to_contain_text(f"Samples of run {winner}, the evaluated run.")
    expect(runs.locator("dl.tiles")).to_contain_text(re.compile(r"images of all runs\s*960\s*of 960"))
    expect(page.get_by_alt_text("Eighty pictures of seeds 0 to 79 after 640 images")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Русский").click()
    expect(page.get_by_role("region", name="Прогоны", exact=True)).to_contain_text("остановлено досрочно")
    expect(page.get_by_text(f"Картинки прогона {winner}: оценивается он.")).to_be_visible()
    expect(page.get_by_text(f"контрольная точка после {checkpoint} картинок из 640: самый низкий KID")).to_be_visible()
    page.get_by_role("button", name="English").click()
    page.set_viewport_size({"width": 360, "height": 800})
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")  # nothing is wider than a phone
    assert faults(page) == []

    link = runs.get_by_role("link", name=f"run {3 - winner}")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Run {3 - winner} of job {job['number']}")).to_be_visible()
    state = page.locator("#job").get_by_role("status").first
    expect(state).to_have_text("stopped early. It was not among the best when the runs were compared.")
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    assert faults(page) == []
    page.get_by_role("link", name=f"All runs of job {job['number']}").click()
    expect(page.get_by_role("heading", name=f"Job {job['number']}")).to_be_visible()

    page.set_viewport_size({"width": 1400, "height": 1000})
    stopped = next(run["id"] for run in job["population"]["runs"] if run["run"] != winner)
    page.goto(f"/train?job={job['id']}&compare={stopped}")
    together = page.get_by_role("region", name="Jobs side by side")
    losses = together.locator("figure").filter(has_text="Loss of the discriminator")  # which the events of the job have not
    expect(losses.locator(".u-legend")).to_contain_text(f"job {job['number']}, quick, run {winner}")
    differences = together.get_by_role("region", name="Differences between their specs")
    expect(differences.get_by_role("row").filter(has_text="gamma")).to_have_text(re.compile(r"gamma\s*0\.(25|5)\s*0\.(25|5)$"))


def test_the_progress_of_all_runs_is_live(page: Page, training: Service) -> None:
    """The first run trains all the time, so that no run changes its state while the page is watched."""
    page.goto("/train")
    sign_in(page, TOKEN)
    with training.client() as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        body = small_job(budget={"images": 100_000_000}, runs=2, spec={"metrics_every": 10_000_000}, promote="never")
        job = client.post("/admin/retrain", json=body).raise_for_status().json()
        page.goto(f"/train?job={job['id']}")
        tiles = page.get_by_role("region", name="Runs", exact=True).locator("dl.tiles div")
        images = tiles.filter(has_text="images of all runs").locator("strong")
        seen = 0
        for _ in range(2):  # the number grows, and grows again
            expect(images).to_have_text(re.compile(r"^[1-9][\d,]*$"), timeout=TRAINING)
            page.wait_for_function(
                "([tile, before]) => Number(tile.textContent.replaceAll(',', '')) > before",
                arg=[images.element_handle(), seen],
                timeout=TRAINING,
            )
            seen = int(images.inner_text().replace(",", ""))
        for title in ("images/s", "time left"):
            expect(tiles.filter(has_text=title).locator("strong")).to_have_text(re.compile(r"\d"))
        samples = page.get_by_role("region", name="The same seeds over time")
        expect(samples).to_contain_text("The runs are compared after the first measurement of their KID.", timeout=TRAINING)
        page.get_by_role("button", name="Русский").click()
        expect(page.locator("#job")).to_contain_text("картинок во всех прогонах")
        page.get_by_role("button", name="English").click()
        client.post(f"/admin/jobs/{job['id']}/cancel").raise_for_status()
        expect(page.locator("#job").get_by_role("status").first).to_contain_text("cancelled", timeout=TRAINING)


def test_jobs_are_compared_side_by_side(page: Page, training: Service) -> None:
    """Two jobs that differ in gamma. The second one measures half as often."""
    page.goto("/train")
    sign_in(page, TOKEN)
    with training.client() as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        jobs = []
        for gamma, every in ((0.25, 160), (0.5, 320)):
            body = small_job(spec={"gamma": gamma, "metrics_every": every}, promote="never", note=f"gamma {gamma}")
            jobs.append(client.post("/admin/retrain", json=body).json())
        first, second = jobs
        page.goto(f"/train?job={first['id']}")
        page.get_by_role("button", name=f"Compare job {second['number']}").click()
        expect(page).to_have_url(re.compile(f"compare={second['id']}"))
        page.goto("/train")  # shows the newest job
        page.get_by_role("button", name=f"Compare job {first['number']}").click()
        expect(page).to_have_url(re.compile(f"job={second['id']}"))  # the link names both, also if there is a newer job
        expect(page).to_have_url(re.compile(f"compare={first['id']}"))
        for job in jobs:
            page.goto(f"/train?job={job['id']}")
            expect(page.locator("#job").get_by_role("status").first).to_contain_text("done", timeout=TRAINING)
    page.goto(f"/train?job={first['id']}&compare={second['id']}&smooth=0.5")
    together = page.get_by_role("region", name="Jobs side by side")
    expect(together.locator("figcaption").first).to_have_text("FID: distance from real pictures")
    usage = together.get_by_role("region", name="Usage and cost of each job")
    expect(usage.get_by_role("row").filter(has_text="CPU time")).to_have_text(re.compile(r"CPU time\d.*sec.*\d.*sec"))
    differences = together.get_by_role("region", name="Differences between their specs")
    expect(differences.get_by_role("row").nth(1)).to_have_text(re.compile("gamma.*0.25.*0.5"))
    expect(differences.get_by_role("row")).to_have_count(3)  # the head, gamma and metrics_every
    together.get_by_text("Show as table").first.click()
    table = together.get_by_role("region", name="FID: distance from real pictures")
    expect(table.get_by_role("row")).to_have_count(5)  # the head, and measurements after 160, 320, 480 and 640 images
    expect(table.get_by_role("row").nth(1)).to_contain_text("–")  # the second job measured nothing after 160 images
    expect(together.get_by_role("slider", name="Smoothing")).to_have_value("0.5")
    together.get_by_role("checkbox", name="Logarithmic").check()
    expect(page).to_have_url(re.compile("log=true"))
    assert faults(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")  # nothing is wider than a phone
    together.get_by_role("button", name="Show one job").click()
    expect(together).to_have_count(0)
    assert "compare" not in page.url

"""The page Train: a retraining with the preset `quick`, started in the browser and watched until the promotion."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from app.jobs_command import read_events
from tests import fresh
from tests.app.retraining.jobs import TOKEN, VIEWER, small_job
from tests.live import Service
from tests.web.accessibility import faults
from tests.web.conftest import new_context
from tests.web.retraining import FULL_RUN, IMAGES, TRAINING, retraining_service, sign_in

LIVE = {
    "images/s": r"^\d[\d,.]*$",
    "time left": r"\d",
    "D(real)": r"^0\.\d\d$",
    "D(fake)": r"^0\.\d\d$",
}
"""Figures of a running job with their format. The first two are shown only while it runs."""
GREY = """async image => {
    await image.decode()
    const canvas = Object.assign(document.createElement('canvas'), {width: image.naturalWidth, height: image.naturalHeight})
    const context = canvas.getContext('2d')
    context.drawImage(image, 0, 0)
    return Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data).filter((_, i) => i % 4 === 0)
}"""


@pytest.fixture(scope="module")
def training(
    built: None, browser: Browser, node: str, tmp_path_factory: pytest.TempPathFactory, trainers_cache: Path
) -> Iterator[Service]:
    with retraining_service(tmp_path_factory.mktemp("training"), trainers_cache) as running:
        yield running


@pytest.fixture
def page(browser: Browser, training: Service) -> Iterator[Page]:
    with new_context(browser, training.url, viewport={"width": 1400, "height": 1000}) as context:
        yield context.new_page()


def served_by(training: Service) -> str:
    with training.client() as client:
        return client.get("/generate?seed=1").headers["x-model"]


def test_a_run_can_be_started_watched_promoted_and_rolled_back(page: Page, training: Service) -> None:
    assert served_by(training) == "digits/1"
    page.goto("/train?preset=quick" if FULL_RUN else f"/train?preset=quick&budget=images:{IMAGES}")
    expect(page.get_by_role("button", name="Start training")).to_be_disabled()
    sign_in(page, TOKEN)
    expect(page.get_by_text("The token is valid.")).to_be_visible()
    page.get_by_role("button", name="Start training").click()
    expect(page).to_have_url(re.compile(r"job=[0-9a-f]{12}"))
    assert TOKEN not in page.url

    state = page.locator("#job").get_by_role("status").first
    expect(state).to_contain_text("training", timeout=TRAINING)
    expect(page.get_by_text(f"{IMAGES:,}").first).to_be_visible(timeout=TRAINING)  # the budget
    for title, value in LIVE.items():
        tile = page.locator("dl.tiles div").filter(has=page.get_by_text(title, exact=True))
        expect(tile.locator("strong")).to_have_text(re.compile(value), timeout=TRAINING)
    expect(page.locator(".chart canvas").nth(1)).to_be_visible(
        timeout=TRAINING
    )  # charts of the losses and of the discriminator
    expect(state).to_contain_text("done: digits/2 was published and promoted.", timeout=TRAINING)

    expect(page.get_by_text("The champion is digits/2.")).to_be_visible()
    assert served_by(training) == "digits/2"
    verdict = page.get_by_role("region", name="Champion and challenger")
    for name in ("digits/2", "digits/1"):
        picture = verdict.get_by_alt_text(f"Seeds 0 to 31 by {name}")
        expect(picture).to_be_visible()
        assert picture.evaluate("async image => { await image.decode(); return image.naturalWidth }") == 8 * 28
    with training.client() as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        job = client.get(f"/admin/jobs/{re.search('job=([0-9a-f]+)', page.url)[1]}").json()  # type: ignore[index]
    assert (job["version"], job["promoted"]) == (2, True)
    fid = job["gate"]["figures"]["fid_test"]["value"]
    shown = (
        f"{math.floor(fid * 100) / 100:,.2f}"  # without the last digit, because the page and Python may round ties differently
    )
    expect(verdict.get_by_role("table").first).to_contain_text(shown)
    expect(page.locator(".chart canvas").first).to_be_visible()
    page.get_by_text("Show as table").first.click()
    expect(page.get_by_role("region", name=re.compile("oss")).get_by_role("row").last).to_contain_text(f"{IMAGES:,}")
    grid = page.get_by_role("region", name="The same seeds over time")
    with training.client() as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        tops = set()
        for images, at in (("0", "0"), (f"{IMAGES:,}", str(grid.get_by_role("slider").get_attribute("max")))):
            grid.get_by_role("slider", name="Time").fill(at)
            picture = grid.get_by_alt_text(f"Eighty pictures of seeds 0 to 79 after {images} images")
            expect(picture).to_be_visible()
            wanted = client.get(f"/admin/jobs/{job['id']}/samples.png", params={"images": images.replace(",", "")})
            pixels = np.asarray(Image.open(io.BytesIO(wanted.content)).convert("L"))
            assert picture.evaluate(GREY) == pixels.flatten().tolist()
            tops.add(grid.get_by_role("button", name="Play").evaluate("button => button.offsetTop"))
        assert len(tops) == 1, "the buttons stay where they are while the number of images grows"
    with page.expect_download() as download:
        grid.get_by_role("link", name="Save the grid").click()
    assert download.value.path().read_bytes() == wanted.content
    with page.expect_download() as download:
        grid.get_by_role("group", name="Save as a film").get_by_role("button", name="WebP").click()
    assert download.value.suggested_filename == f"job-{job['id']}.webp"
    with training.client() as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        film = client.get(f"/admin/jobs/{job['id']}/samples.webp").raise_for_status()
    assert download.value.path().read_bytes() == film.content
    page.get_by_text("Log", exact=True).click()
    expect(page.locator("pre.log").last).to_contain_text("Done.")
    use = page.get_by_role("region", name="Resource usage and cost")
    cost = use.locator("dl.tiles div").filter(has=page.get_by_text("cost", exact=True)).locator("strong")
    expect(cost).to_have_count(0)  # there is no default price
    use.get_by_label("Price per core hour").fill("1 euro")
    expect(use.get_by_role("alert")).to_contain_text("Correct it.")
    use.get_by_label("Price per core hour").fill("3600")  # one per second
    use.get_by_label("Currency").fill("EUR")
    with training.client() as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        with client.stream("GET", f"/admin/jobs/{job['id']}/events") as response:
            trained = [data for kind, _, data in read_events(response.iter_lines()) if kind == "trained"]
    assert trained[-1]["cpu_seconds"] > 0
    expect(cost).to_have_text(re.compile(r"^[\d,.]+ EUR$"))
    shown = float(cost.inner_text().removesuffix(" EUR").replace(",", ""))
    assert shown == pytest.approx(trained[-1]["cpu_seconds"], abs=0.01)
    expect(use.get_by_text("estimated for the rest")).to_have_count(0)  # it has ended
    expect(use.locator("figcaption")).to_have_text("Processor cores in use")
    assert faults(page) == []
    page.get_by_role("button", name="Русский").click()
    expect(state).to_contain_text("готово: digits/2 опубликована и стала чемпионом.")
    verdict = page.get_by_role("region", name="Чемпион и претендент")
    expect(verdict.get_by_text(re.compile(r"^Причина: FID, тест: \S+ против \S+ у чемпиона"))).to_be_visible()
    expect(verdict.locator("[lang=en]")).to_have_count(0)
    page.get_by_role("button", name="English").click()

    page.get_by_role("button", name="Roll back to digits/1").click()
    page.get_by_role("dialog").get_by_role("button", name="Make champion").click()
    expect(page.get_by_text("The champion is digits/1.")).to_be_visible()
    assert served_by(training) == "digits/1"
    page.get_by_role("button", name="Promote digits/2").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert served_by(training) == "digits/1"
    page.reload()  # the token is kept in the tab
    page.get_by_role("button", name="Promote digits/2").click()
    page.get_by_role("dialog").get_by_role("button", name="Make champion").click()
    expect(page.get_by_text("The champion is digits/2.")).to_be_visible()
    assert served_by(training) == "digits/2"
    page.goto("/models/digits")
    rows = page.get_by_role("region", name="Champion history").get_by_role("listitem")
    expect(rows).to_have_count(4)
    for row, (name, by) in zip(
        range(4), [("digits/2", "by admin"), ("digits/1", "by admin"), ("digits/2", job["id"]), ("digits/1", "")], strict=True
    ):
        expect(rows.nth(row)).to_contain_text(re.compile(f"^{name}.*{by}", re.DOTALL))
    expect(rows.nth(2)).to_contain_text("measured by the gate on the same seeds")


def test_a_run_can_be_cancelled_and_resumed(page: Page) -> None:
    page.goto("/train?preset=quick&promote=never")
    sign_in(page, TOKEN)
    page.get_by_role("button", name="Start training").click()
    expect(page).to_have_url(re.compile(r"job=[0-9a-f]{12}"))
    state = page.locator("#job").get_by_role("status").first
    expect(state).to_contain_text("training", timeout=TRAINING)
    grid = page.get_by_role("region", name="The same seeds over time")
    expect(grid).to_contain_text("after 0 images", timeout=TRAINING)
    expect(page.locator("#job").get_by_text("dataset mnist, 100,000 images")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()  # before or after the first images: it has started
    expect(state).to_contain_text("cancelled. Its checkpoint is kept. Resume continues from there.", timeout=TRAINING)
    expect(page.get_by_text("Charts appear")).to_have_count(0)
    page.get_by_role("button", name="Resume").click()
    expect(state).to_contain_text("training", timeout=TRAINING)
    page.get_by_role("button", name="Cancel").click()
    expect(state).to_contain_text("cancelled", timeout=TRAINING)


def test_a_page_says_what_happens_while_a_job_is_evaluated(page: Page, training: Service) -> None:
    with training.client() as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        job = client.post("/admin/retrain", json=small_job(promote="never")).raise_for_status().json()
        client.post(f"/admin/jobs/{job['id']}/cancel")

    def evaluating(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json=evaluated(response.json()))

    def evaluated(document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "state": "evaluating", "part": 1.0}

    def listed(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        jobs = [evaluated(each) if each["id"] == job["id"] else each for each in body["jobs"]]
        route.fulfill(response=response, json={**body, "jobs": jobs})

    page.route(f"**/admin/jobs/{job['id']}", evaluating)
    page.route("**/admin/jobs", listed)
    page.goto(f"/train?job={job['id']}")
    sign_in(page, TOKEN)
    state = page.locator("#job").get_by_role("status").first
    expect(state).to_contain_text("evaluating. The new version is exported and measured. This can take some minutes")
    expect(page.get_by_role("progressbar", name="Evaluation")).not_to_have_attribute("value", re.compile(""))
    expect(page.get_by_role("progressbar", name="Training progress")).to_have_count(0)
    entry = page.locator(f".jobs a[href*='{job['id']}']").locator(".line").first
    expect(entry).to_have_text(f"Job {job['number']}evaluating")  # without a percentage


def test_a_dialog_of_promotion_stays_open_when_the_verdict_arrives(page: Page, training: Service) -> None:
    """A job that has ended is shown as one that is evaluated, until the dialog is open."""
    with training.client() as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        job = client.post("/admin/retrain", json=small_job(promote="never")).raise_for_status().json()
        page.goto("/train")
        sign_in(page, TOKEN)
        page.goto(f"/train?job={job['id']}")
        state = page.locator("#job").get_by_role("status").first
        expect(state).to_contain_text("done", timeout=TRAINING)
        verdict = page.get_by_role("region", name="Champion and challenger")
        expect(verdict).to_contain_text("Requested promotion: only manually.")
        is_held = [True]

        def held(route: Route) -> None:
            response = route.fetch()
            body = response.json()
            route.fulfill(response=response, json={**body, "state": "evaluating", "gate": None} if is_held[0] else body)

        page.route(f"**/admin/jobs/{job['id']}", held)
        page.reload()
        expect(state).to_contain_text("evaluating")
        expect(verdict).to_have_count(0)
        page.get_by_role("button", name=re.compile("^(Promote|Roll back to) digits")).first.click()
        reason = page.get_by_role("dialog").get_by_label("Reason")
        reason.fill("It looks better.")
        is_held[0] = False
        expect(page.locator("#comparison-title")).to_be_attached(timeout=TRAINING)  # the page polls the job
        expect(reason).to_be_focused()
        expect(reason).to_have_value("It looks better.")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_job_that_somebody_else_resumes_is_followed(page: Page, training: Service) -> None:
    page.goto("/train?preset=quick&promote=never")
    sign_in(page, TOKEN)
    with training.client() as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        job = client.post("/admin/retrain", json=small_job(budget={"images": 10_000_000})).json()
        page.goto(f"/train?job={job['id']}")
        state = page.locator("#job").get_by_role("status").first
        expect(state).to_contain_text("training", timeout=TRAINING)
        client.post(f"/admin/jobs/{job['id']}/cancel")
        expect(state).to_contain_text("cancelled", timeout=TRAINING)
        client.post(f"/admin/jobs/{job['id']}/resume")
        expect(state).to_contain_text("training", timeout=TRAINING)
        use = page.get_by_role("region", name="Resource usage and cost")
        expect(use.get_by_text("cores in use").first).to_be_visible(timeout=TRAINING)
        use.get_by_label("Price per core hour").fill("0.04")
        for title in ("cost so far", "estimated for the rest", "estimated in total"):
            tile = use.locator("dl.tiles div").filter(has=page.get_by_text(title, exact=True))
            expect(tile.locator("strong")).to_have_text(re.compile(r"^[\d,.]+$"), timeout=TRAINING)
        client.post(f"/admin/jobs/{job['id']}/cancel")
        expect(state).to_contain_text("cancelled", timeout=TRAINING)


def test_on_a_phone_a_job_comes_into_view_when_it_is_requested_or_chosen(browser: Browser, training: Service) -> None:
    with new_context(browser, training.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as context:
        page = context.new_page()
        page.goto("/train?preset=quick&promote=never&budget=images:10000000")
        sign_in(page, TOKEN)
        expect(page.get_by_role("region", name="Jobs", exact=True)).to_be_visible()
        page.get_by_role("button", name="Start training").click()
        expect(page).to_have_url(re.compile(r"job=[0-9a-f]{12}"))
        job = page.url[-12:]
        top = "() => Math.abs(document.getElementById('job').getBoundingClientRect().top) < 2"
        page.wait_for_function(top)
        expect(page.get_by_role("button", name="Cancel")).to_be_in_viewport()
        page.evaluate("window.scrollTo(0, 0)")
        page.locator(f".jobs a[href*='{job}']").click()
        page.wait_for_function(top)
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#job").get_by_role("status").first).to_contain_text("cancelled", timeout=TRAINING)


def test_any_version_can_be_made_champion_on_its_page_against_the_verdict_of_the_gate(page: Page, training: Service) -> None:
    """The verdict is made worse in transit, because a small job may beat the weak champion."""
    verdict = "Not better: fid_test 9.0000 against 1.0000 of version 1."

    def worse(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        if gate := body.get("gate") or body.get("manifest", {}).get("gate"):
            gate["reason"], gate["better"] = f"Promotion was not requested. {verdict}", False
        route.fulfill(response=response, json=body)

    before = served_by(training)
    page.goto("/train")
    sign_in(page, TOKEN)
    with training.client() as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        job = (
            client.post("/admin/retrain", json=small_job(spec={"metrics_every": 320}, promote="never"))
            .raise_for_status()
            .json()
        )
        page.route(f"**/admin/jobs/{job['id']}", worse)
        page.goto(f"/train?job={job['id']}")
        expect(page.locator("#job").get_by_role("status").first).to_contain_text("done", timeout=TRAINING)
        version = client.get(f"/admin/jobs/{job['id']}").json()["version"]
        name = f"digits/{version}"
        promote = page.get_by_role("button", name=f"Promote {name}")
        assert promote.get_attribute("class") in (None, ""), "it is not the main button"
        promote.click()
        expect(page.get_by_role("dialog")).to_contain_text("The gate did not find it better than the champion at that time.")
        expect(page.get_by_role("dialog")).to_contain_text(verdict)
        assert faults(page) == []
        page.keyboard.press("Escape")

        page.route(f"**/models/digits/versions/{version}", worse, times=1)
        page.get_by_role("link", name=f"Metrics, samples and model card of {name}").click()
        origin = page.get_by_role("region", name="Provenance")
        expect(origin).to_contain_text(re.compile(r"checkpoint after (320|640) of 640 images: the lowest KID"))
        expect(page.locator("figcaption .mark").first).to_contain_text("checkpoint with the lowest KID")
        panel = page.get_by_role("region", name="Champion", exact=True)
        expect(panel).to_contain_text(f"The champion is {before}.")
        panel.get_by_role("button", name=f"Make {name} champion").click()
        expect(page.get_by_role("dialog")).to_contain_text(verdict)
        page.get_by_role("dialog").get_by_role("button", name="Make champion").click()
        expect(panel).to_contain_text(f"The champion is {name}.")
        expect(panel.get_by_role("button", name=f"Make {name} champion")).to_have_count(0)
        assert served_by(training) == name
        assert faults(page) == []
        page.get_by_role("button", name="Русский").click()
        expect(page.get_by_role("region", name="Чемпион", exact=True)).to_contain_text(f"Сейчас чемпион — {name}.")
        body = {"version": int(before.partition("/")[2])}
        client.put("/admin/models/digits/champion", json=body, headers={"If-Match": "*"}).raise_for_status()


@pytest.mark.parametrize(("token", "code"), [("wrong-token-of-sixteen-letters", 401), (VIEWER, 403)])
def test_an_insufficient_token_gets_the_message_of_the_service(
    browser: Browser, training: Service, token: str, code: int
) -> None:
    context = browser.new_context(base_url=training.url, locale="en")
    page = context.new_page()
    page.goto("/train?preset=quick")
    sign_in(page, token)
    if code == 403:
        page.get_by_role("button", name="Start training").click()
    response = fresh.post(f"{training.url}/admin/retrain", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == code
    expect(page.get_by_role("alert")).to_contain_text(response.json()["detail"])
    context.close()

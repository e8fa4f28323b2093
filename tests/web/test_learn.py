"""The lesson on the page Learn: its steps, the two trainings in the browser, and its printed form."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.live import Service, service
from tests.web.accessibility import faults
from tests.web.conftest import DRAWN_BY_THE_SERVICE, STATIC, new_context
from tests.web.pages import open_page
from tests.web.pixels import fetch, fetch_pixels, wait_for_canvas

STEPS = ("noise", "judge", "turns", "run", "apart")
_PIXELS = "canvas => canvas.toDataURL()"


def figures(lab: Locator) -> str:
    return lab.locator(".figures").inner_text()


def test_each_of_the_five_steps_has_something_to_do_and_questions_with_answers(page: Page) -> None:
    open_page(page, "/learn")
    assert page.locator("section.chapter > h2").evaluate_all("all => all.map(each => each.id)") == list(STEPS)
    for name in STEPS:
        step = page.locator(f"section.chapter:has(> #{name})")
        assert step.locator(".task dt").all_inner_texts() == ["Do", "See"]
        questions = step.locator(".questions details")
        assert 1 <= questions.count() <= 2
        for question in questions.all():
            expect(question.locator("p")).to_be_hidden()
            question.locator("summary").click()
            expect(question.locator("p")).to_be_visible()


def test_an_address_with_the_name_of_a_step_opens_at_this_step(page: Page) -> None:
    """The steps above it load at different times, and each of them moves it."""
    open_page(page, "/learn#run")
    heading = page.get_by_role("heading", name="4. Train on digits")
    expect(heading).to_be_in_viewport(ratio=1)
    place = "heading => Math.round(heading.getBoundingClientRect().top)"
    page.wait_for_function(f"() => ({place})(document.getElementById('run')) < innerHeight / 2")
    top = heading.evaluate(place)
    assert top >= 0
    assert page.evaluate("scrollY") > page.evaluate("innerHeight")  # three steps are above it


def test_a_slider_of_step_1_changes_one_number_of_the_latent(page: Page, site: Service) -> None:
    start = fetch(site, "/generate?seed=42&format=json").json()
    open_page(page, "/learn?seed=42")
    picture = page.get_by_role("img", name="The picture with the changed numbers")
    wait_for_canvas(picture, fetch_pixels(site, "/generate?seed=42"))
    page.get_by_role("slider", name="z 3").fill("-2.5")
    z = [*start["z"][:3], -2.5, *start["z"][4:]]
    wait_for_canvas(picture, fetch_pixels(site, "/generate", {"z": z, "label": start["class"]}))
    expect(page).to_have_url(re.compile(r"[?&]dz=3:-2.5(&|$)"))
    page.get_by_role("button", name="Reset to the seed's numbers").click()
    wait_for_canvas(picture, fetch_pixels(site, "/generate?seed=42"))


def test_the_point_on_the_sigmoid_follows_the_logit(page: Page) -> None:
    open_page(page, "/learn")
    curve = page.get_by_role("region", name="The sigmoid")
    curve.get_by_role("slider", name="Logit").fill("-2")
    expect(curve).to_contain_text("D(x) = 0.119")
    low = curve.locator("circle.point").bounding_box()
    curve.get_by_role("slider", name="Logit").fill("3")
    expect(curve).to_contain_text("D(x) = 0.953")
    high = curve.locator("circle.point").bounding_box()
    assert low
    assert high
    assert high["x"] > low["x"]
    assert high["y"] < low["y"]
    assert curve.locator(".mark").count() == 12  # the pictures above
    point = curve.locator("circle.point")
    point.hover()
    page.mouse.down()
    drawing = curve.get_by_role("img").bounding_box()
    assert drawing
    page.mouse.move(drawing["x"] + drawing["width"] / 2, drawing["y"] + 5, steps=5)
    page.mouse.up()
    expect(curve).to_contain_text("Logit 0.0: D(x) = 0.500")
    page.mouse.move(drawing["x"], drawing["y"] + 5)
    expect(curve.get_by_role("slider", name="Logit")).to_have_value("0")  # released


def test_networks_are_stepped_by_hand_with_the_keyboard(page: Page) -> None:
    """A step of the discriminator changes the plane and its loss, a step of the generator moves the points."""
    open_page(page, "/learn")
    lab = page.get_by_role("region", name="Try it on points")
    plane = lab.get_by_role("img", name="The plane")
    expect(lab.locator(".figures")).to_contain_text("untrained")
    pictures = [plane.evaluate(_PIXELS)]
    presses = (("discriminator", 10, 0), ("generator", 10, 10), ("discriminator", 20, 10), ("discriminator", 30, 10))
    for name, d, g in presses:
        lab.get_by_role("button", name=f"Train the {name}: 10 steps").focus()
        page.keyboard.press("Enter")
        expect(lab.locator(".figures")).to_contain_text(f"Steps: discriminator {d}, generator {g}.")
        pictures.append(plane.evaluate(_PIXELS))
        expect(page.locator(".diagram")).to_have_attribute("data-step", "1" if name == "discriminator" else "2")
    assert len(set(pictures)) == 5
    lab.get_by_text("Show as table").click()
    rows = lab.locator("details tbody tr")
    expect(rows).to_have_count(4)
    cells = [row.split("\t") for row in rows.all_inner_texts()]
    assert [row[0] for row in cells] == ["10", "20", "30", "40"]
    d, g = ([float(row[column]) for row in cells] for column in (1, 2))
    assert all(0 < loss < 5 for loss in d + g)
    assert g[1] < g[0]  # the step of the generator lowers its loss and raises that of the discriminator
    assert d[1] > d[0]
    assert d[3] < d[1]
    lab.get_by_role("button", name="Start again").click()
    expect(lab.locator(".figures")).to_contain_text("untrained")
    assert plane.evaluate(_PIXELS) == pictures[0]  # the same seed


def test_points_train_continuously_and_a_frozen_generator_stays(page: Page) -> None:
    open_page(page, "/learn?points=clusters&experiment=frozen-g")
    lab = page.get_by_role("region", name="Try it on points")
    expect(lab.get_by_role("button", name="Eight clusters")).to_have_attribute("aria-pressed", "true")
    expect(lab.get_by_role("button", name="Freeze the generator")).to_have_attribute("aria-pressed", "true")
    lab.get_by_role("button", name="Train continuously").click()
    expect(lab.locator(".figures")).to_contain_text(re.compile("discriminator [1-9][0-9]+, generator 0"))
    lab.get_by_role("button", name="Both in turns").click()
    expect(page).not_to_have_url(re.compile("experiment"))
    expect(lab.locator(".figures")).to_contain_text(re.compile("generator [1-9]"))
    lab.get_by_role("button", name="Pause").click()
    before = figures(lab)
    page.wait_for_timeout(700)
    assert figures(lab) == before


def test_an_experiment_on_points_starts_again_and_shows_what_it_is_about(page: Page) -> None:
    """Trained networks keep their balance, so mode collapse would not be seen."""
    open_page(page, "/learn")
    lab = page.get_by_role("region", name="Try it on points")
    for _ in range(3):
        lab.get_by_role("button", name="Train the discriminator: 10 steps").click()
    expect(lab.locator(".figures")).to_contain_text("Steps: discriminator 30, generator 0.")
    lab.get_by_role("button", name="Mode collapse").click()
    expect(lab.locator(".figures")).to_contain_text("untrained")
    lab.get_by_role("button", name="Train continuously").click()
    expect(lab.locator(".figures")).to_contain_text(re.compile("reaches [01] of 8 places"))
    lab.get_by_role("button", name="Pause").click()
    lab.get_by_role("button", name="Freeze the generator").click()
    expect(lab.locator(".figures")).to_contain_text("untrained")
    by_hand = lab.get_by_role("button", name="Train the discriminator: 10 steps")
    by_hand.click()
    expect(lab.locator(".figures")).to_contain_text("Steps: discriminator 10, generator 0.")
    lab.get_by_role("button", name="Both in turns").click()
    by_hand.click()
    expect(lab.locator(".figures")).to_contain_text("Steps: discriminator 20, generator 0.")  # the same networks
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Guess").click()
    expect(page.get_by_role("heading", name="Real or generated?")).to_be_visible()
    page.go_back()
    expect(lab.locator(".figures")).to_contain_text("Steps: discriminator 20, generator 0.")
    expect(lab.locator(".chart")).to_have_count(1)


def test_digits_train_in_the_browser_and_can_be_paused(page: Page) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    open_page(page, "/learn")
    lab = page.get_by_role("region", name="Train on digits in this browser")
    assert not any("digits" in url and "/assets/" in url for url in requested)  # loaded only when the training starts
    lab.get_by_role("button", name="Train on digits").click()
    sheet = lab.get_by_role("img", name=re.compile("64 generated pictures"))
    expect(sheet).to_be_visible()
    assert any(url.endswith(".bin") for url in requested)
    noise = sheet.evaluate(_PIXELS)
    expect(lab.locator(".figures")).to_contain_text(re.compile("[0-9]{3} turns"))
    lab.get_by_role("button", name="Pause").click()
    expect(lab.get_by_role("button", name="Continue")).to_be_visible()
    page.wait_for_timeout(700)  # a report may be on its way
    drawn, text = sheet.evaluate(_PIXELS), figures(lab)
    assert drawn != noise
    share = re.search("classifies ([0-9]+)% of the pictures correctly", text)
    assert share
    expect(page.locator("section.chapter:has(> #apart)")).to_contain_text(
        f"step 4 classifies {share[1]}% of the pictures correctly"
    )
    page.wait_for_timeout(700)
    assert figures(lab) == text
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Guess").click()
    expect(page.get_by_role("heading", name="Real or generated?")).to_be_visible()
    page.go_back()
    expect(lab.locator(".figures")).to_have_text(text)  # the training is still there
    expect(lab.locator(".chart")).to_have_count(2)
    page.wait_for_function("drawn => document.querySelector('.sheet-of-digits canvas').toDataURL() === drawn", arg=drawn)
    lab.get_by_role("button", name="Mode collapse").click()
    expect(page).to_have_url(re.compile(r"[?&]balance=strong-g(&|$)"))
    expect(lab).to_contain_text("40 steps for each step of the discriminator")
    lab.get_by_role("button", name="Continue").click()
    expect(lab.locator(".figures")).not_to_have_text(text)
    lab.get_by_role("button", name="Start again").click()
    expect(sheet).to_have_count(0)


def test_the_trainings_are_accessible_and_fit_a_phone_in_russian(browser: Browser, site: Service, node: str) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "locale": "ru-RU"}
    with new_context(browser, site.url, **phone) as context:
        page = context.new_page()
        open_page(page, "/learn")
        points, digits = page.locator(".points-lab"), page.locator(".digits-lab")
        points.get_by_role("button", name="Обучить дискриминатор: 10 шагов").click()
        points.get_by_role("button", name="Обучить генератор: 10 шагов").click()
        expect(points.locator(".figures")).to_contain_text("Шагов: у дискриминатора 10, у генератора 10.")
        digits.get_by_role("button", name="Обучить на цифрах").click()
        expect(digits.locator(".chart")).to_have_count(2)
        digits.get_by_role("button", name="Пауза").click()
        for lab in (points, digits):  # a choice does not move out of view what it changes
            lab.get_by_role("button", name="Коллапс мод").click()
            expect(lab.locator("canvas").first).to_be_in_viewport(ratio=1)
        for lab in (points, digits):
            latin = re.findall("[A-Za-z]{3,}", lab.inner_text())
            assert set(latin) <= {"MNIST", "GAN"}
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert faults(page) == []


def shown(page: Page, selector: str) -> int:
    return sum(each.is_visible() for each in page.locator(selector).all())


def test_printed_it_has_all_steps_and_answers_and_no_controls(page: Page) -> None:
    open_page(page, "/learn")
    answers = page.locator(".questions details > p")
    assert answers.count() >= 5
    page.emulate_media(media="print")
    for answer in answers.all():
        expect(answer).to_be_visible()
    assert shown(page, ".chapter > h2") == len(STEPS)
    assert shown(page, "button, input, select, nav, .top, .bottom, details:not(.questions > details)") == 0
    page.emulate_media(media="screen")
    expect(answers.first).to_be_hidden()
    assert shown(page, ".learn button") > 10


def test_a_handout_is_printed_without_answers_and_with_whole_sentences(page: Page) -> None:
    open_page(page, "/learn?d=0.9")
    page.get_by_role("checkbox", name="with the answers").uncheck()
    page.emulate_media(media="print")
    assert shown(page, ".questions summary") == page.locator(".questions details").count() >= 5
    assert shown(page, ".questions details > p") == 0
    expect(page.locator("#turns").locator("..")).to_contain_text("At D(x) = 0.90, x adds 0.105 to the discriminator's loss")


def test_a_printed_file_has_open_answers(page: Page) -> None:
    open_page(page, "/learn")
    page.evaluate(
        "addEventListener('beforeprint', () => { window.opened = document.querySelectorAll('details[open]').length })"
    )
    assert len(page.pdf()) > 10_000
    assert page.evaluate("window.opened") == page.locator(".questions details").count()
    expect(page.locator(".questions details[open]")).to_have_count(0)


@pytest.fixture(scope="module")
def without_models(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("without")
    (folder / "models").mkdir()
    with service(folder / "state", shipped=folder / "models", pages=STATIC) as running:
        yield running


def test_without_a_model_the_other_steps_are_shown_with_the_remedy(browser: Browser, without_models: Service) -> None:
    with new_context(browser, without_models.url) as context:
        page = context.new_page()
        page.goto("/learn")
        expect(page.get_by_role("alert")).to_contain_text("Train one on the page Train or publish one, then try again.")
        turns = page.locator("section.chapter:has(> #turns)")
        expect(turns).to_contain_text("No model could be loaded, so the losses of its pictures are missing here.")
        turns.get_by_role("button", name="Generator", exact=True).click()
        expect(turns.get_by_role("heading", name="Train the generator")).to_be_visible()
        expect(page.locator("section.chapter > h2")).to_have_count(3)  # steps 1 and 2 are about a model


def test_if_a_model_cannot_be_loaded_step_3_is_shown_until_it_can(browser: Browser, site: Service) -> None:
    context = browser.new_context(
        locale="en-GB", base_url=site.url
    )  # not new_context, because the console logs a 404 as an error
    context.add_init_script(DRAWN_BY_THE_SERVICE)
    page = context.new_page()
    page.goto("/learn?version=99")
    turns = page.locator("section.chapter:has(> #turns)")
    expect(turns).to_contain_text("No model could be loaded")
    page.get_by_role("button", name="Show the champion").click()
    expect(page.locator("section.chapter > h2")).to_have_count(5)
    expect(turns).to_contain_text(re.compile("For the pictures in step 2, L.D. = "))
    context.close()


def test_learn_interpolates_with_pictures_of_the_service(page: Page, site: Service) -> None:
    label = fetch(site, "/generate?seed=42&format=json").json()["label"]  # the label is constant, so that only z changes
    page.goto("/learn?seed=42&to=7")
    picture = page.get_by_role("application", name="The picture").locator("canvas")
    wait_for_canvas(picture, fetch_pixels(site, "/generate?seed=42"))
    slider = page.get_by_role("slider", name="From the first seed to the second")
    slider.fill(str(slider.evaluate("slider => slider.max")))
    wait_for_canvas(picture, fetch_pixels(site, f"/generate?seed=7&label={label}"))
    expect(page).to_have_url(re.compile(r"[?&]t=1(&|$)"))


def test_a_drawing_gets_the_probability_of_the_call(page: Page) -> None:
    open_page(page, "/learn")  # completely, because what loads moves the canvas
    pad = page.locator("canvas.drawing-canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box
    score = page.get_by_text("Your drawing:").locator("strong")
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    expect(score).to_have_text(re.compile("^[0-9]+%$"))  # even a dot is a drawing
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.8, steps=12)
    page.mouse.up()
    with page.expect_response(re.compile(r"/discriminate\?label=1&")) as judged:  # not that of a part of the drawing
        page.get_by_label("I am drawing").select_option("1")
    expect(score).to_have_text(f"{round(judged.value.json()['probability'] * 100)}%")


def test_learn_shows_the_evaluation_of_each_run(page: Page, site: Service) -> None:
    page.goto("/learn")
    for model in ("digits", "lecture"):
        figure = fetch(site, f"/models/{model}/versions/champion/evaluation.json").json()["figures"]["c2st_accuracy"]
        expect(page.locator("main")).to_contain_text(f"{round(figure['value'] * 100)}%")
    page.get_by_role("button", name="lecture/1").click()
    expect(page.locator(".chart canvas").first).to_be_visible()
    page.get_by_role("button", name="Then: train the generator").click()
    expect(page).to_have_url(re.compile("turn=2"))

"""`/invert` and `/nearest`, with the shipped encoder of digits/4 and an index of 1,000 seeds."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from app.errors import EncoderMissing, VersionUnusable
from app.images.encoding import png, read_text
from app.inversion.network import LoadedEncoder
from app.sampling.generator import LoadedGenerator
from models import encoder
from models.repository import Repository
from models.seed_index_build import Plan, build
from tests.app.images.test_preprocessing import mnist
from tests.app.reading import pixels
from tests.live import ROOT, SHIPPED, service
from tests.waiting import wait_until

INDEXED = 1_000
DIGITS = Repository(ROOT / "models").get("digits", 4)
BUILDING = 500


def two_versions(folder: Path) -> Path:
    """Copy digits/1, which has no encoder, and digits/4 with its encoder to a folder of shipped models."""
    shutil.copytree(SHIPPED, folder)
    shutil.copytree(DIGITS.path, folder / "digits" / "4")
    shutil.copytree(DIGITS.companion(encoder.FILE).parent, folder / "digits" / "companions" / DIGITS.manifest.digest)
    Repository(folder).promote("digits", 4)
    return folder


@pytest.fixture(scope="module")
def generator() -> LoadedGenerator:
    return LoadedGenerator(DIGITS)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, generator: LoadedGenerator) -> Iterator[httpx.Client]:
    """A service with digits/1 and digits/4, whose champion has an encoder and an index."""
    folder = tmp_path_factory.mktemp("invert")
    build(folder / "state" / "nearest", Plan(DIGITS.manifest.digest, INDEXED), lambda part: generator.draw_seeds(part)[0])
    with service(folder / "state", shipped=two_versions(folder / "models")) as running, running.client() as client:
        yield client


def ask(client: httpx.Client, path: str, content: bytes | None = None, **query: object) -> dict:
    parameters = {name: str(value) for name, value in query.items()}
    response = client.post(path, content=content, params=parameters) if content else client.get(path, params=parameters)
    assert response.status_code == 200, response.text
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Model"] == f"{response.json()['model']}/{response.json()['version']}"
    return response.json()


def problem(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


def drawn(uri: str) -> tuple[np.ndarray, bytes]:
    """Return the pixels and the file of a data URI."""
    kind, _, content = uri.partition(",")
    assert kind == "data:image/png;base64"
    file = base64.b64decode(content)
    return pixels(file), file


def level_error(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(((a.astype(float) - b.astype(float)) ** 2).mean()))


def test_a_test_picture_is_found_with_its_class(client: httpx.Client) -> None:
    pictures, labels = mnist(10)
    found = [ask(client, "/invert", png(picture)) for picture in pictures]
    right = [each["label"] == label for each, label in zip(found, labels, strict=True)]
    assert sum(right) >= 9
    assert np.mean([each["error"] for each in found]) < 30
    for each in found:
        assert each["label_name"] == str(each["label"])
        assert np.argmax(each["label_probabilities"]) == each["label"]
        assert sum(each["label_probabilities"]) == pytest.approx(1, abs=1e-4)
        assert each["preprocessing"] == "none"


def test_generate_draws_the_picture_of_the_answer(client: httpx.Client) -> None:
    picture = mnist(1)[0][0]
    found = ask(client, "/invert", png(picture))
    body = {name: found[name] for name in ("z", "label", "model")} | {"version": str(found["version"])}
    again = pixels(client.post("/generate", json=body).content)
    shown, file = drawn(found["picture"])
    assert (again == shown).all()
    assert (drawn(found["prepared"])[0] == picture).all()
    assert found["error"] == pytest.approx(level_error(shown, picture), abs=1e-3)
    assert json.loads(read_text(file)["z"]) == found["z"]
    assert client.post("/verify", content=file).json()["verdict"] == "equal"


def test_steps_reduce_the_error_and_none_is_the_encoder_alone(client: httpx.Client) -> None:
    content = png(mnist(3)[0][2])
    found = {steps: ask(client, "/invert", content, steps=steps) for steps in (0, 1, 4, 16)}
    errors = [each["error"] for each in found.values()]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > errors[2]
    assert (found[0]["steps"], found[0]["error"]) == (0, found[0]["encoder_error"])
    assert len({each["encoder_error"] for each in found.values()}) == 1
    assert all(each["steps"] <= steps for steps, each in found.items())


def test_the_same_picture_has_the_same_answer(client: httpx.Client) -> None:
    content = png(mnist(2)[0][1])
    first = ask(client, "/invert", content)
    assert ask(client, "/invert", content) == first
    form = client.post("/invert", files={"file": ("seven.png", content, "image/png")})
    assert form.json() == first


def test_a_label_decides_as_which_class_the_picture_is_seen(client: httpx.Client) -> None:
    picture = mnist(1)[0][0]  # a seven
    as_seven, as_three = (ask(client, "/invert", png(picture), label=label) for label in (7, 3))
    assert (as_seven["label"], as_three["label"]) == (7, 3)
    assert as_seven["error"] < as_three["error"]
    assert as_seven["label_probabilities"] == as_three["label_probabilities"]
    assert problem(client.post("/invert", content=png(picture), params={"label": "12"})) == (422, "label_invalid")


def test_opinions_are_those_of_discriminate(client: httpx.Client) -> None:
    found = ask(client, "/invert", png(mnist(1)[0][0]))
    for picture, opinion in ((found["picture"], found["opinion"]), (found["prepared"], found["prepared_opinion"])):
        score = ask(client, "/discriminate", drawn(picture)[1], label=found["label"])
        assert opinion["logit"] == pytest.approx(score["logit"], abs=1e-4)
        assert opinion["probability"] == pytest.approx(score["probability"], abs=1e-4)


def test_a_version_without_an_encoder_says_how_to_train_one(client: httpx.Client) -> None:
    response = client.post("/invert", content=png(mnist(1)[0][0]), params={"version": 1})
    assert problem(response) == (404, "encoder_missing")
    assert "python -m training encoder digits --version 1" in response.json()["detail"]


@pytest.mark.parametrize("path", ["/invert", "/nearest"])
def test_uploads_are_checked_as_those_of_discriminate(client: httpx.Client, path: str) -> None:
    assert problem(client.post(path, content=b"not a picture")) == (415, "picture_unsupported")
    assert problem(client.post(path, content=b"")) == (422, "picture_invalid")
    assert problem(client.post(path, content=png(np.zeros((28, 28), np.uint8)))) == (422, "picture_blank")
    assert problem(client.post(path, content=bytes(10_000_001))) == (413, "body_too_large")
    assert problem(client.post(path, content=png(mnist(1)[0][0]), params={"model": "none"})) == (404, "not_found")


@pytest.mark.parametrize("query", ["steps=17", "steps=-1", "steps=x", "k=3", "psi=1"])
def test_invalid_parameters_of_invert_are_refused(client: httpx.Client, query: str) -> None:
    assert problem(client.post(f"/invert?{query}", content=png(mnist(1)[0][0]))) == (422, "invalid_request")


def test_the_picture_of_a_seed_finds_the_seed_and_the_call_that_draws_it(client: httpx.Client) -> None:
    for seed in (0, 77, INDEXED - 1):
        content = client.get("/generate", params={"seed": seed}).content
        found = ask(client, "/nearest", content, k=3)
        first = found["nearest"][0]
        assert (first["seed"], first["error"]) == (seed, 0.0)
        assert found["seeds"] == INDEXED
        for each in found["nearest"]:
            response = client.get(each["url"])
            assert level_error(pixels(response.content), pixels(content)) == pytest.approx(each["error"], abs=1e-3)
            assert response.headers["X-Label"] == each["label_name"]
            assert "immutable" in response.headers["Cache-Control"]


def test_get_finds_the_same_as_the_upload_of_the_picture(client: httpx.Client) -> None:
    query = {"seed": "Ada", "label": "3", "psi": "0.7"}
    by_seed = ask(client, "/nearest", **query)
    by_picture = ask(client, "/nearest", client.get("/generate", params=query).content)
    assert by_seed["nearest"] == by_picture["nearest"]
    assert len(by_seed["nearest"]) == 10
    assert (by_seed["prepared"], by_seed["preprocessing"]) == (None, None)
    assert (by_picture["preprocessing"], by_picture["prepared"][:10]) == ("none", "data:image")


def test_a_version_without_an_index_says_how_to_build_one(client: httpx.Client) -> None:
    response = client.get("/nearest", params={"seed": 1, "version": 1})
    assert problem(response) == (404, "index_missing")
    assert "python -m training nearest digits --version 1" in response.json()["detail"]
    assert client.get("/models/digits/versions/1").json()["nearest_seeds"] is None
    assert client.get("/models/digits/versions/champion").json()["nearest_seeds"] == INDEXED


@pytest.mark.parametrize("query", ["seed=1&k=0", "seed=1&k=101", "k=3", "seed=1&steps=1", "seed=1&seed=2"])
def test_invalid_parameters_of_nearest_are_refused(client: httpx.Client, query: str) -> None:
    assert problem(client.get(f"/nearest?{query}")) == (422, "invalid_request")


def test_an_index_that_is_added_while_the_service_runs_is_used(
    tmp_path: Path, generator: LoadedGenerator, client: httpx.Client
) -> None:
    with service(tmp_path / "state", shipped=two_versions(tmp_path / "models")) as running, running.client() as own:
        assert problem(own.get("/nearest?seed=1")) == (404, "index_missing")
        plan = Plan(DIGITS.manifest.digest, BUILDING)
        folder = build(tmp_path / "state" / "nearest", plan, lambda part: generator.draw_seeds(part)[0])
        assert ask(own, "/nearest", seed=1)["seeds"] == BUILDING
        (folder / "codes.npy").write_bytes(b"damaged")
    with service(tmp_path / "state", shipped=tmp_path / "models") as running, running.client() as own:
        assert problem(own.get("/nearest?seed=1")) == (503, "version_unusable")
        assert own.get("/generate?seed=1").status_code == 200


def test_the_service_builds_the_index_of_the_champion_in_the_background(tmp_path: Path) -> None:
    shipped = two_versions(tmp_path / "models")
    with service(tmp_path / "state", shipped=shipped, nearest_seeds=BUILDING) as running, running.client() as own:
        wait_until(lambda: own.get("/nearest?seed=5").status_code == 200)
        found = ask(own, "/nearest", seed=5, k=1)
        assert (found["seeds"], found["nearest"][0]["seed"], found["nearest"][0]["error"]) == (BUILDING, 5, 0.0)


@pytest.fixture
def copied(tmp_path: Path) -> Repository:
    return Repository(two_versions(tmp_path / "models"))


def test_a_damaged_encoder_is_refused(copied: Repository) -> None:
    version = copied.get("digits", 4)
    network = version.companion(encoder.NETWORK)
    network.write_bytes(network.read_bytes()[:-1] + b"\0")
    with pytest.raises(VersionUnusable, match="does not have the sha256"):
        LoadedEncoder(version)
    version.companion(encoder.FILE).write_text("{")
    with pytest.raises(VersionUnusable, match="cannot be read"):
        LoadedEncoder(version)
    network.unlink()
    version.companion(encoder.FILE).unlink()
    with pytest.raises(EncoderMissing, match="python -m training encoder"):
        LoadedEncoder(version)


def test_the_encoder_of_another_generator_is_refused(copied: Repository) -> None:
    version, other = copied.get("digits", 4), copied.get("digits", 1)
    shutil.copytree(version.companion(encoder.FILE).parent, other.companion(encoder.FILE).parent)
    with pytest.raises(VersionUnusable, match="belongs to another generator"):
        LoadedEncoder(other)


def test_matrices_are_multiplied_in_one_thread() -> None:
    program = "import app, os; import numpy as np; a = np.ones((600, 600)); a @ a; print(len(os.listdir('/proc/self/task')))"
    without = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=without, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1", "a second thread would busy-wait on a core that draws pictures"

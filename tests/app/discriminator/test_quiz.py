"""`/quiz`: real and generated pictures."""

from __future__ import annotations

import base64
import dataclasses
import json
import shutil
import struct
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.discriminator.network import LoadedDiscriminator
from app.discriminator.quiz import Originals, QuizSheet, ResolvedQuiz, draw_questions
from app.errors import DatasetMissing
from app.sampling.generator import LoadedGenerator
from models.manifest import MANIFEST
from models.repository import Repository
from models.seed_contract import MAX_SEED
from tests.app.images.test_preprocessing import mnist
from tests.app.reading import pixels
from tests.live import ROOT, SHIPPED, service
from tests.training.datasets.pictures import contents
from training.datasets import PUBLISHED, DatasetRegistry, published

FOREVER = "public, max-age=31536000, immutable"
PICTURES, LABELS = mnist(10_000)


def request_quiz(client: httpx.Client, **query: object) -> dict:
    response = client.get("/quiz", params={k: str(v) for k, v in query.items()})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    QuizSheet.model_validate(response.json())
    return response.json()


def file_of(picture: dict) -> bytes:
    kind, _, content = picture["picture"].partition(",")
    assert kind == "data:image/png;base64"
    return base64.b64decode(content, validate=True)


def chunk_types(content: bytes) -> list[bytes]:
    """Return the types of the chunks of a PNG."""
    kinds, at = [], 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kinds.append(content[at + 4 : at + 8])
        at += 12 + length
    return kinds


def test_real_pictures_are_test_pictures_and_generated_ones_match_generate(client: httpx.Client) -> None:
    payload = request_quiz(client, seed=7, count=64)
    assert (payload["model"], payload["version"], payload["seed"], len(payload["pictures"])) == ("digits", 1, 7, 64)
    assert {picture["real"] for picture in payload["pictures"]} == {True, False}
    for picture in payload["pictures"]:
        grey, label, source = pixels(file_of(picture)), picture["label"], picture["source"]
        assert picture["class"] == str(label)
        if picture["real"]:
            assert (grey == PICTURES[source]).all()
            assert label == LABELS[source]
        else:
            drawn = client.get("/generate", params={"seed": source, "label": label})
            assert (grey == pixels(drawn.content)).all()
    real = [picture["source"] for picture in payload["pictures"] if picture["real"]]
    assert len(set(real)) == len(real)


def test_probabilities_match_discriminate(client: httpx.Client) -> None:
    for picture in request_quiz(client, seed=8, count=10)["pictures"]:
        query = {"label": picture["label"], "prepare": "none"}
        scored = client.post("/discriminate", content=file_of(picture), params=query).json()
        assert picture["probability"] == pytest.approx(scored["probability"], abs=1e-6)


def test_the_files_do_not_reveal_which_pictures_are_real(client: httpx.Client) -> None:
    files = [file_of(picture) for picture in request_quiz(client, seed=9, count=64)["pictures"]]
    for content in files:
        assert chunk_types(content) == [b"IHDR", b"IDAT", b"IEND"]
        assert content[16:29] == struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0)
    assert len({content[41:43] for content in files}) == 1, "zlib used the same settings"


def test_the_seed_determines_the_questions(client: httpx.Client) -> None:
    assert request_quiz(client, seed=7, count=64) == request_quiz(client, seed=7, count=64)
    assert request_quiz(client, seed=7)["pictures"] != request_quiz(client, seed=8)["pictures"]
    short, long = (request_quiz(client, seed=7, count=count)["pictures"] for count in (10, 64))
    for a, b in zip(short, long, strict=False):
        assert (a["picture"], a["real"], a["source"]) == (b["picture"], b["real"], b["source"]), (
            "a longer quiz starts with the same questions"
        )
    assert len(request_quiz(client, seed=7)["pictures"]) == 10


def test_half_of_the_pictures_are_real_and_both_kinds_have_the_same_classes() -> None:
    questions = [question for seed in range(1_000) for question in draw_questions(seed, 64, LABELS)]
    kinds = [[question for question in questions if question.real is real] for real in (True, False)]
    assert len(kinds[0]) / len(questions) == pytest.approx(0.5, abs=0.008)  # four standard deviations
    frequencies = np.bincount(LABELS) / len(LABELS)
    for kind in kinds:
        assert np.bincount([q.label for q in kind]) / len(kind) == pytest.approx(frequencies, abs=0.008)
    seeds = np.array([question.source for question in kinds[1]])
    assert len(set(seeds)) > 0.999 * len(seeds)
    assert seeds.mean() / MAX_SEED == pytest.approx(0.5, abs=0.01)
    firsts = [draw_questions(seed, 1, LABELS)[0].real for seed in range(10_000)]
    assert np.mean(firsts) == pytest.approx(0.5, abs=0.02), "the questions of consecutive seeds are independent"


@settings(max_examples=50)
@given(seed=st.integers(0, MAX_SEED), count=st.integers(1, 64))
def test_no_real_picture_is_shown_twice(seed: int, count: int) -> None:
    real = [question.source for question in draw_questions(seed, count, LABELS[:64]) if question.real]
    assert len(set(real)) == len(real)


def test_a_random_seed_is_returned_and_not_cached(client: httpx.Client) -> None:
    responses = [client.get("/quiz") for _ in range(3)]
    assert len({response.json()["seed"] for response in responses}) == 3
    for response in responses:
        assert response.headers["cache-control"] == "no-store"
        assert client.get(response.headers["content-location"]).content == response.content
        assert request_quiz(client, seed=response.json()["seed"]) == response.json()


def test_an_alias_returns_the_pinned_url_and_if_none_match_gets_304(client: httpx.Client) -> None:
    response = client.get("/quiz?seed=7&count=3")
    assert (response.headers["cache-control"], response.headers["x-model"]) == ("no-cache", "digits/1")
    assert response.headers["content-location"] == "/quiz?seed=7&count=3&model=digits&version=1"
    pinned = client.get(response.headers["content-location"])
    assert (pinned.content, pinned.headers["etag"]) == (response.content, response.headers["etag"])
    assert pinned.headers["cache-control"] == FOREVER
    unmodified = client.get("/quiz?seed=7&count=3", headers={"If-None-Match": response.headers["etag"]})
    assert (unmodified.status_code, unmodified.content) == (304, b"")
    others = [client.get(f"/quiz?{query}").headers["etag"] for query in ("seed=8&count=3", "seed=7&count=4")]
    assert len({response.headers["etag"], *others}) == 3


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("seed=-1", 422, "invalid_request"),
        ("seed=4294967296", 422, "invalid_request"),
        ("seed=cat", 422, "invalid_request"),
        ("seed=1.5", 422, "invalid_request"),
        ("seed=1&count=0", 422, "invalid_request"),
        ("seed=1&count=65", 422, "invalid_request"),
        ("seed=1&label=3", 422, "invalid_request"),
        ("seed=1&seed=2", 422, "invalid_request"),
        ("seed=1&model=cats", 404, "not_found"),
        ("seed=1&version=99", 404, "not_found"),
    ],
)
def test_an_invalid_request_gets_a_problem(client: httpx.Client, query: str, status: int, code: str) -> None:
    response = client.get(f"/quiz?{query}")
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.json()["detail"].endswith(".")


def test_a_model_of_an_unknown_dataset_has_no_quiz(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "shipped")
    path = tmp_path / "shipped" / "digits" / "1" / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["dataset"] |= {"name": "cats", "title": "Cats"}
    path.write_text(json.dumps(manifest))
    with service(tmp_path / "state", shipped=tmp_path / "shipped") as running, running.client() as client:
        response = client.get("/quiz?seed=7")
        assert (response.status_code, response.json()["code"]) == (404, "dataset_missing")
        remedy = "Import it again on this server, or use another model."
        assert response.json()["detail"] == f"The server cannot read the pictures of Cats. {remedy}"
        assert client.get("/generate?seed=7").status_code == 200


def test_a_missing_dataset_is_reported_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: LoadedGenerator
) -> None:
    note, originals = digits.manifest.dataset, Originals()
    monkeypatch.setattr(published, "CACHE", tmp_path / "cache")
    relocated = dataclasses.replace(PUBLISHED["mnist"], folders=(tmp_path / "mnist",))
    monkeypatch.setitem(PUBLISHED, "mnist", relocated)
    with pytest.raises(DatasetMissing) as error:
        originals.of(note)
    assert str(error.value).endswith(f"{PUBLISHED['mnist'].remedy}.")
    shutil.copytree(ROOT / "training" / "datasets" / "mnist", tmp_path / "mnist")
    found = originals.of(note)
    assert (found.images == PICTURES).all(), "a missing dataset is looked up again"
    assert originals.of(note) is found, "and then read only once"
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    with pytest.raises(DatasetMissing, match="cannot read the pictures"):
        Originals().of(note)


def test_the_real_pictures_of_an_imported_dataset_are_those_of_the_version_that_was_trained_on(
    tmp_path: Path, digits: LoadedGenerator
) -> None:
    registry = DatasetRegistry(tmp_path)
    entry = registry.add("mine", contents(test=20), title="Mine", licence="CC0")
    registry.add("mine", contents(test=20, seed=1), title="Mine", licence="CC0")
    note = digits.manifest.dataset.model_copy(update={"name": "mine", "title": "Mine", "sha256": entry.digest})
    found = Originals(registry).of(note)
    assert (found.images == contents(test=20).test_images).all()
    assert (found.labels == contents(test=20).test_labels).all()
    with pytest.raises(DatasetMissing, match="Import it again"):
        Originals(registry).of(note.model_copy(update={"sha256": "0" * 64}))


def test_a_quiz_longer_than_the_test_pictures_goes_on_with_generated_ones() -> None:
    questions = draw_questions(7, 64, LABELS[:3])
    real = [question.source for question in questions if question.real]
    assert (len(questions), sorted(real)) == (64, [0, 1, 2])
    assert questions[:5] == draw_questions(7, 5, LABELS[:3])


def test_the_quiz_of_an_unconditional_model_has_no_labels() -> None:
    version = Repository(ROOT / "models").get("lecture", 1)
    generator, discriminator = LoadedGenerator(version), LoadedDiscriminator(version)
    steps = ResolvedQuiz(generator, 7, 20).steps(Originals().of(generator.manifest.dataset), discriminator)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            payload = json.loads(done.value().content)
            break
    assert {picture["real"] for picture in payload["pictures"]} == {True, False}
    for picture in payload["pictures"]:
        assert (picture["label"], picture["class"]) == (None, None)
        expected = (
            PICTURES[picture["source"]] if picture["real"] else generator.draw([generator.point(picture["source"])[0]])[0]
        )
        assert (pixels(file_of(picture)) == expected).all()

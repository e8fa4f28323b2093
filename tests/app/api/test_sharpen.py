"""`/sharpen`: plausible originals of shrunk and blurred pictures."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from app.api.schemas.drawn import Sharpened
from app.images.decoding import decode
from app.images.encoding import enlarge, png, read_text
from app.sampling.sharpener import LoadedSharpener, load
from models import sharpening
from models.repository import Repository
from tests.app.images.test_preprocessing import mnist
from tests.app.reading import pixels
from tests.live import ROOT, service
from tests.training.datasets.pictures import contents
from training.datasets import DatasetRegistry
from training.datasets.importing.conversion import convert

Pixels = sharpening.Pixels
ORIGINAL = mnist(4)[0][3]
SHRUNK = {factor: sharpening.means(ORIGINAL, factor) for factor in (2, 4)}


def ask(client: httpx.Client, picture: Pixels | bytes, **query: object) -> httpx.Response:
    content = picture if isinstance(picture, bytes) else png(picture)
    response = client.post("/sharpen", content=content, params={name: str(value) for name, value in query.items()})
    assert response.status_code == 200, response.text
    return response


def refused(client: httpx.Client, picture: Pixels | bytes, **query: object) -> dict:
    content = picture if isinstance(picture, bytes) else png(picture)
    response = client.post("/sharpen", content=content, params={name: str(value) for name, value in query.items()})
    assert response.headers["content-type"] == "application/problem+json"
    return response.json()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service with all that is shipped."""
    with service(tmp_path_factory.mktemp("sharpen") / "state", shipped=ROOT / "models") as running, running.client() as client:
        yield client


@pytest.fixture(scope="module")
def sharpener() -> LoadedSharpener:
    repository = Repository(ROOT / "models")
    loaded = load(repository.get("sharpen-digits", repository.aliases("sharpen-digits")["champion"]))
    assert isinstance(loaded, LoadedSharpener)
    return loaded


@pytest.mark.parametrize("factor", [2, 4])
def test_shrinking_the_output_gives_the_picture_back_for_every_seed(client: httpx.Client, factor: int) -> None:
    outputs = np.load(io.BytesIO(ask(client, SHRUNK[factor], seeds="0-31", format="npy").content))
    assert outputs.shape == (32, 28, 28)
    for output in outputs:
        means = sharpening.means(output, factor).astype(int)
        assert np.abs(means - SHRUNK[factor]).max() <= 1


def test_a_seed_gives_the_same_output_alone_in_a_sheet_and_among_other_requests(client: httpx.Client) -> None:
    sheet = np.load(io.BytesIO(ask(client, SHRUNK[4], seeds="0-15", format="npy").content))
    with ThreadPoolExecutor(8) as pool:
        alone = list(pool.map(lambda seed: pixels(ask(client, SHRUNK[4], seed=seed).content), range(16)))
    assert (np.stack(alone) == sheet).all()
    assert len({output.tobytes() for output in sheet}) == 16, "each seed gives another output"


def test_the_output_is_what_the_exported_file_gives(client: httpx.Client, sharpener: LoadedSharpener) -> None:
    for picture in (SHRUNK[2], SHRUNK[4], ORIGINAL):
        point = sharpener.sharpen_point(7, sharpening.recognise(picture))
        assert (pixels(ask(client, picture, seed=7).content) == sharpener.draw([point])[0]).all()


@pytest.mark.parametrize(
    ("picture", "query", "factor"),
    [
        (SHRUNK[2], {}, "2"),
        (SHRUNK[4], {}, "4"),
        (ORIGINAL, {}, "blur"),
        (enlarge(SHRUNK[2], 10), {}, "2"),
        (enlarge(SHRUNK[4], 9), {}, "4"),
        (enlarge(ORIGINAL, 5), {}, "blur"),
        (ORIGINAL, {"factor": "2"}, "2"),
        (ORIGINAL, {"factor": "blur"}, "blur"),
    ],
)
def test_the_degradation_is_detected_from_the_picture_or_requested(
    client: httpx.Client, picture: Pixels, query: dict[str, str], factor: str
) -> None:
    response = ask(client, picture, seed=1, **query)
    assert (response.headers["x-factor"], response.headers["x-preprocessing"]) == (factor, "none")
    small = {"2": SHRUNK[2], "4": SHRUNK[4], "blur": ORIGINAL}[factor]
    assert (pixels(response.content) == pixels(ask(client, small, seed=1).content)).all()


def test_a_response_names_the_version_the_seed_and_the_picture(client: httpx.Client, sharpener: LoadedSharpener) -> None:
    content = png(SHRUNK[2])
    digest = hashlib.sha256(content).hexdigest()
    response = ask(client, content, seed="anna", version=sharpener.manifest.version)
    assert response.headers["x-seed"] == "anna"
    assert response.headers["x-model"] == sharpener.title
    assert response.headers["x-input"] == digest
    text = read_text(response.content)
    assert {name: text[name] for name in ("model", "seed", "factor", "input", "generator")} == {
        "model": sharpener.title,
        "seed": "anna",
        "factor": "2",
        "input": digest,
        "generator": sharpener.manifest.digest,
    }
    same, other = (ask(client, content, seed=seed, version=sharpener.manifest.version) for seed in ("anna", "berta"))
    assert same.headers["etag"] == response.headers["etag"] != other.headers["etag"]
    assert same.content == response.content


def test_without_a_seed_a_random_one_is_chosen_and_named(client: httpx.Client) -> None:
    response = ask(client, SHRUNK[4])
    again = ask(client, SHRUNK[4], seed=response.headers["x-seed"])
    assert (pixels(again.content) == pixels(response.content)).all()
    assert response.headers["cache-control"] == "no-store"


def test_every_format_has_the_same_pixels(client: httpx.Client) -> None:
    expected = pixels(ask(client, SHRUNK[2], seed=3).content)
    assert (pixels(ask(client, SHRUNK[2], seed=3, format="webp").content) == expected).all()
    assert (np.load(io.BytesIO(ask(client, SHRUNK[2], seed=3, format="npy").content)) == expected).all()
    assert (pixels(ask(client, SHRUNK[2], seed=3, scale=4).content) == enlarge(expected, 4)).all()
    body = ask(client, SHRUNK[2], seed=3, format="json").json()
    Sharpened.model_validate(body)
    assert (np.array(body["pixels"]) == expected).all()
    assert (pixels(base64.b64decode(body["given"].partition(",")[2])) == sharpening.enlarge(SHRUNK[2])).all()
    with zipfile.ZipFile(io.BytesIO(ask(client, SHRUNK[2], seeds="3,5", format="zip").content)) as archive:
        assert archive.namelist() == ["0000-seed-3.png", "0001-seed-5.png"]
        first = archive.read("0000-seed-3.png")
    assert (pixels(first) == expected).all()
    assert read_text(first)["seed"] == "3"


def test_a_larger_picture_is_converted_like_the_dataset_and_the_response_says_so(client: httpx.Client) -> None:
    photo = 255 - np.pad(enlarge(ORIGINAL, 3), 20)  # dark ink on paper
    response = ask(client, photo, seed=1)
    assert response.headers["x-preprocessing"] == "mnist"
    assert response.headers["x-factor"] == "blur"


@pytest.mark.parametrize("known", [True, False], ids=["imported", "removed"])
def test_a_picture_is_converted_as_those_of_an_imported_dataset_were(tmp_path: Path, known: bool) -> None:
    entry = DatasetRegistry(tmp_path / "state" / "datasets").add(
        "mine", contents(), title="Mine", licence="CC0", record={"fit": "crop", "inverted": True}
    )
    repository = Repository(ROOT / "models")
    found = repository.get("sharpen-digits", repository.aliases("sharpen-digits")["champion"])
    note = found.manifest.dataset.model_copy(update={"name": "mine", "sha256": entry.digest if known else "0" * 64})
    folder = tmp_path / "shipped" / "sharpen-digits" / "1"
    shutil.copytree(found.path, folder)
    manifest = found.manifest.model_copy(update={"dataset": note, "version": 1})
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    photo = 255 - np.pad(enlarge(ORIGINAL, 3), ((20, 20), (60, 60)))  # wider than high, so crop and fit differ
    with service(tmp_path / "state", shipped=tmp_path / "shipped") as running, running.client() as client:
        body = ask(client, photo, seed=1, format="json").json()
    given = pixels(base64.b64decode(body["given"].partition(",")[2]))
    expected = convert(decode(png(photo)), "crop", inverted=True)
    assert (body["preprocessing"], bool((given == expected).all())) == (("mine", True) if known else ("fitted", False))


def test_a_model_with_the_wrong_task_is_rejected_and_a_suitable_one_is_named(client: httpx.Client) -> None:
    problem = refused(client, SHRUNK[2], model="digits")
    assert (problem["status"], problem["code"]) == (422, "task_mismatch")
    assert "sharpen-digits" in problem["detail"]
    for path in ("/generate?seed=1", "/plane?x=0&y=0", "/quiz?seed=1", "/discriminate?seeds=1"):
        problem = client.get(f"{path}&model=sharpen-digits").json()
        assert (problem["status"], problem["code"]) == (422, "task_mismatch"), path
        assert "digits" in problem["detail"].removeprefix("sharpen-digits")
    problem = client.post("/interpolate", json={"keyframes": [1, 2], "model": "sharpen-digits"}).json()
    assert problem["code"] == "task_mismatch"


@pytest.mark.parametrize(
    ("picture", "query", "status", "code"),
    [
        (b"", {}, 422, "picture_invalid"),
        (b"not a picture", {}, 415, "picture_unsupported"),
        (SHRUNK[4], {"factor": "2"}, 422, "picture_invalid"),
        (SHRUNK[4], {"factor": "3"}, 422, "invalid_request"),
        (SHRUNK[4], {"seed": "-1"}, 422, "seed_invalid"),
        (SHRUNK[4], {"seeds": "0-3", "format": "json"}, 422, "invalid_request"),
        (SHRUNK[4], {"seeds": "0-5000"}, 422, "too_much"),
        (SHRUNK[4], {"label": "3"}, 422, "invalid_request"),
        (SHRUNK[4], {"model": "nothing"}, 404, "not_found"),
    ],
)
def test_invalid_input_is_rejected(
    client: httpx.Client, picture: Pixels | bytes, query: dict[str, str], status: int, code: str
) -> None:
    problem = refused(client, picture, **query)
    assert (problem["status"], problem["code"]) == (status, code), problem


def test_the_list_of_models_shows_the_task(client: httpx.Client) -> None:
    tasks = {model["name"]: (model["task"], model["default"]) for model in client.get("/models").json()["models"]}
    assert tasks["digits"] == ("generate", True)
    assert tasks["sharpen-digits"] == ("sharpen", True)
    assert client.get("/models/sharpen-digits/versions/champion").json()["manifest"]["task"] == "sharpen"

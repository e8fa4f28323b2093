"""`/discriminate`: scores of uploaded pictures and of seeds."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path

import httpx
import numpy as np
import onnxruntime
import pytest
from PIL import Image

from app.discriminator.network import LoadedDiscriminator
from app.discriminator.scoring import DiscriminatorScore, ResolvedScores, SeedScores, probability, score
from app.errors import VersionUnusable
from app.images.encoding import png
from app.registry import Registry
from app.sampling.generator import LoadedGenerator
from app.sampling.pictures import Drawing, resolve
from models.manifest import DISCRIMINATOR, MANIFEST, Calibration, Manifest, sha256_of
from models.repository import Repository
from models.version import Version
from tests.app.images.test_decoding import png_of_size, saved
from tests.app.images.test_preprocessing import mnist, seven
from tests.app.reading import pixels
from tests.live import ROOT, SHIPPED
from tests.models.test_repository import copy_of_shipped

FOLDER = SHIPPED / "digits" / "1"
MANIFEST_OF_DIGITS = Manifest.model_validate_json((FOLDER / MANIFEST).read_bytes())


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(FOLDER / DISCRIMINATOR, providers=["CPUExecutionProvider"])


def request_score(client: httpx.Client, content: bytes, **query: object) -> dict:
    response = client.post("/discriminate", content=content, params={k: str(v) for k, v in query.items()})
    assert response.status_code == 200, response.text
    DiscriminatorScore.model_validate(response.json())
    return response.json()


def prepared_picture(payload: dict) -> np.ndarray:
    """Return the preprocessed picture of a response."""
    kind, _, content = payload["prepared"].partition(",")
    assert kind == "data:image/png;base64"
    return pixels(base64.b64decode(content))


def test_enlarging_a_generated_picture_does_not_change_its_score(client: httpx.Client) -> None:
    small, *others = (client.get("/generate", params={"seed": 42, "scale": scale}).content for scale in (1, 8, 32))
    payload = request_score(client, small)
    assert (prepared_picture(payload) == pixels(small)).all()
    for other in others:
        assert request_score(client, other)["logit"] == pytest.approx(payload["logit"], abs=1e-6)


def test_the_logit_matches_the_onnx_discriminator(client: httpx.Client, session: onnxruntime.InferenceSession) -> None:
    for picture, label in zip(*mnist(5), strict=True):
        feed = {"image": picture[None, None].astype(np.float32) / 255, "label": np.eye(10, dtype=np.float32)[[label]]}
        expected = session.run(None, feed)[0][0]
        payload = request_score(client, png(picture), label=label)
        assert payload["logit"] == pytest.approx(expected, abs=1e-5)
        assert (payload["label"], payload["label_name"]) == (label, str(label))
        assert payload["per_label"] is None
        assert (payload["model"], payload["version"]) == ("digits", 1)
        calibration = MANIFEST_OF_DIGITS.calibration
        x = calibration.slope * payload["logit"] + calibration.intercept
        assert payload["probability"] == pytest.approx(1 / (1 + math.exp(-x)))


def test_without_a_label_the_logit_is_the_mean_over_all_classes(client: httpx.Client) -> None:
    payload = request_score(client, png(mnist(1)[0][0]))
    assert payload["logit"] == pytest.approx(np.mean(payload["per_label"]), abs=1e-6)
    assert (payload["label"], payload["label_name"]) == (None, None)
    for label in range(10):
        assert request_score(client, png(mnist(1)[0][0]), label=label)["logit"] == pytest.approx(
            payload["per_label"][label], abs=1e-5
        )


def test_real_digits_score_higher_than_noise(client: httpx.Client) -> None:
    pictures, labels = mnist(60)
    noise = np.random.default_rng(0).integers(0, 256, pictures.shape, dtype=np.uint8)
    for queries in ([{"label": label} for label in labels], [{}] * len(labels)):
        real, noisy = (
            [request_score(client, png(picture), **query)["probability"] for picture, query in zip(group, queries, strict=True)]
            for group in (pictures, noise)
        )
        assert np.mean(real) > np.mean(noisy) + 0.03


def test_a_label_is_accepted_by_index_and_by_name(client: httpx.Client) -> None:
    # The logits do not reveal the right label. A relativistic loss only compares pictures of the same label, so the logits
    # of different labels have different levels.
    digit = png(mnist(1)[0][0])
    logits = [request_score(client, digit, label=label)["logit"] for label in range(10)]
    assert len(set(logits)) == 10
    assert request_score(client, digit, label="007")["logit"] == logits[7]


def test_a_picture_can_be_scored_as_a_mixture(client: httpx.Client, session: onnxruntime.InferenceSession) -> None:
    (picture,) = mnist(1)[0]
    row = np.array([[0, 0, 0, 0.25, 0, 0, 0, 0.75, 0, 0]], dtype=np.float32)
    (expected,) = session.run(None, {"image": picture[None, None].astype(np.float32) / 255, "label": row})[0]
    payload = request_score(client, png(picture), label="7:0.75,3:0.25")
    assert payload["logit"] == pytest.approx(expected, abs=1e-5)
    assert (payload["label"], payload["label_name"], payload["per_label"]) == (None, None, None)
    calibration = MANIFEST_OF_DIGITS.calibration
    assert payload["probability"] == pytest.approx(probability(payload["logit"], calibration), abs=1e-9)


def test_a_drawing_and_its_negative_get_the_same_score(client: httpx.Client) -> None:
    drawing, negative = (request_score(client, saved(seven(*levels), "PNG")) for levels in ((0, 255), (255, 0)))
    assert drawing == negative
    unprocessed = request_score(client, saved(seven(), "PNG"), prepare="none")
    assert (drawing["preprocessing"], unprocessed["preprocessing"]) == ("mnist", "resized")
    assert request_score(client, png(mnist(1)[0][0]))["preprocessing"] == "none"
    assert prepared_picture(unprocessed).min() < 40 < 200 < prepared_picture(unprocessed)[0].min()


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("PNG", "png"), ("JPEG", "jpeg"), ("WEBP", "webp"), ("GIF", "gif"), ("BMP", "bmp"), ("TIFF", "tiff")],
)
def test_every_format_is_detected_regardless_of_the_content_type(client: httpx.Client, kind: str, media_type: str) -> None:
    expected = prepared_picture(request_score(client, saved(seven(), "PNG")))
    content = saved(seven().convert("RGB"), kind)
    for content_type in (f"image/{media_type}", "application/octet-stream", "application/x-www-form-urlencoded", None):
        headers = {} if content_type is None else {"Content-Type": content_type}
        response = client.post("/discriminate", content=content, headers=headers)
        assert response.status_code == 200, response.text
        assert np.abs(prepared_picture(response.json()).astype(int) - expected).max() <= 8
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-model"] == "digits/1"


def speck(level: int, pixels: int, size: tuple[int, int] = (100, 80)) -> Image.Image:
    """Return a blank picture with a row of a few pixels of another level."""
    picture = Image.new("L", size, 255 - level)
    for n in range(pixels):
        picture.putpixel((40 + n, 40) if size[0] > 60 else (10 + n, 10), level)
    return picture


@pytest.mark.parametrize("prepare", ["auto", "none"])
@pytest.mark.parametrize(
    "picture",
    [
        *(Image.new("L", (100, 80), level) for level in (0, 255, 128)),
        Image.new("L", (28, 28), 0),
        Image.new("RGBA", (50, 50), (0, 0, 0, 0)),
        *(speck(level, 1) for level in (0, 255)),
        speck(255, 3, (28, 28)),
    ],
    ids=["black", "white", "grey", "28x28", "transparent", "dark speck", "bright speck", "speck of 28x28"],
)
def test_a_blank_picture_is_not_scored(client: httpx.Client, picture: Image.Image, prepare: str) -> None:
    response = client.post("/discriminate", content=saved(picture, "PNG"), params={"prepare": prepare})
    assert (response.status_code, response.json()["code"]) == (422, "picture_blank")
    assert response.json()["detail"].endswith("Send a picture with a subject on a background.")


def test_a_small_drawing_is_scored(client: httpx.Client) -> None:
    assert prepared_picture(request_score(client, saved(speck(0, 4), "PNG"))).any()


COMPLETE = saved(seven(), "PNG")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "picture_invalid"),
        (COMPLETE[: len(COMPLETE) // 2], 422, "picture_invalid"),
        (saved(seven(), "JPEG")[:-400], 422, "picture_invalid"),
        (b"a picture of a seven", 415, "picture_unsupported"),
        (b'{"seed": 42}', 415, "picture_unsupported"),
        (saved(seven(), "TIFF", compression="tiff_lzw"), 415, "picture_unsupported"),
        (saved(seven(), "PPM"), 415, "picture_unsupported"),
        (COMPLETE[:6], 415, "picture_unsupported"),
        (COMPLETE[:20], 422, "picture_invalid"),
        (b"GIF89a<script>alert(1)</script>", 415, "picture_unsupported"),
        (png_of_size(60_000, 60_000), 413, "picture_too_large"),
        (png_of_size(4_001, 4_000), 413, "picture_too_large"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else None,
)
def test_unreadable_pictures_get_a_problem_with_a_remedy(client: httpx.Client, content: bytes, status: int, code: str) -> None:
    response = client.post("/discriminate", content=content)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"].endswith(("picture.png.", "whole file.", "Scale it down.", "as a PNG."))


@pytest.mark.parametrize("chunked", [False, True])
def test_a_file_over_ten_megabytes_is_rejected_during_the_upload(client: httpx.Client, chunked: bool) -> None:
    sent = 0

    def parts():
        nonlocal sent
        for _ in range(1_000):
            sent += 100_000
            yield bytes(100_000)

    response = client.post("/discriminate", content=parts() if chunked else bytes(10_000_001))
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert "10,000,000 bytes" in response.json()["detail"]
    assert sent < 100_000_000
    allowed = client.post("/discriminate", content=COMPLETE.ljust(10_000_000, b"\0"))
    assert allowed.status_code == 200, "bytes after the end of the picture are ignored"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("label=ten", 422, "label_invalid"),
        ("label=10", 422, "label_invalid"),
        ("label=3:0.5", 422, "label_invalid"),
        ("model=cats", 404, "not_found"),
        ("version=99", 404, "not_found"),
        ("prepare=fully", 422, "invalid_request"),
        ("seed=42", 422, "invalid_request"),
        ("label=1&label=2", 422, "invalid_request"),
    ],
)
def test_an_invalid_query_gets_a_problem(client: httpx.Client, query: str, status: int, code: str) -> None:
    response = client.post(f"/discriminate?{query}", content=COMPLETE)
    assert (response.status_code, response.json()["code"]) == (status, code)


def request_seed_scores(client: httpx.Client, **query: object) -> dict:
    response = client.get("/discriminate", params={k: str(v) for k, v in query.items()})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    SeedScores.model_validate(response.json())
    return response.json()


@pytest.mark.parametrize(
    "query", [{}, {"label": 3}, {"label": "3:0.25,8:0.75"}, {"psi": 0.5}, {"label": 7, "psi": 1.5}], ids=str
)
def test_the_score_of_a_seed_matches_that_of_its_uploaded_picture(client: httpx.Client, query: dict[str, object]) -> None:
    payload = request_seed_scores(client, seeds="40-57,7", **query)
    assert (payload["model"], payload["version"]) == ("digits", 1)
    assert [picture["seed"] for picture in payload["pictures"]] == [*range(40, 58), 7]
    for picture in payload["pictures"]:
        drawn = client.get("/generate", params={"seed": picture["seed"], **query})
        label = drawn.headers.get("x-label")
        assert picture["label"] == (None if label is None else int(label))
        sent = request_score(client, drawn.content, label=query.get("label", label), prepare="none")
        assert picture["logit"] == pytest.approx(sent["logit"], abs=1e-5)
        assert picture["probability"] == pytest.approx(sent["probability"], abs=1e-6)


def test_scores_of_seeds_keep_the_order_and_repetitions_of_the_request(client: httpx.Client) -> None:
    ascending, mixed = (
        request_seed_scores(client, seeds="0-199")["pictures"],
        request_seed_scores(client, seeds="150-199,3,3,0-2")["pictures"],
    )
    assert [picture["seed"] for picture in mixed] == [*range(150, 200), 3, 3, 0, 1, 2]
    for picture in mixed:
        expected = ascending[picture["seed"]]
        assert (picture["seed"], picture["label"]) == (expected["seed"], expected["label"])
        assert picture["logit"] == pytest.approx(expected["logit"], abs=1e-5)
    assert len(request_seed_scores(client, seeds="0-4095")["pictures"]) == 4096


def test_scores_of_seeds_are_cacheable(client: httpx.Client) -> None:
    for query in ({"seeds": "0-9"}, {"seeds": "0-9", "label": "3:0.5,8:0.5", "psi": 0.5}):
        response = client.get("/discriminate", params=query)
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["x-model"] == "digits/1"
        pinned = client.get(response.headers["content-location"])
        assert (pinned.content, pinned.headers["etag"]) == (response.content, response.headers["etag"])
        assert pinned.headers["cache-control"] == "public, max-age=31536000, immutable"
        unmodified = client.get("/discriminate", params=query, headers={"If-None-Match": response.headers["etag"]})
        assert (unmodified.status_code, unmodified.content, unmodified.headers["etag"]) == (304, b"", response.headers["etag"])
        assert client.get("/generate", params=query).headers["etag"] != response.headers["etag"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 422, "invalid_request"),
        ("seeds=", 422, "invalid_request"),
        ("seeds=0-4096", 422, "too_much"),
        ("seeds=3-1", 422, "seed_invalid"),
        ("seeds=cat", 422, "seed_invalid"),
        ("seeds=1&label=10", 422, "label_invalid"),
        ("seeds=1&psi=3", 422, "invalid_request"),
        ("seeds=1&prepare=none", 422, "invalid_request"),
        ("seeds=1&seeds=2", 422, "invalid_request"),
        ("seeds=1&model=cats", 404, "not_found"),
        ("seeds=1&version=99", 404, "not_found"),
    ],
)
def test_an_invalid_query_for_seeds_gets_a_problem(client: httpx.Client, query: str, status: int, code: str) -> None:
    response = client.get(f"/discriminate?{query}")
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.json()["detail"].endswith(".")


def test_an_unconditional_model_scores_its_own_pictures() -> None:
    version = Repository(ROOT / "models").get("lecture", 1)
    generator, discriminator = LoadedGenerator(version), LoadedDiscriminator(version)
    drawing = Drawing(seeds=tuple(range(20)), is_sheet=True)
    steps = ResolvedScores(resolve(drawing, generator)).steps(discriminator)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            payload = json.loads(done.value().content)
            break
    for picture in payload["pictures"]:
        pixels_drawn = generator.draw([generator.point(picture["seed"])[0]])[0]
        sent = score(png(pixels_drawn), "none", None, discriminator)
        assert picture["label"] is None
        assert picture["logit"] == pytest.approx(sent.logit, abs=1e-5)
        assert picture["probability"] == pytest.approx(sent.probability, abs=1e-6)


def test_the_openapi_document_describes_the_request_body(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/discriminate"]["post"]
    body = operation["requestBody"]
    assert body["required"] is True
    formats = {"image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff"}
    assert set(body["content"]) == formats | {"application/octet-stream", "multipart/form-data"}
    for kind in formats | {"application/octet-stream"}:
        assert body["content"][kind] == {"schema": {"type": "string", "format": "binary"}}
    assert set(operation["responses"]) == {"200", "404", "413", "415", "422", "500", "503"}
    assert operation["responses"]["200"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/DiscriminatorScore"
    }


def test_a_probability_does_not_overflow() -> None:
    calibration = Calibration(slope=2, intercept=1, pictures=1)
    assert probability(0, calibration) == pytest.approx(0.7310585786300049, abs=1e-15)
    assert (probability(1e6, calibration), probability(-1e6, calibration)) == (1.0, 0.0)
    assert probability(-100, calibration) == pytest.approx(math.exp(-199), rel=1e-9)


def version_with(folder: Path, **fields: object) -> Version:
    """Return the shipped digits version with changed manifest fields."""
    return Version(folder, MANIFEST_OF_DIGITS.model_copy(update=fields))


def test_without_a_label_the_calibration_for_any_label_is_used_if_it_exists() -> None:
    any_label = Calibration(slope=0, intercept=2, pictures=1)
    discriminator = LoadedDiscriminator(version_with(FOLDER, calibration_any=any_label))
    unlabelled, labelled = (score(COMPLETE, "auto", label, discriminator) for label in (None, 7))
    assert unlabelled.probability == probability(0, any_label)
    assert labelled.probability == probability(labelled.logit, MANIFEST_OF_DIGITS.calibration)
    fallback = score(COMPLETE, "auto", None, LoadedDiscriminator(version_with(FOLDER)))
    assert fallback.probability == probability(fallback.logit, MANIFEST_OF_DIGITS.calibration)


def test_an_unconditional_discriminator_scores_without_labels(tmp_path: Path) -> None:
    import torch

    from training.export.build import write_onnx
    from training.networks.factory import build
    from training.spec import TrainingSpec

    _, network = build(TrainingSpec.from_preset("lecture"), 0)
    write_onnx(network.eval(), tmp_path / DISCRIMINATOR, {"image": torch.rand(2, 1, 28, 28)}, "logit")
    files = MANIFEST_OF_DIGITS.files | {DISCRIMINATOR: sha256_of(tmp_path / DISCRIMINATOR)}
    discriminator = LoadedDiscriminator(version_with(tmp_path, classes=(), files=files))
    found = score(COMPLETE, "auto", None, discriminator)
    picture = prepared_picture(found.model_dump())
    session = onnxruntime.InferenceSession(tmp_path / DISCRIMINATOR, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"image": picture[None, None].astype(np.float32) / 255})[0]
    assert found.logit == pytest.approx(expected, abs=1e-5)
    assert (found.label, found.label_name, found.per_label) == (None, None, None)
    with pytest.raises(VersionUnusable, match="has inputs"):
        LoadedDiscriminator(version_with(tmp_path, files=files))


def test_a_discriminator_is_loaded_once_and_unloaded_with_its_generator(repository: Repository) -> None:
    repository.publish("digits", copy_of_shipped)
    registry = Registry(repository, "digits", 8)
    registry.refresh()
    discriminator = registry.discriminator(registry.generator(None, "2"))
    assert registry.discriminator(registry.generator(None, "2")) is discriminator
    assert len(registry._discriminators) == 1
    repository.delete("digits", 2)
    registry.refresh()
    assert not registry._discriminators


def test_a_discriminator_that_does_not_match_its_manifest_is_rejected_on_first_use(repository: Repository) -> None:
    registry = Registry(repository, "digits", 8)
    registry.refresh()
    generator = registry.generator()
    path = repository.root / "digits" / "1" / DISCRIMINATOR
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(VersionUnusable, match="Restore it"):
        registry.discriminator(generator)
    path.unlink()
    with pytest.raises(VersionUnusable, match="Publish the version again"):
        registry.discriminator(generator)

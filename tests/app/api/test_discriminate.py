"""`POST /discriminate`: scores of uploaded pictures."""

from __future__ import annotations

import math

import httpx
import numpy as np
import onnxruntime
import pytest
from PIL import Image

from app.discriminator.scoring import probability
from app.images.encoding import png
from models.manifest import DISCRIMINATOR, MANIFEST, Manifest
from tests.app.api.discriminate_calls import prepared_picture, request_score
from tests.app.images.test_decoding import png_of_size, saved
from tests.app.images.test_preprocessing import mnist, seven
from tests.app.reading import pixels
from tests.live import SHIPPED

FOLDER = SHIPPED / "digits" / "1"

MANIFEST_OF_DIGITS = Manifest.model_validate_json((FOLDER / MANIFEST).read_bytes())


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(FOLDER / DISCRIMINATOR, providers=["CPUExecutionProvider"])


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

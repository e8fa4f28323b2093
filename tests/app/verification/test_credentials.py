"""`/credentials` signs what it has drawn again, and C2PA's own reader finds the signature valid."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import c2pa
import httpx
import pytest
from PIL import Image, PngImagePlugin
from pydantic import ValidationError

from app.images import encoding
from app.main import create_app
from app.settings import Settings
from app.verification.credentials import ENHANCED, GENERATED, LABEL
from models import sharpening
from tests.app.images.test_preprocessing import mnist
from tests.app.reading import pixels
from tests.certificates import Certificates, make
from tests.live import ROOT, service


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[httpx.Client]:
    settings = {"c2pa_certificates": certificates.chain, "c2pa_key": certificates.key, "shipped": ROOT / "models"}
    with service(tmp_path_factory.mktemp("signing") / "state", **settings) as running, running.client() as client:
        yield client


def read(content: bytes, **settings: Any) -> tuple[str, dict[str, Any]]:
    """Return the state of the signature and the active manifest, according to the C2PA's reader."""
    context = c2pa.Context(settings=c2pa.Settings.from_dict(settings)) if settings else None
    with c2pa.Reader("image/png", io.BytesIO(content), context=context) as reader:
        store = json.loads(reader.json())
        return str(reader.get_validation_state()), store["manifests"][store["active_manifest"]]


def assertions(manifest: dict[str, Any]) -> dict[str, Any]:
    return {each["label"]: each["data"] for each in manifest["assertions"]}


def test_a_signed_picture_has_a_valid_manifest_that_says_how_it_was_made(
    client: httpx.Client, certificates: Certificates
) -> None:
    picture = client.get("/generate?seed=42").content
    response = client.post("/credentials", content=picture)
    assert response.status_code == 200, response.text
    assert (response.headers["content-type"], response.headers["cache-control"]) == ("image/png", "no-store")
    signed = response.content
    state, manifest = read(signed)
    assert state == "Valid"
    found = assertions(manifest)
    (action,) = found["c2pa.actions.v2"]["actions"]
    assert (action["action"], action["digitalSourceType"]) == ("c2pa.created", GENERATED)
    assert (found[LABEL]["model"], found[LABEL]["version"], found[LABEL]["text"]["seed"]) == ("digits", 4, "42")
    assert client.get(found[LABEL]["url"]).content == picture
    assert manifest["signature_info"]["common_name"] == "Publisher"
    trusting = {"trust": {"user_anchors": certificates.root.read_text()}, "verify": {"verify_trust": True}}
    assert read(signed, **trusting)[0] == "Trusted"


def test_pixels_and_text_stay_so_that_arithmetic_still_proves_the_picture(client: httpx.Client) -> None:
    for query in ("seed=42", "seeds=0-8&scale=2", "parents=42,7&child=3"):
        picture = client.get(f"/generate?{query}").content
        signed = client.post("/credentials", content=picture).content
        assert (pixels(signed) == pixels(picture)).all()
        assert encoding.read_text(signed) == encoding.read_text(picture)
        assert client.post("/verify", content=signed).json()["verdict"] == "equal"
    assert client.get("/generate?seed=42").content == client.get("/generate?seed=42").content, "/generate does not sign"


def test_a_sharpened_picture_is_marked_as_enhanced(client: httpx.Client) -> None:
    blurred = encoding.png(sharpening.means(mnist(4)[0][3], 2))
    sharp = client.post("/sharpen?seed=1", content=blurred)
    assert sharp.status_code == 200, sharp.text
    _, manifest = read(client.post("/credentials", content=sharp.content).content)
    assert assertions(manifest)["c2pa.actions.v2"]["actions"][0]["digitalSourceType"] == ENHANCED


def test_a_signed_picture_that_is_changed_afterwards_is_invalid(client: httpx.Client) -> None:
    signed = bytearray(client.post("/credentials", content=client.get("/generate?seed=42").content).content)
    signed[-20] ^= 1
    assert read(bytes(signed))[0] == "Invalid"


def test_what_is_not_proven_is_not_signed(client: httpx.Client) -> None:
    picture = client.get("/generate?seed=42").content
    with Image.open(io.BytesIO(picture)) as opened:
        changed = opened.copy()
        changed.putpixel((14, 14), 7)
        file = io.BytesIO()
        text = PngImagePlugin.PngInfo()
        for name, value in opened.text.items():  # type: ignore[attr-defined]
            text.add_text(name, value)
        changed.save(file, "PNG", pnginfo=text)
    for content in (file.getvalue(), encoding.png(mnist(1)[0][0])):
        response = client.post("/credentials", content=content)
        assert (response.status_code, response.json()["code"]) == (422, "picture_unproven"), response.text
        assert response.json()["detail"].endswith("Send an unaltered PNG of this service.")


def test_without_a_certificate_nothing_is_signed(live: httpx.Client | Any) -> None:
    with live.client() as client:
        response = client.post("/credentials", content=client.get("/generate?seed=42").content)
    assert (response.status_code, response.json()["code"]) == (404, "credentials_disabled")
    assert "POST /verify" in response.json()["detail"]


def test_a_service_does_not_start_with_a_certificate_that_cannot_sign(tmp_path: Path, certificates: Certificates) -> None:
    with pytest.raises(ValidationError, match="set both or neither"):
        Settings(state=tmp_path, c2pa_certificates=certificates.chain)
    (tmp_path / "wrong.pem").write_text("no key")
    with pytest.raises(ValueError, match=r"See docs/verifying\.md"):
        create_app(Settings(state=tmp_path, c2pa_certificates=certificates.chain, c2pa_key=tmp_path / "wrong.pem"))
    other = make(tmp_path)
    with pytest.raises(ValueError, match=r"See docs/verifying\.md"):
        create_app(Settings(state=tmp_path, c2pa_certificates=certificates.chain, c2pa_key=other.key))
    with pytest.raises(FileNotFoundError):
        create_app(Settings(state=tmp_path, c2pa_certificates=tmp_path / "missing", c2pa_key=certificates.key))

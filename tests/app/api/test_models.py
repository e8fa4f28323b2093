"""`/models`: models, versions, cards and samples."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from models.manifest import CARD, MANIFEST, SAMPLES, Manifest
from models.repository import Repository
from tests.live import SHIPPED, service
from tests.models.test_repository import copy_of_shipped

FOLDER = SHIPPED / "digits" / "1"


def test_the_list_contains_every_model_with_its_metrics(client: httpx.Client) -> None:
    (digits,) = [m for m in client.get("/models").json()["models"] if m["name"] == "digits"]
    assert digits == client.get("/models/digits").json()
    assert digits["default"] is True
    assert digits["aliases"] == {"champion": 1}
    (version,) = digits["versions"]
    assert (version["version"], version["state"], version["aliases"]) == (1, "loaded", ["champion"])
    manifest = Manifest.model_validate_json((FOLDER / "manifest.json").read_bytes())
    assert version["metrics"] == {name: figure.value for name, figure in manifest.metrics.items()}
    assert client.get(version["url"]).status_code == 200


@pytest.mark.parametrize("version", ["1", "champion"])
def test_a_version_has_a_manifest_a_card_and_samples(client: httpx.Client, version: str) -> None:
    payload = client.get(f"/models/digits/versions/{version}").json()
    assert Manifest.model_validate(payload["manifest"]) == Manifest.model_validate_json((FOLDER / "manifest.json").read_bytes())
    assert payload["state"] == "loaded"
    card = client.get(payload["card"])
    assert card.headers["content-type"] == "text/markdown; charset=utf-8"
    assert card.content == (FOLDER / CARD).read_bytes()
    samples = client.get(payload["samples"])
    assert (samples.headers["content-type"], samples.content) == ("image/png", (FOLDER / SAMPLES).read_bytes())


def test_a_file_is_immutable_by_number_and_revalidated_by_alias(client: httpx.Client) -> None:
    for version, policy in (("1", "public, max-age=31536000, immutable"), ("champion", "no-cache")):
        response = client.get(f"/models/digits/versions/{version}/samples.png")
        assert response.headers["cache-control"] == policy
        again = client.get(
            f"/models/digits/versions/{version}/samples.png", headers={"If-None-Match": response.headers["etag"]}
        )
        assert again.status_code == 304


def test_a_card_is_revalidated_because_directions_may_be_added(client: httpx.Client) -> None:
    response = client.get("/models/digits/versions/1/card")
    assert response.headers["cache-control"] == "no-cache"
    again = client.get("/models/digits/versions/1/card", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


def test_a_version_without_directions_says_how_to_measure_them(client: httpx.Client) -> None:
    assert client.get("/models/digits/versions/1").json()["directions"] is None
    response = client.get("/models/digits/versions/1/directions.json")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert response.json()["detail"].endswith("Measure them with: python -m training directions.")


def test_a_version_that_copies_its_training_pictures_is_listed_with_a_warning(tmp_path: Path) -> None:
    def fill(folder: Path, number: int) -> None:
        copy_of_shipped(folder, number)
        manifest = json.loads((folder / MANIFEST).read_text())
        manifest["metrics"]["copied"] = {"value": 0.42, "floor": 0.01, "better": "lower", "what": "share of copies"}
        (folder / MANIFEST).write_text(json.dumps(manifest))

    repository = Repository(tmp_path / "state" / "models")
    for step in (copy_of_shipped, fill):
        repository.publish("digits", step)
    with service(tmp_path / "state", embedded_worker=False) as running, running.client() as client:
        first, second = client.get("/models/digits").json()["versions"]
        detail = client.get("/models/digits/versions/2").json()
    assert first["warning"] is None
    assert second["warning"] == detail["warning"]
    assert second["warning"].startswith(
        "It copies: 42.0% of its pictures are copies of training pictures, against 1.0% of real"
    )


@pytest.mark.parametrize(
    "path",
    [
        "/models/nope",
        "/models/digits/versions/2",
        "/models/digits/versions/0",
        "/models/digits/versions/nope",
        "/models/digits/versions/1/manifest.json",
        "/models/digits/versions/..%2f..%2fetc/card",
        "/models/..%2f..%2fetc/versions/1/card",
        "/models/digits/versions/%31%00/card",
    ],
)
def test_missing_models_and_versions_get_404(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert response.headers["content-type"] == "application/problem+json"

"""A retraining that begins with the weights of the champion."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models import encoder
from models.manifest import WEIGHTS
from models.repository import Repository
from models.version import copier
from tests.app.retraining.jobs import SETTINGS, Admin, admin_of
from tests.live import ROOT, service
from tests.waiting import attempts


@pytest.fixture
def warm(tmp_path: Path, trainers_cache: Path) -> Iterator[Admin]:
    """An administrator of a service whose champion has weights: digits/1 is the shipped champion under another number."""
    repository, shipped = Repository(ROOT / "models"), Repository(tmp_path / "shipped")
    champion = repository.get("digits", repository.aliases("digits")["champion"])
    shipped.publish("digits", copier(champion))
    for file in (encoder.NETWORK, encoder.FILE):
        shipped.add_companion("digits", champion.manifest.digest, file, champion.companion(file).read_bytes())
    settings = {"cache": trainers_cache, "shipped": shipped.root, "encoder_images": 1_000}
    with service(tmp_path / "state", **settings, **SETTINGS) as running:
        yield admin_of(running)


def test_a_job_can_be_limited_in_minutes_and_a_warm_start_begins_with_the_champion(warm: Admin, tmp_path: Path) -> None:
    """Two seconds at a negligible learning rate, so that the result draws the same pictures as the shipped digits."""
    admin = warm
    frozen = {"learning_rate": 1e-12, "final_learning_rate": 1e-12, "ema_images": 0, "log_every": 64}
    frozen |= {"metrics_every": 0, "patience": 0}
    body = {"budget": {"minutes": 1 / 30}, "warm_start": True, "spec": frozen, "promote": "never"}
    response = admin.client.post("/admin/retrain", json=body)
    assert response.status_code == 202, response.text
    started = response.json()
    shipped = Repository(tmp_path / "shipped").get("digits", 1).manifest
    assert started["spec"]["initial_weights"] == shipped.files[WEIGHTS]
    assert started["spec"]["images"] == 10**9
    assert started["spec"]["generator_widths"] == shipped.spec["generator_widths"]
    done = admin.wait(started["id"], "succeeded", "failed")
    assert done["state"] == "succeeded", done
    assert (done["parent"], done["promoted"]) == (1, False)
    print(done["gate"])
    trained = next(data for kind, _, data in admin.events(started["id"]) if kind == "trained")
    assert trained["reason"] == "budget"
    assert trained["seconds"] >= 2
    for _ in attempts(0.05):  # the catalogue is updated within a second
        if admin.client.get(f"/models/digits/versions/{done['version']}").status_code == 200:
            break
    responses = [admin.client.get(f"/generate?seeds=0-99&format=npy&version={v}") for v in (1, done["version"])]
    before, after = (np.load(io.BytesIO(response.content)).astype(int) for response in responses)
    assert np.abs(after - before).mean() < 1  # two exports may differ by this much
    assert admin.client.get(f"/models/digits/versions/{done['version']}").json()["manifest"]["parent"] == 1

    own = Repository(tmp_path / "state" / "models").get("digits", done["version"])
    versions = Repository(tmp_path / "shipped").get("digits", 1), own
    first, second = (encoder.read(each.companion(encoder.FILE), each.manifest.digest) for each in versions)
    assert first is not None
    assert second is not None, admin.log(started["id"])
    assert (second.initial, second.images) == (first.sha256, 1_024)
    assert second.quality.test < 1.2 * first.quality.test, "the encoder continues that of the parent"
    picture = admin.client.get(f"/generate?seed=42&version={done['version']}").content
    found = admin.client.post(f"/invert?version={done['version']}", content=picture)
    assert found.status_code == 200, found.text
    assert "## Inversion" in admin.client.get(f"/models/digits/versions/{done['version']}/card").text


def test_a_warm_start_needs_a_champion(admin: Admin) -> None:
    response = admin.client.post("/admin/retrain", json={"model": "unheard-of", "warm_start": True})
    assert (response.status_code, response.json()["code"]) == (404, "not_found")

"""Calls of `/discriminate` that have to succeed."""

from __future__ import annotations

import base64

import httpx
import numpy as np

from app.discriminator.scoring import DiscriminatorScore
from tests.app.reading import pixels


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

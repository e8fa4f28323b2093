"""Calls of `/generate` that have to succeed."""

from __future__ import annotations

import httpx

FOREVER = "public, max-age=31536000, immutable"
"""Cache-Control of a picture that never changes."""


def get(client: httpx.Client, **query: object) -> httpx.Response:
    response = client.get("/generate", params={k: str(v) for k, v in query.items()})
    assert response.status_code == 200, response.text
    return response


def post(client: httpx.Client, **body: object) -> httpx.Response:
    response = client.post("/generate", json=body)
    assert response.status_code == 200, response.text
    return response

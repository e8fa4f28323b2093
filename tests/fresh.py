"""Requests over a new connection each, which may reach another worker of the service.

They do not load certificates, which takes longer than most requests, and wait as long as a slow machine needs.
"""

from __future__ import annotations

from typing import Any

import httpx

from tests.waiting import LIMIT_SECONDS


def request(method: str, url: str, **options: Any) -> httpx.Response:
    """Send a request with the options of `httpx.request`."""
    return httpx.request(method, url, timeout=LIMIT_SECONDS, trust_env=False, verify=False, **options)


def get(url: str, **options: Any) -> httpx.Response:
    return request("GET", url, **options)


def head(url: str, **options: Any) -> httpx.Response:
    return request("HEAD", url, **options)


def post(url: str, **options: Any) -> httpx.Response:
    return request("POST", url, **options)


def put(url: str, **options: Any) -> httpx.Response:
    return request("PUT", url, **options)

"""`/generate`: what may be cached, entity tags, and the address that never changes."""

from __future__ import annotations

import httpx
import pytest

from tests.app.api.generate_calls import FOREVER, get


def test_an_alias_is_revalidated_and_returns_its_pinned_url(client: httpx.Client) -> None:
    response = get(client, seed=42)
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-model"] == "digits/1"
    pinned = client.get(response.headers["content-location"])
    assert (pinned.content, pinned.headers["etag"]) == (response.content, response.headers["etag"])
    assert pinned.headers["cache-control"] == FOREVER
    assert "content-location" not in pinned.headers


@pytest.mark.parametrize(
    "query",
    [
        {"seed": "42", "label": "7", "psi": "0.7", "format": "webp", "scale": "3"},
        {"seeds": "0-5,9", "columns": "3", "format": "png"},
        {"seeds": "7", "format": "npy"},
        {"seed": "a b&c=d/é", "format": "json"},
    ],
    ids=str,
)
def test_the_pinned_url_gives_the_same_bytes(client: httpx.Client, query: dict[str, str]) -> None:
    response = get(client, **query)
    assert client.get(response.headers["content-location"]).content == response.content


def test_a_random_seed_is_returned_and_not_cached(client: httpx.Client) -> None:
    responses = [get(client) for _ in range(3)]
    assert len({a.headers["x-seed"] for a in responses}) == 3
    for response in responses:
        assert response.headers["cache-control"] == "no-store"
        assert client.get(response.headers["content-location"]).content == response.content
        assert get(client, seed=response.headers["x-seed"]).content == response.content


@pytest.mark.parametrize("template", ["{}", "W/{}", '"other", {}', "*", '"a",W/{}'])
def test_if_none_match_gets_304_with_the_headers_of_the_200(client: httpx.Client, template: str) -> None:
    for query in ({"seed": 42}, {"seed": 42, "version": 1}, {"seeds": "0-9", "format": "zip"}):
        full = get(client, **query)
        response = client.get("/generate", params=query, headers={"If-None-Match": template.format(full.headers["etag"])})
        assert (response.status_code, response.content) == (304, b"")
        for name in ("etag", "cache-control", "content-location"):
            assert response.headers.get(name) == full.headers.get(name)


def test_different_requests_have_different_entity_tags(client: httpx.Client) -> None:
    queries = [
        {"seed": 42},
        {"seed": "forty-two"},
        {"seed": 42, "label": 3},
        {"seed": 42, "psi": 0.5},
        {"seed": 42, "format": "webp"},
        {"seed": 42, "format": "json"},
        {"seed": 42, "scale": 2},
        {"seeds": "42"},
        {"seeds": "42,43"},
        {"seeds": "42,43", "columns": 1},
    ]
    tags = [get(client, **query).headers["etag"] for query in queries]
    assert len(set(tags)) == len(queries)
    response = client.get("/generate", params=queries[1], headers={"If-None-Match": tags[0]})
    assert response.status_code == 200


def test_an_entity_tag_may_be_in_any_if_none_match_line(client: httpx.Client) -> None:
    tag = get(client, seed=42).headers["etag"]
    lines = [("If-None-Match", '"other"'), ("If-None-Match", tag)]
    assert client.get("/generate?seed=42", headers=lines).status_code == 304
    assert client.get("/generate", headers={"If-None-Match": "*"}).status_code == 200, "a random seed never gets a 304"


def test_head_returns_the_headers_of_get_without_a_body(client: httpx.Client) -> None:
    for url in (
        "/generate?seed=42",
        "/generate?seeds=0-3&format=zip",
        "/models",
        "/livez",
        "/models/digits/versions/1/samples.png",
    ):
        full, head = client.get(url), client.head(url)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "content-length", "etag", "cache-control"):
            assert head.headers.get(name) == full.headers.get(name)

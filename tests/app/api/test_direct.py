"""The direct path of `GET /generate` responds exactly as the route does, and overload gets a 503."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import fresh
from tests.live import Service
from tests.waiting import LIMIT_SECONDS

AS_ROUTE = {"Content-Length": "0"}
"""Makes the route handle a request: requests with a body, even an empty one, do not take the direct path."""

seeds = st.one_of(st.integers(-1, 2**32).map(str), st.text(max_size=8), st.just("1.5"))
queries = st.fixed_dictionaries(
    {},
    optional={
        "seed": seeds,
        "seeds": st.sampled_from(["0-3", "7", "3-1", ""]),
        "parents": st.sampled_from(["42,7", "(42,7,3),99", "42", ""]),
        "child": st.sampled_from(["3", "-1"]),
        "label": st.sampled_from(["3", "7", "ten", "11", "3:0.5,8:0.5", "3:0.5"]),
        "psi": st.sampled_from(["0.5", "1", "1e0", "2.5", "nan", "x"]),
        "model": st.sampled_from(["digits", "none"]),
        "version": st.sampled_from(["1", "champion", "9"]),
        "format": st.sampled_from(["png", "webp", "json", "npy", "zip", "bmp"]),
        "scale": st.sampled_from(["1", "4", "5", "33", "1.0", " 2"]),
        "columns": st.sampled_from(["2", "0"]),
        "unknown": st.just("1"),
        "v": st.just("1"),
        "_": st.just("1700000000"),
        "utm_source": st.sampled_from(["x", ""]),
    },
)


def both(client: httpx.Client, query: str, **headers: str) -> tuple[httpx.Response, httpx.Response]:
    url = f"/generate?{query}"
    return client.get(url, headers=headers), client.request("GET", url, headers=headers | AS_ROUTE)


def comparable(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    varying = ("date", "x-request-id")
    return response.status_code, response.content, {k: v for k, v in response.headers.items() if k not in varying}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=queries)
def test_the_direct_path_and_the_route_respond_identically(client: httpx.Client, query: dict[str, str]) -> None:
    if not {"seed", "seeds"} & set(query) and not {"parents", "child"} <= set(query):
        query["seed"] = "42"  # a random seed would differ
    direct, route = both(client, urlencode(query))
    assert comparable(direct) == comparable(route)


@pytest.mark.parametrize(
    "query", ["seed=%FF", "seed=1&seed=2", "seed=1&seed=1", "seed", "seed=1;label=2", "seed=a+b", "=", "%"]
)
def test_malformed_queries_get_identical_responses(client: httpx.Client, query: str) -> None:
    direct, route = both(client, query)
    if "x-seed" in direct.headers and direct.headers["cache-control"] == "no-store":
        assert direct.status_code == route.status_code == 200
    else:
        assert comparable(direct) == comparable(route)


def test_conditional_requests_get_identical_responses(client: httpx.Client) -> None:
    tag = client.get("/generate?seed=42").headers["etag"]
    direct, route = both(client, "seed=42", **{"If-None-Match": tag})
    assert direct.status_code == 304
    assert comparable(direct) == comparable(route)


def test_a_get_request_with_a_large_body_is_rejected(client: httpx.Client) -> None:
    response = client.request("GET", "/generate?seed=42", content=b"x" * 2_000_000)
    assert response.status_code == 413


def test_under_overload_every_request_gets_a_correct_picture_or_503(live: Service) -> None:
    """Opens more connections than can be served within the maximum waiting time."""
    expected = fresh.get(f"{live.url}/generate?seed=7&version=1").content
    port = int(live.url.rpartition(":")[2])

    async def send(number: int, gate: asyncio.Event) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await gate.wait()
        seed = 7 if number % 10 == 0 else 1_000_000 + number
        writer.write(f"GET /generate?seed={seed}&version=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        response = await asyncio.wait_for(reader.read(), LIMIT_SECONDS)
        writer.close()
        return response

    async def flood() -> list[bytes]:
        gate = asyncio.Event()
        tasks = [asyncio.create_task(send(number, gate)) for number in range(800)]
        await asyncio.sleep(1)
        gate.set()
        return await asyncio.gather(*tasks)

    responses = asyncio.run(flood())
    for number, response in enumerate(responses):
        head, _, body = response.partition(b"\r\n\r\n")
        status = head.split()[1]
        assert status in (b"200", b"503")
        if status == b"503":
            assert b"retry-after: 1" in head.lower()
            assert b'"code":"overloaded"' in body
        elif number % 10 == 0:
            assert body == expected
    assert sum(response.startswith(b"HTTP/1.1 200") for response in responses) >= 80, "cached pictures are never rejected"

"""`/generate`: invalid requests and bodies."""

from __future__ import annotations

import json

import httpx
import pytest


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("42", 404),
        ("42.bmp", 422),
        ("42.zip", 422),
        ("42.png?seed=43", 422),
        ("42.png?format=webp", 422),
        ("42.png?seeds=1-2", 422),
    ],
)
def test_other_paths_below_generate_are_rejected(client: httpx.Client, path: str, status: int) -> None:
    response = client.get(f"/generate/{path}")
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("name", ["v", "t", "ref", "utm", "UTM_source", "sead", "fbclid2"])
def test_other_unknown_parameters_are_rejected(client: httpx.Client, name: str) -> None:
    response = client.get(f"/generate?seed=42&{name}=1")
    assert response.status_code == 422
    assert name in response.json()["detail"]


def test_a_large_invalid_body_gets_a_small_response(client: httpx.Client) -> None:
    for path, body in (
        ("/interpolate", {"keyframes": [{"z": [""] * 1024}] * 200}),
        ("/generate", {"z": [""] * 1024, "label": [[]] * 1000, "seeds": [[]] * 4096}),
        ("/generate", {f"unknown {n}": n for n in range(30_000)}),
        ("/generate", {"x" * 900_000: 1}),
    ):
        response = client.post(path, json=body)
        assert response.status_code == 422
        assert len(response.content) < 10_000, path


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("seed=-1", 422, "seed_invalid"),
        ("seed=4294967296", 422, "seed_invalid"),
        ("seed=1.5", 422, "seed_invalid"),
        ("seed=", 422, "seed_invalid"),
        ("seed=%FF", 422, "invalid_request"),
        ("seed=1&seed=2", 422, "invalid_request"),
        ("seeds=0-1023&scale=5&format=webp", 422, "too_much"),
        ("seeds=5-3", 422, "seed_invalid"),
        ("seeds=0-4096", 422, "too_much"),
        ("seed=1&seeds=2", 422, "invalid_request"),
        ("seed=1&label=10", 422, "label_invalid"),
        ("seed=1&label=cat", 422, "label_invalid"),
        ("seed=1&label=3:0.5", 422, "label_invalid"),
        ("seed=1&label=3:0.5,3:0.5", 422, "label_invalid"),
        (f"seed=1&label={'x' * 401}", 422, "invalid_request"),
        ("seed=1&psi=2.1", 422, "invalid_request"),
        ("seed=1&psi=nan", 422, "invalid_request"),
        ("seed=1&scale=33", 422, "invalid_request"),
        ("seed=1&format=bmp", 422, "invalid_request"),
        ("seed=1&format=zip", 422, "invalid_request"),
        ("seeds=1,2&format=json", 422, "invalid_request"),
        ("seed=1&columns=2", 422, "invalid_request"),
        ("seed=1&colour=red", 422, "invalid_request"),
        ("seeds=0-4095&scale=32", 422, "too_much"),
        ("seeds=0-4095&columns=1&format=webp", 422, "too_much"),
        ("seeds=0,1&columns=4096&scale=32", 422, "too_much"),
        ("seed=1&model=nope", 404, "not_found"),
        ("seed=1&model=../digits", 404, "not_found"),
        ("seed=1&version=99", 404, "not_found"),
        ("seed=1&version=previous", 404, "not_found"),
    ],
)
def test_an_invalid_request_gets_a_problem_with_a_remedy(client: httpx.Client, query: str, status: int, code: str) -> None:
    response = client.get(f"/generate?{query}")
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"].endswith(".")
    assert response.json()["status"] == status


@pytest.mark.parametrize(
    "body",
    [
        {"seed": 1.5},
        {"seed": True},
        {"seed": -1},
        {"seed": "1.5"},
        {"seed": None, "seeds": [1.5]},
        {"seed": 1, "z": [0.0] * 100},
        {"z": [0.0] * 99, "label": 1},
        {"z": [1e300] * 100, "label": 1},
        {"z": [3e38] * 100, "label": 1, "psi": 2},
        {"z": ["a"], "label": 1},
        {"seed": 1, "label": [0.5, 0.5]},
        {"seed": 1, "label": [1.0] * 10},
        {"seed": 1, "label": 1.5},
        {"seed": "\ud800"},
        [],
        "seed",
    ],
    ids=str,
)
def test_an_invalid_body_gets_a_problem(client: httpx.Client, body: object) -> None:
    response = client.post("/generate", content=json.dumps(body), headers={"content-type": "application/json"})
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"].endswith(".")


def test_invalid_json_gets_a_problem(client: httpx.Client) -> None:
    deep = b"[" * 100_000
    for content in (b"{", b"\xff\xfe", b"", deep, b'{"seed": NaN}', b'{"psi": Infinity}', b'{"seed": 1e999}'):
        response = client.post("/generate", content=content, headers={"content-type": "application/json"})
        assert response.status_code == (400 if content is deep else 422), (content[:20], response.text)
        assert response.json()["detail"].endswith(".")
        assert response.headers["content-type"] == "application/problem+json"

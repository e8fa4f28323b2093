"""`GET /discriminate`: scores of seeds."""

from __future__ import annotations

import httpx
import pytest

from app.discriminator.scoring import SeedScores
from tests.app.api.discriminate_calls import request_score


def request_seed_scores(client: httpx.Client, **query: object) -> dict:
    response = client.get("/discriminate", params={k: str(v) for k, v in query.items()})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    SeedScores.model_validate(response.json())
    return response.json()


@pytest.mark.parametrize(
    "query", [{}, {"label": 3}, {"label": "3:0.25,8:0.75"}, {"psi": 0.5}, {"label": 7, "psi": 1.5}], ids=str
)
def test_the_score_of_a_seed_matches_that_of_its_uploaded_picture(client: httpx.Client, query: dict[str, object]) -> None:
    payload = request_seed_scores(client, seeds="40-57,7", **query)
    assert (payload["model"], payload["version"]) == ("digits", 1)
    assert [picture["seed"] for picture in payload["pictures"]] == [*range(40, 58), 7]
    for picture in payload["pictures"]:
        drawn = client.get("/generate", params={"seed": picture["seed"], **query})
        label = drawn.headers.get("x-label")
        assert picture["label"] == (None if label is None else int(label))
        sent = request_score(client, drawn.content, label=query.get("label", label), prepare="none")
        assert picture["logit"] == pytest.approx(sent["logit"], abs=1e-5)
        assert picture["probability"] == pytest.approx(sent["probability"], abs=1e-6)


def test_scores_of_seeds_keep_the_order_and_repetitions_of_the_request(client: httpx.Client) -> None:
    ascending, mixed = (
        request_seed_scores(client, seeds="0-199")["pictures"],
        request_seed_scores(client, seeds="150-199,3,3,0-2")["pictures"],
    )
    assert [picture["seed"] for picture in mixed] == [*range(150, 200), 3, 3, 0, 1, 2]
    for picture in mixed:
        expected = ascending[picture["seed"]]
        assert (picture["seed"], picture["label"]) == (expected["seed"], expected["label"])
        assert picture["logit"] == pytest.approx(expected["logit"], abs=1e-5)
    assert len(request_seed_scores(client, seeds="0-4095")["pictures"]) == 4096


def test_scores_of_seeds_are_cacheable(client: httpx.Client) -> None:
    for query in ({"seeds": "0-9"}, {"seeds": "0-9", "label": "3:0.5,8:0.5", "psi": 0.5}):
        response = client.get("/discriminate", params=query)
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["x-model"] == "digits/1"
        pinned = client.get(response.headers["content-location"])
        assert (pinned.content, pinned.headers["etag"]) == (response.content, response.headers["etag"])
        assert pinned.headers["cache-control"] == "public, max-age=31536000, immutable"
        unmodified = client.get("/discriminate", params=query, headers={"If-None-Match": response.headers["etag"]})
        assert (unmodified.status_code, unmodified.content, unmodified.headers["etag"]) == (304, b"", response.headers["etag"])
        assert client.get("/generate", params=query).headers["etag"] != response.headers["etag"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 422, "invalid_request"),
        ("seeds=", 422, "invalid_request"),
        ("seeds=0-4096", 422, "too_much"),
        ("seeds=3-1", 422, "seed_invalid"),
        ("seeds=cat", 422, "seed_invalid"),
        ("seeds=1&label=10", 422, "label_invalid"),
        ("seeds=1&psi=3", 422, "invalid_request"),
        ("seeds=1&prepare=none", 422, "invalid_request"),
        ("seeds=1&seeds=2", 422, "invalid_request"),
        ("seeds=1&model=cats", 404, "not_found"),
        ("seeds=1&version=99", 404, "not_found"),
    ],
)
def test_an_invalid_query_for_seeds_gets_a_problem(client: httpx.Client, query: str, status: int, code: str) -> None:
    response = client.get(f"/discriminate?{query}")
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.json()["detail"].endswith(".")

"""`/generate?parents=`: pictures of children."""

from __future__ import annotations

from urllib.parse import unquote

import httpx
import pytest

from app.images.encoding import read_text
from app.sampling.generator import LoadedGenerator
from models import breeding
from models.breeding import Child
from tests.app.api.generate_calls import FOREVER, get, post


def test_a_child_is_a_picture_for_ever_and_says_who_its_parents_are(client: httpx.Client) -> None:
    response = get(client, parents="42,7", child=3)
    headers = response.headers
    assert (headers["x-parents"], headers["x-child"], headers.get("x-seed")) == ("42,7", "3", None)
    assert headers["content-location"] == "/generate?parents=42,7&child=3&model=digits&version=1"
    assert headers["cache-control"] == "no-cache"
    text = read_text(response.content)
    assert (text["parents"], text["child"], text["breeding"]) == ("42,7", "3", "breed-v1")
    assert {"seed", "seeds", "z"}.isdisjoint(text)
    pinned = client.get(headers["content-location"])
    assert (pinned.content, pinned.headers["etag"]) == (response.content, headers["etag"])
    assert pinned.headers["cache-control"] == FOREVER
    assert client.get(headers["content-location"], headers={"If-None-Match": headers["etag"]}).status_code == 304
    others = [{"child": 4}, {"parents": "7,42"}, {"parents": "42,7,7"}, {"label": 1}, {"psi": 0.5}, {"scale": 2}]
    tags = {get(client, **({"parents": "42,7", "child": 3} | other)).headers["etag"] for other in others}
    assert len(tags | {headers["etag"]}) == 7


def test_a_child_has_the_latent_of_the_contract_and_can_be_a_parent(client: httpx.Client, digits: LoadedGenerator) -> None:
    child = Child((Child((42, 7), 3), "анна"), 99)
    z, label = breeding.draw(child, 100, 10)
    body = get(client, parents="(42,7,3),анна", child=99, format="json").json()
    assert (body["seed"], body["parents"], body["child"], body["label"]) == (None, "(42,7,3),анна", 99, label)
    assert body["z"] == [float(value) for value in z]
    assert (
        post(client, z=body["z"], label=label, format="npy").content
        == get(client, parents="(42,7,3),анна", child=99, format="npy").content
    )
    headers = get(client, parents="(42,7,3),анна", child=99).headers
    assert unquote(headers["x-parents"]) == "(42,7,3),анна"
    assert client.get(headers["content-location"]).headers["etag"] == headers["etag"]


def test_parents_in_json_are_a_text_or_a_list(client: httpx.Client) -> None:
    expected = get(client, parents="(42,7,3),99", child=5)
    for parents in ("(42,7,3),99", ["(42,7,3)", 99], ["(42, 7, 3)", "99"]):
        assert post(client, parents=parents, child=5).headers["etag"] == expected.headers["etag"]


def test_without_a_number_the_child_is_a_random_one(client: httpx.Client) -> None:
    responses = [get(client, parents="42,7") for _ in range(2)]
    assert responses[0].headers["x-child"] != responses[1].headers["x-child"]
    for response in responses:
        assert response.headers["cache-control"] == "no-store"
        again = get(client, parents="42,7", child=response.headers["x-child"])
        assert again.content == response.content


def test_the_label_of_a_child_can_be_chosen(client: httpx.Client) -> None:
    response = get(client, parents="42,7", child=3, label="3:0.5,8:0.5", psi=0.5)
    assert read_text(response.content)["label"].startswith("[0.0, 0.0, 0.0, 0.5")
    assert client.get(response.headers["content-location"]).headers["etag"] == response.headers["etag"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"parents": "42"}, "parents_invalid"),
        ({"parents": "42,7", "seed": "1"}, "invalid_request"),
        ({"parents": "42,7", "seeds": "1-3"}, "invalid_request"),
        ({"parents": "42,7", "columns": "2"}, "invalid_request"),
        ({"parents": "42,7", "format": "zip"}, "invalid_request"),
        ({"child": "3"}, "invalid_request"),
        ({"child": "3", "seed": "1"}, "invalid_request"),
        ({"parents": "42,-7", "child": "3"}, "seed_invalid"),
        ({"parents": ",".join("123456789"), "child": "3"}, "parents_invalid"),
        ({"parents": "42,7", "child": "4294967296"}, "invalid_request"),
    ],
)
def test_a_request_for_an_impossible_child_is_refused(client: httpx.Client, query: dict[str, str], code: str) -> None:
    response = client.get("/generate", params=query)
    assert (response.status_code, response.json()["code"]) == (422, code)

"""`edit=` on every call that draws."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.images import encoding
from app.images.encoding import read_text
from models.repository import Repository
from tests.app.api.test_direct import both, comparable
from tests.app.api.test_verify import members
from tests.app.reading import array, pixels
from tests.fuzz.budget import max_examples
from tests.live import SHIPPED, service
from tests.made_directions import add_to

EDIT = "slant:0.8,sefa1:-0.25"
FOREVER = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service whose digits/1 has directions, which it adopts with the version."""
    folder = tmp_path_factory.mktemp("edits")
    shutil.copytree(SHIPPED, folder / "models")
    repository = Repository(folder / "models")
    add_to(repository, repository.get("digits", 1))
    with service(folder / "state", shipped=folder / "models") as running, running.client() as client:
        yield client


def get(client: httpx.Client, path: str = "/generate", **query: object) -> httpx.Response:
    response = client.get(path, params={name: str(value) for name, value in query.items()})
    assert response.status_code == 200, response.text
    return response


def verdict(client: httpx.Client, content: bytes) -> str:
    return client.post("/verify", content=content).json()["verdict"]


def test_an_edit_is_part_of_what_a_picture_is(client: httpx.Client) -> None:
    response, plain = get(client, seed=42, edit=EDIT), get(client, seed=42)
    assert (pixels(response.content) != pixels(plain.content)).any()
    assert response.headers["x-edit"] == EDIT
    assert response.headers["content-location"] == f"/generate?seed=42&edit={EDIT}&model=digits&version=1"
    pinned = client.get(response.headers["content-location"])
    assert (pinned.content, pinned.headers["etag"]) == (response.content, response.headers["etag"])
    assert pinned.headers["cache-control"] == FOREVER
    directions = get(client, "/models/digits/versions/1/directions.json").json()
    text = read_text(response.content)
    assert (text["edit"], text["directions"]) == (EDIT, directions["sha256"])
    body = get(client, seed=42, edit=EDIT, format="json").json()
    assert body["edit"] == EDIT
    assert "edit" not in get(client, seed=42, format="json").json()
    assert "x-edit" not in plain.headers
    z = {"z": body["z"], "label": body["label"], "format": "npy"}
    assert (array(client.post("/generate", json=z).content) == pixels(response.content)).all()
    assert get(client, seed=42, edit="slant:0").headers["etag"] == plain.headers["etag"]


def test_every_call_that_draws_edits_alike(client: httpx.Client) -> None:
    expected = pixels(get(client, seed=42, edit=EDIT).content)
    amounts = {"sefa1": -0.25, "slant": 0.8}
    posted = [client.post("/generate", json={"seed": 42, "edit": edit}).content for edit in (EDIT, amounts)]
    short = client.get(f"/generate/42.png?edit={EDIT}").content
    sheet = array(get(client, seeds="41-43", edit=EDIT, format="npy").content)
    plane = get(client, "/plane", x=42, y=0, columns=1, rows=1, edit=EDIT)
    keyframes = [{"seed": 42, "edit": EDIT}, {"seed": 1, "edit": amounts}]
    walk = array(client.post("/interpolate", json={"keyframes": keyframes, "steps": 3, "format": "npy"}).content)
    for found in (*map(pixels, (*posted, short, plane.content)), sheet[1], walk[0]):
        assert (found == expected).all()
    assert (walk[2] == pixels(get(client, seed=1, edit=EDIT).content)).all()
    assert f"edit={EDIT}" in plane.headers["content-location"]
    assert (plane.headers["x-edit"], read_text(plane.content)["edit"]) == (EDIT, EDIT)
    child = get(client, parents="42,7", child=3, edit=EDIT)
    assert client.get(child.headers["content-location"]).content == child.content
    scores = [get(client, "/discriminate", seeds="42", **query).json()["pictures"][0] for query in ({}, {"edit": EDIT})]
    assert scores[0]["logit"] != scores[1]["logit"]


def test_edited_pictures_are_verified(client: httpx.Client) -> None:
    walk = {"keyframes": [{"seed": 42, "edit": EDIT}, {"parents": "1,2", "child": 3, "edit": "sefa1:2"}, 7], "steps": 4}
    archive = client.post("/interpolate", json={**walk, "format": "zip"}).content
    files = [
        *(get(client, seed=seed, edit=EDIT, psi=0.5, scale=2).content for seed in range(5)),
        get(client, seeds="0-8", edit=EDIT, label=3).content,
        get(client, parents="42,7", child=3, edit=EDIT).content,
        get(client, "/plane", x=0.5, y=3, columns=3, rows=2, step=0.5, edit=EDIT).content,
        *(client.post("/interpolate", json={**walk, "format": kind}).content for kind in ("strip", "apng")),
        *members(archive),
    ]
    assert [verdict(client, content) for content in files] == ["equal"] * len(files)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("edit", "slant:0.8", "different"),
        ("edit", "width:1", "no_claim"),
        ("edit", "slant", "no_claim"),
        ("edit", "slant:11", "no_claim"),
        ("directions", "0" * 64, "unknown_version"),
        ("directions", "", "unknown_version"),
    ],
)
def test_a_changed_edit_is_not_believed(client: httpx.Client, name: str, value: str, expected: str) -> None:
    content = get(client, seed=42, edit=EDIT).content
    assert verdict(client, encoding.png(pixels(content), read_text(content) | {name: value})) == expected


def test_a_card_has_a_section_about_the_directions(client: httpx.Client) -> None:
    version = get(client, "/models/digits/versions/1").json()
    assert version["directions"] == "/models/digits/versions/1/directions.json"
    response = client.get(version["directions"])
    assert response.headers["cache-control"] == FOREVER
    card = client.get(version["card"]).text
    assert "## Directions" in card
    assert response.json()["sha256"] in card


queries = st.fixed_dictionaries(
    {"seed": st.integers(0, 99).map(str)},
    optional={
        "edit": st.sampled_from([EDIT, "slant:0", "sefa1:1e0", "width:1", "slant", "", "slant:99", "slant:1,slant:1"]),
        "label": st.sampled_from(["3", "3:0.5,8:0.5", "x"]),
        "psi": st.sampled_from(["0.5", "1"]),
        "format": st.sampled_from(["png", "json", "npy", "webp"]),
        "scale": st.sampled_from(["1", "4", "5"]),
        "version": st.sampled_from(["1", "champion"]),
    },
)


@max_examples(80)
@given(query=queries)
def test_the_direct_path_and_the_route_edit_identically(client: httpx.Client, query: dict[str, str]) -> None:
    direct, route = both(client, urlencode(query))
    assert comparable(direct) == comparable(route)


@pytest.mark.parametrize("edit", [{"slant": 11}, {"width": 1}, 1, {"slant": "1"}, "slant", {"a": None}])
def test_an_invalid_edit_is_refused(client: httpx.Client, edit: object) -> None:
    response = client.post("/generate", json={"seed": 1, "edit": edit})
    assert response.status_code == 422
    assert response.json()["code"] in ("edit_invalid", "invalid_request")


def test_a_call_without_edits_refuses_one(client: httpx.Client) -> None:
    assert client.get(f"/quiz?seed=1&edit={EDIT}").status_code == 422

"""What other sites show: films at an address, previews of pages, and embedded pictures."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace
from html import unescape
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from app.images.encoding import enlarge
from app.images.strokes import painted, parse_sketch
from app.sampling.edits import parse_edit
from app.sampling.generator import LoadedGenerator
from app.sampling.keyframes import format_keyframes, parse_keyframes
from app.sampling.pictures import Drawing, resolve
from app.sampling.preview import State, fitted, preview_of
from tests.app.api.test_inversion import DIGITS

HOSTILE = [
    '"><script>alert(1)</script>',
    "' onload='alert(1)",
    "</title><img src=x onerror=alert(1)>",
    "%00\r\nSet-Cookie: a=b",
    "javascript:alert(1)",
    "\u202egnp.exe",
    "42&seed=7",
    "a" * 5000,
]


def picture(response: httpx.Response) -> np.ndarray:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/png"
    return np.asarray(Image.open(io.BytesIO(response.content)))


# Films


@pytest.mark.parametrize(("kind", "media"), [("webp", "image/webp"), ("gif", "image/gif"), ("apng", "image/apng")])
def test_a_film_at_an_address_is_that_of_the_call_with_a_body(client: httpx.Client, kind: str, media: str) -> None:
    body: dict[str, Any] = {
        "keyframes": [5, {"seed": 17, "label": "3"}, {"seed": "a,b~c", "psi": 0.5}],
        "steps": 4,
        "loop": True,
        "scale": 2,
        "format": kind,
    }
    response = client.get(f"/film.{kind}", params={"keyframes": "5,17~3,a!cb!tc~~0.5", "steps": 4, "scale": 2})
    assert response.headers["content-type"] == media
    assert response.content == client.post("/interpolate", json=body).content
    assert response.headers["x-frames"] == "9"


def test_a_film_is_cached_and_names_its_permanent_address(client: httpx.Client) -> None:
    query: dict[str, str | int] = {
        "keyframes": "5~3:0.5!c8:0.5,anna",
        "steps": 3,
        "scale": 1,
        "loop": "false",
        "easing": "ease-in",
    }
    first = client.get("/film.gif", params=query)
    assert first.headers["cache-control"] == "no-cache"
    assert client.get("/film.gif", params=query, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    pinned = client.get(first.headers["content-location"])
    assert pinned.content == first.content
    assert "immutable" in pinned.headers["cache-control"]


@pytest.mark.parametrize(
    ("keyframes", "remedy"),
    [
        ("5", "Separate them with a comma"),
        ("5,", "Give an integer or a text"),
        ("5,7~3~0.5~1", "Write it as seed~class~psi"),
        ("5,7~~3", "in 0..2"),
        ("5,7~~nan", "in 0..2"),
        ("5,7~nobody", "Choose an index"),
        (",".join(["1"] * 257), "Give fewer"),
        ("5,-1", "must be an integer"),
    ],
)
def test_invalid_keyframes_are_refused_with_the_remedy(client: httpx.Client, keyframes: str, remedy: str) -> None:
    response = client.get("/film.webp", params={"keyframes": keyframes})
    assert response.status_code in (413, 422)
    assert remedy in response.json()["detail"]


def test_keyframes_survive_being_written(digits: LoadedGenerator) -> None:
    text = "5,17~3,a!cb!t!p!!~8~0.7,anna~~1.5"
    resolved = [resolve(keyframe, digits) for keyframe in parse_keyframes(text)]
    labels = [None if each.label is None else digits.classes[each.label] for each in resolved]  # type: ignore[index]
    assert format_keyframes(resolved, labels) == text.replace("!", "%21")


# Previews


def test_the_preview_of_a_seed_has_its_picture_in_the_middle_of_the_plane(
    client: httpx.Client, digits: LoadedGenerator
) -> None:
    found = picture(client.get("/preview.png?seed=1000"))
    assert found.shape == (630, 1200)
    front = enlarge(digits.draw([digits.point(1000)[0]])[0], 18)
    assert (found[63 : 63 + 504, 348 : 348 + 504] == front).all()
    wall = picture(client.get("/plane?x=993&y=-4&columns=15&rows=9&scale=3"))[63 : 63 + 630, 30 : 30 + 1200]
    assert (found[:, :340] == (wall[:, :340] * 0.35).astype(np.uint8)).all()


@pytest.mark.parametrize(
    "query",
    [
        "seed=42&label=3&psi=0.5&model=digits&version=1",
        "seed=%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82",
        "x=7.5&y=1&zoom=128",
        "page=/gallery&seeds=0-19,777",
        "page=/gallery&seeds=0-4095",
        "page=/interpolate&keyframes=5,17~3~0.5&loop=false",
        "page=/interpolate",
        "page=/breed&parents=(42,7,3),99&from=9",
        "page=/breed",
        "page=/find&drawing=FgIAAPADAA",
    ],
)
def test_each_state_has_a_preview_of_its_own(client: httpx.Client, query: str) -> None:
    found, start = client.get(f"/preview.png?{query}"), client.get("/preview.png")
    assert picture(found).shape == (630, 1200)
    assert found.content != start.content
    assert found.content == client.get(f"/preview.png?{query}").content


def test_the_frames_of_a_film_are_in_its_preview(client: httpx.Client, digits: LoadedGenerator) -> None:
    found = picture(client.get("/preview.png?page=/interpolate&keyframes=5,17&loop=false"))
    first = enlarge(digits.draw([digits.point(5)[0]])[0], 4)
    assert (found[35 : 35 + 112, 40 : 40 + 112] == first).all()


LATENT = [round(0.3 * math.sin(7 * index), 3) for index in range(100)]
FRONT = (slice(63, 63 + 504), slice(348, 348 + 504))
"""Where a preview has its only picture."""


@pytest.mark.parametrize("page", ["/", "/explore"])
@pytest.mark.parametrize(
    ("query", "z"),
    [
        ("", LATENT),
        ("&label=3", LATENT),
        ("&psi=0.5", [value * 0.5 for value in LATENT]),
        ("&dz=3:2.5,99:-8,3:-1,100:1,4:9,junk", [*LATENT[:3], -1, *LATENT[4:99], -8]),
    ],
)
def test_the_preview_of_a_latent_has_the_picture_that_the_page_shows(
    client: httpx.Client, page: str, query: str, z: list[float]
) -> None:
    found = picture(client.get(f"/preview.png?page={page}&z={','.join(map(str, LATENT))}{query}"))
    body: dict[str, Any] = {"z": z, "label": 3 if "label" in query else 0, "scale": 18}
    wanted = picture(client.post("/generate", json=body))
    assert (found[FRONT] == wanted).all()


@pytest.mark.parametrize("seed", ["42", "1000", "anna"])
@pytest.mark.parametrize("psi", [1, 0.7])
def test_the_preview_of_an_edited_seed_has_the_picture_that_the_page_shows(client: httpx.Client, seed: str, psi: float) -> None:
    query = {"dz": "0:3,7:-2.5", "psi": psi} if seed == "42" else {"seed": seed, "dz": "0:3,7:-2.5", "psi": psi}
    found = client.get("/preview.png", params=query)
    start = client.get("/generate", params={"seed": seed, "format": "json"}).json()
    z = [3, *start["z"][1:7], -2.5, *start["z"][8:]]
    body = {"z": [value * psi for value in z], "label": start["class"], "scale": 18}
    assert (picture(found)[FRONT] == picture(client.post("/generate", json=body))).all()
    assert (picture(found)[FRONT] != picture(client.get("/preview.png", params={"seed": seed}))[FRONT]).any()


def test_previews_show_edits_along_directions() -> None:
    generator, edit = LoadedGenerator(DIGITS), "slant:1.5"
    for state, drawing in (
        (State(edit=edit), Drawing(seeds=(42,))),
        (State(z="1,2", edit=edit), Drawing(z=(1.0, 2.0, *[0.0] * 98), label=0)),
    ):
        (front,) = preview_of(state, generator).front
        (wanted,), _ = resolve(replace(drawing, edit=parse_edit(edit)), generator).points()
        (unedited,), _ = resolve(drawing, generator).points()
        drawn = generator.draw([front, wanted, unedited])
        assert (drawn[0] == drawn[1]).all()
        assert (drawn[0] != drawn[2]).any()


def test_a_latent_with_missing_or_damaged_numbers_has_zeros_there_as_on_the_page(client: httpx.Client) -> None:
    found = picture(client.get("/preview.png?z=1,,x,1e999,-2"))
    wanted = picture(client.post("/generate", json={"z": [1, 0, 0, 0, -2, *[0] * 95], "label": 0, "scale": 18}))
    assert (found[FRONT] == wanted).all()


def test_the_preview_of_a_drawing_is_the_drawing(client: httpx.Client) -> None:
    found = picture(client.get("/preview.png?page=/find&drawing=FgIoKPABeAwBmAM8"))
    sketch = painted(parse_sketch("FgIoKPABeAwBmAM8"))
    assert sketch.max() == 255
    assert (found[35 : 35 + 560, 320 : 320 + 560] == enlarge(sketch, 2)).all()
    start = picture(client.get("/preview.png"))
    assert (found[:, :318] == (start[:, :318] * 0.35).astype(np.uint8)).all()


NAMES = [
    "z",
    "dz",
    "drawing",
    "page",
    "seed",
    "x",
    "zoom",
    "seeds",
    "keyframes",
    "parents",
    "from",
    "label",
    "psi",
    "edit",
    "model",
    "version",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_address_gets_a_preview(client: httpx.Client, name: str, value: str) -> None:
    pages = {"drawing": "/find", "seeds": "/gallery", "keyframes": "/interpolate", "parents": "/breed", "from": "/breed"}
    found = client.get("/preview.png", params={"page": pages.get(name, "/"), "seed": "42", name: value})
    assert picture(found).shape == (630, 1200)
    assert "set-cookie" not in found.headers


@pytest.mark.parametrize(
    "query",
    [
        "seed=-1",
        "seed=1.5",
        f"seed={'a' * 129}",
        "x=nan",
        "x=1e999",
        "x=7&zoom=0",
        "seed=42&label=nobody",
        "seed=42&psi=3",
        "seed=42&edit=nothing:1",
        "seed=42&model=nobody",
        "seed=42&version=99",
        "page=/gallery&seeds=5-1",
        "page=/interpolate&keyframes=5",
        "page=/breed&parents=(42",
        "page=/breed&from=-1",
        "page=/nowhere&seed=5",
        "z=1001",
        "z=1&psi=3",
        "seed=42&dz=3:1&label=nobody",
        "page=/find&drawing=%25",
        "page=/find&drawing=FgIAAPAD",
        f"page=/find&drawing={'FgEoKBYBPDwWAVBQ' * 251}",
        "page=",
    ],
)
def test_an_invalid_state_gives_the_preview_of_the_start_page(client: httpx.Client, query: str) -> None:
    found = client.get(f"/preview.png?{query}")
    assert found.content == client.get("/preview.png").content
    assert found.headers["cache-control"] == "no-cache"


def test_the_preview_of_a_version_can_be_cached_for_ever_and_that_of_the_champion_is_revalidated(client: httpx.Client) -> None:
    pinned, champion = client.get("/preview.png?seed=7&version=1"), client.get("/preview.png?seed=7")
    assert "immutable" in pinned.headers["cache-control"]
    assert champion.headers["cache-control"] == "no-cache"
    again = client.get("/preview.png?seed=7", headers={"If-None-Match": champion.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    missing = client.get("/preview.png?seed=7&version=99")
    assert missing.headers["cache-control"] == "no-cache"  # it may exist tomorrow
    assert missing.content == client.get("/preview.png").content


@pytest.mark.parametrize("count", [1, 2, 9, 50, 135])
def test_pictures_fit_into_a_preview(count: int) -> None:
    columns, scale = fitted(count)
    assert scale >= 2
    assert columns * 28 * scale <= 1130
    assert -(-count // columns) * 28 * scale <= 560


# Embedded pictures


def sources(page: httpx.Response) -> list[str]:
    return [unescape(source) for source in re.findall(r'(?:src|srcset)="([^"]*)"', page.text)]


@pytest.mark.parametrize(
    ("query", "link"),
    [
        ("", "/"),
        ("seed=7&label=3&psi=0.5", "/?seed=7&label=3&psi=0.5"),
        ("parents=42,7&child=3", "/breed?parents=42,7&from=3"),
        ("show=plane&x=40&y=0&columns=4&rows=2", "/?x=42&y=1"),
        ("show=film&keyframes=5,17~3&steps=4", "/interpolate?keyframes=5,17~3&steps=4"),
        ("seed=%3Cb%3E%22%27%26", "/?seed=%3Cb%3E%22%27%26"),
    ],
)
def test_an_embedded_page_shows_a_picture_and_a_link_to_its_page(client: httpx.Client, query: str, link: str) -> None:
    page = client.get(f"/embed?{query}")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "set-cookie" not in page.headers
    assert "<script" not in page.text
    links = {unescape(found) for found in re.findall(r'href="([^"]*)"', page.text)}
    assert links == {link}
    assert page.text.count('target="_blank" rel="noopener"') == 2
    for source in sources(page):
        assert client.get(source).headers["content-type"].startswith("image/")


def test_only_the_embedded_page_may_be_framed(client: httpx.Client) -> None:
    policy = client.get("/embed").headers["content-security-policy"]
    assert "frame-ancestors *" in policy
    assert "default-src 'none'; img-src 'self'; style-src 'sha256-" in policy
    assert not re.search("script-src|connect-src|unsafe", policy)
    for path in ("/", "/gallery", "/models", "/generate?seed=1", "/preview.png", "/film.webp?keyframes=1,2&steps=2", "/docs"):
        assert "frame-ancestors 'none'" in client.get(path).headers["content-security-policy"], path


@pytest.mark.parametrize("name", ["show", "seed", "label", "psi", "edit", "model", "version", "keyframes", "x", "unknown"])
@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_parameters_of_an_embedded_page_are_escaped(client: httpx.Client, name: str, value: str) -> None:
    show = {"keyframes": "film", "x": "plane"}.get(name)
    page = client.get("/embed", params={**({"show": show} if show else {}), name: value})
    assert page.status_code in (200, 404, 413, 422)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"<script|<img src=x|onload='", page.text)
    assert page.text.count("<img") <= 1
    assert "set-cookie" not in page.headers
    if page.status_code != 200:
        assert "This picture cannot be embedded." in page.text
        assert "frame-ancestors *" in page.headers["content-security-policy"]


def test_an_embedded_page_is_in_the_language_of_its_reader_and_cached(client: httpx.Client) -> None:
    russian = client.get("/embed?seed=7", headers={"Accept-Language": "ru"})
    assert "Картинка для зерна 7" in russian.text
    assert russian.headers["vary"] == "Accept-Language"
    english = client.get("/embed?seed=7")
    assert client.get("/embed?seed=7", headers={"If-None-Match": english.headers["etag"]}).status_code == 304

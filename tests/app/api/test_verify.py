"""`/verify` says yes to what the service wrote, and no to everything else."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from itertools import pairwise

import httpx
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from app.images import encoding
from app.images.encoding import read_text
from models import sharpening
from tests.app.images.test_preprocessing import mnist
from tests.app.reading import frames, pixels
from tests.live import ROOT, service

MIXED = "3:0.5,8:0.5"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service with all that is shipped."""
    with service(tmp_path_factory.mktemp("verify") / "state", shipped=ROOT / "models") as running, running.client() as client:
        yield client


def verdict(client: httpx.Client, content: bytes) -> dict:
    response = client.post("/verify", content=content)
    assert response.status_code == 200, response.text
    return response.json()


def get(client: httpx.Client, path: str = "/generate", **query: object) -> bytes:
    response = client.get(path, params={name: str(value) for name, value in query.items()})
    assert response.status_code == 200, response.text
    return response.content


def post(client: httpx.Client, path: str, **body: object) -> bytes:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.content


def members(archive: bytes) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as found:
        return [found.read(name) for name in found.namelist()]


def shrunk(index: int, factor: int) -> bytes:
    return encoding.png(sharpening.means(mnist(index + 1)[0][index], factor))


def saved_pictures(client: httpx.Client) -> dict[str, list[bytes]]:
    """Return saved files by kind."""
    walk = {
        "keyframes": [
            1,
            {"seed": 42, "label": MIXED},
            {"z": [0.01 * i for i in range(100)], "label": 7},
            {"parents": "42,7", "child": 3, "edit": "slant:-1"},
        ]
    }
    shapes = [{"method": "lerp"}, {"easing": "ease-in-out", "scale": 2}, {"loop": True}]
    sharpened = [
        client.post(f"/sharpen?{query}", content=picture).content
        for query, picture in [
            *((f"seed={seed}", shrunk(seed, 4)) for seed in range(6)),
            *((f"seed={seed}&scale=3", shrunk(seed, 2)) for seed in range(6)),
            *((f"seed={seed}&factor=blur", encoding.png(mnist(9)[0][seed])) for seed in range(6)),
            *((f"seeds=0-{last}&scale=2", shrunk(last, 4)) for last in range(6)),
        ]
    ]
    zipped = client.post("/sharpen?seeds=0-29&format=zip", content=shrunk(0, 4)).content
    return {
        "picture": [
            *members(get(client, seeds="0-449", format="zip")),
            *members(get(client, seeds="300-399", format="zip", model="fashion", scale=2, psi=0.7)),
            *members(get(client, seeds="4294967200-4294967295", format="zip", label=7, version=1)),
            *members(get(client, seeds="0-49", format="zip", label=MIXED)),
            *(get(client, seed=f"Анна {n}", scale=n) for n in range(1, 33)),
            *(get(client, seed=n, model=model) for n in range(15) for model in ("letters", "lecture", "lecture-modern")),
            *(
                post(client, "/generate", z=np.random.RandomState(n).standard_normal(100).tolist(), label=n % 10)
                for n in range(20)
            ),
            *(
                get(client, parents=parents, child=n)
                for n in range(10)
                for parents in ("42,7", "(42,7,3),анна", "1,2,3,4,5,6,7,8")
            ),
            *(get(client, seed=n, edit="slant:1.5,thickness:-0.5", psi=0.8, scale=2) for n in range(15)),
            *(get(client, parents="1,2", child=n, edit="sefa3:-2") for n in range(5)),
            *(get(client, parents="1,2", child=n, scale=3, psi=0.5, label=MIXED, model="fashion") for n in range(5)),
            *(get(client, seed=n, psi=psi) for n in range(10) for psi in (0, 0.123456789, 2)),
        ],
        "sheet": [
            *(get(client, seeds=f"0-{last}") for last in range(0, 60, 3)),
            *(get(client, seeds="5,3,3", columns=columns, scale=scale) for columns in (1, 2, 3, 5) for scale in (1, 2, 6)),
            *(get(client, seeds="0-15", columns=columns, scale=2, label=MIXED, psi=0.5) for columns in (2, 4, 8)),
            get(client, seeds="0-4095"),
            *(get(client, seeds="0-8", edit=f"width:{amount}") for amount in (-2, 1)),
            get(client, seeds="7", label=3),
        ],
        "plane": [
            *(get(client, "/plane", x=x, y=65535, columns=3, rows=2, step=0.25, scale=2) for x in range(10)),
            *(get(client, "/plane", x=-1, y=0.5, columns=2, rows=5, step=0.5, psi=0.5, label=label) for label in (3, MIXED)),
            get(client, "/plane", x=0, y=0, edit="loops:1.5"),
        ],
        "interpolation": [
            *(
                post(client, "/interpolate", **walk, steps=5, format=kind, **shape)
                for shape in shapes
                for kind in ("strip", "apng")
            ),
            post(client, "/interpolate", keyframes=[1, 2], steps=2, format="apng", loop=True, model="lecture"),
        ],
        "frame": [
            frame
            for shape in shapes
            for frame in members(post(client, "/interpolate", **walk, steps=12, format="zip", **shape))
        ],
        "sharpened": [*sharpened, *members(zipped)],
    }


def with_one_pixel_changed(content: bytes, place: int) -> tuple[bytes, tuple[int, int]]:
    """Return the file with another grey level at one pixel, and its column and row."""
    stack = np.stack(frames(content))
    frame, row, column = np.unravel_index(place % stack.size, stack.shape)
    stack[frame, row, column] ^= 1
    text = read_text(content)
    changed = encoding.png(stack[0], text) if len(stack) == 1 else encoding.apng(stack, 12, loop=False, text=text)
    return changed, (int(column), int(row))


def test_a_thousand_saved_pictures_of_every_kind_are_equal_and_none_is_with_one_pixel_changed(client: httpx.Client) -> None:
    saved = saved_pictures(client)
    assert sum(map(len, saved.values())) >= 1_000
    random = np.random.RandomState(27)
    for kind, files in saved.items():
        for content in files:
            found = verdict(client, content)
            assert (found["verdict"], found["kind"], found["different"]) == ("equal", kind, 0), found
            changed, (column, row) = with_one_pixel_changed(content, random.randint(2**31 - 1))
            found = verdict(client, changed)
            assert (found["verdict"], found["kind"], found["different"]) == ("different", kind, 1), found
            assert found["box"] == [column, row, column + 1, row + 1]


def test_the_answer_says_where_pixels_differ(client: httpx.Client) -> None:
    content = get(client, seed=42, scale=4)
    picture = pixels(content).copy()
    picture[10:14, 40:47] = 255 - picture[10:14, 40:47]
    found = verdict(client, encoding.png(picture, read_text(content)))
    assert (found["verdict"], found["different"], found["pixels"]) == ("different", 28, 112 * 112)
    assert found["box"] == [40, 10, 47, 14]
    assert (found["scale"], found["columns"], found["model"]) == (4, 1, "digits")
    mask = pixels(base64.b64decode(found["mask"].partition(",")[2]))
    assert mask.shape == (28, 28)
    assert sorted(zip(*np.nonzero(mask), strict=True)) == [(2, 10), (2, 11), (3, 10), (3, 11)]


def test_the_answer_has_a_url_that_draws_the_picture(client: httpx.Client) -> None:
    content = get(client, seeds="0-5", label=MIXED)
    assert client.get(verdict(client, content)["url"]).content != b""
    assert (pixels(client.get(verdict(client, content)["url"]).content) == pixels(content)).all()


def test_frames_that_differ_are_listed(client: httpx.Client) -> None:
    content = post(client, "/interpolate", keyframes=[1, 2], steps=6, format="apng")
    stack = np.stack(frames(content))
    stack[[2, 5], 3, 4] ^= 1
    found = verdict(client, encoding.apng(stack, 12, loop=False, text=read_text(content)))
    assert (found["verdict"], found["frames"], found["box"]) == ("different", [2, 5], [4, 3, 5, 4])


def resaved(content: bytes, mode: str, **options: object) -> bytes:
    text = PngImagePlugin.PngInfo()
    for name, value in read_text(content).items():
        text.add_text(name, value)
    out = io.BytesIO()
    Image.open(io.BytesIO(content)).convert(mode).save(out, "PNG", pnginfo=text, **options)
    return out.getvalue()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA"])
def test_the_pixels_count_and_not_their_encoding(client: httpx.Client, mode: str) -> None:
    assert verdict(client, resaved(get(client, seed=42), mode, optimize=True))["verdict"] == "equal"


def test_sixteen_bits_are_equal_only_at_the_levels_of_eight(client: httpx.Client) -> None:
    content = get(client, seed=42)
    text = PngImagePlugin.PngInfo()
    for name, value in read_text(content).items():
        text.add_text(name, value)
    wide = pixels(content).astype(np.uint16) * 257
    for offset, expected in ((0, 0), (1, 1)):
        wide[5, 7] += offset
        out = io.BytesIO()
        Image.fromarray(wide).save(out, "PNG", pnginfo=text)
        found = verdict(client, out.getvalue())
        assert found["different"] == expected
    assert found["box"] == [7, 5, 8, 6]


@pytest.mark.parametrize("colour", [(76, 0, 0, 255), (0, 0, 0, 254)])
def test_a_coloured_or_transparent_pixel_differs_even_if_its_luma_is_right(client: httpx.Client, colour: tuple) -> None:
    content = get(client, seed=42)
    picture = Image.open(io.BytesIO(content)).convert("RGBA")
    picture.putpixel((3, 2), colour)
    text = PngImagePlugin.PngInfo()
    for name, value in read_text(content).items():
        text.add_text(name, value)
    out = io.BytesIO()
    picture.save(out, "PNG", pnginfo=text)
    found = verdict(client, out.getvalue())
    assert (found["different"], found["box"]) == (1, [3, 2, 4, 3])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("seed", "43", "different"),
        ("label", "3", "different"),
        ("psi", "0.5", "different"),
        ("generator", "0" * 64, "unknown_version"),
        ("generator", "x", "no_claim"),
        ("model", "digits", "no_claim"),
        ("noise", "other", "no_claim"),
        ("psi", "nan", "no_claim"),
        ("psi", "3", "no_claim"),
        ("psi", "", "no_claim"),
        ("seed", "-1", "no_claim"),
        ("seed", "", "no_claim"),
        ("label", "eleven", "no_claim"),
        ("label", "[0.5]", "no_claim"),
        ("label", "[" * 5_000, "no_claim"),
        ("parents", "42,7", "no_claim"),
        ("plane", "0,0 8x8 step 0.3", "no_claim"),
        ("plane", "0,0 99x1 step 1", "no_claim"),
        ("plane", "0,0 2x2 step 1", "different"),
        ("seeds", "3-1", "no_claim"),
        ("seeds", "0-3", "different"),
        ("interpolate", "{}", "no_claim"),
        ("interpolate", '{"keyframes": [1, 2], "steps": 3}', "no_claim"),
        (
            "interpolate",
            '{"keyframes": [{"seed": 1}, {}], "steps": 3, "method": "lerp", "easing": "linear", "loop": false}',
            "no_claim",
        ),
        ("walk", "[]", "no_claim"),
        ("factor", "2", "no_claim"),
    ],
)
def test_a_changed_text_chunk_is_not_believed(client: httpx.Client, name: str, value: str, expected: str) -> None:
    content = get(client, seed=42)
    found = verdict(client, encoding.png(pixels(content), read_text(content) | {name: value}))
    assert (found["verdict"], found["claim"][name][:100]) == (expected, value[:100]), found
    assert found["reason"].endswith(".")


def test_text_chunks_that_determine_no_pixel_are_listed(client: httpx.Client) -> None:
    content = get(client, seed=42)
    text = read_text(content) | {"Author": "me", "z": "[]", "walk of": "x"}
    found = verdict(client, encoding.png(pixels(content), text))
    assert (found["verdict"], found["unverified"]) == ("equal", ["Software", "Author", "z", "walk of"])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("child", "4", "different"),
        ("parents", "7,42", "different"),
        ("parents", "42", "no_claim"),
        ("parents", "42,7)", "no_claim"),
        ("child", "-1", "no_claim"),
        ("child", "x", "no_claim"),
        ("breeding", "breed-v2", "no_claim"),
    ],
)
def test_a_changed_pedigree_is_not_believed(client: httpx.Client, name: str, value: str, expected: str) -> None:
    content = get(client, parents="42,7", child=3)
    assert verdict(client, encoding.png(pixels(content), read_text(content) | {name: value}))["verdict"] == expected


def test_the_answer_to_a_file_with_very_many_text_chunks_is_short(client: httpx.Client) -> None:
    content = get(client, seed=42)
    text = read_text(content) | {f"chunk {n}": "x" * 3_000 for n in range(200)}
    found = verdict(client, encoding.png(pixels(content), text))
    assert found["verdict"] == "equal"
    assert len(found["claim"]) == len(found["unverified"]) == 64
    assert max(map(len, found["claim"].values())) == 2_001


def test_a_file_without_text_chunks_claims_nothing(client: httpx.Client) -> None:
    found = verdict(client, encoding.png(pixels(get(client, seed=42))))
    assert (found["verdict"], found["claim"], found["model"]) == ("no_claim", {}, None)


def test_a_frame_must_also_be_where_it_says_in_its_interpolation(client: httpx.Client) -> None:
    files = members(post(client, "/interpolate", keyframes=[1, 42], steps=5, format="zip"))
    for content, other in pairwise(files):
        moved = read_text(content) | {name: read_text(other)[name] for name in ("segment", "t")}
        assert verdict(client, encoding.png(pixels(content), moved))["verdict"] == "different"
    text = read_text(files[1]) | {"t": "0.3"}
    assert verdict(client, encoding.png(pixels(files[1]), text))["verdict"] == "no_claim"


def test_a_sharpened_picture_must_come_from_the_picture_it_contains(client: httpx.Client) -> None:
    content = client.post("/sharpen?seed=1", content=shrunk(0, 4)).content
    text = read_text(content)
    other = base64.b64encode(shrunk(1, 4)).decode()
    assert verdict(client, encoding.png(pixels(content), text | {"given": other}))["verdict"] == "different"
    assert verdict(client, content)["unverified"] == ["Software", "input"]
    del text["given"]  # as earlier versions wrote it
    found = verdict(client, encoding.png(pixels(content), text))
    assert found["verdict"] == "no_claim"
    assert "Sharpen the picture again" in found["reason"]


def test_a_still_picture_with_hidden_frames_is_different(client: httpx.Client) -> None:
    content = get(client, seed=42)
    stack = np.stack([pixels(content), pixels(get(client, seed=43))])
    found = verdict(client, encoding.apng(stack, 12, loop=True, text=read_text(content)))
    assert (found["verdict"], found["different"]) == ("different", None)


def test_other_files_are_rejected(client: httpx.Client) -> None:
    def problem(content: bytes) -> tuple[int, str]:
        response = client.post("/verify", content=content)
        return response.status_code, response.json()["code"]

    assert problem(get(client, seed=42, format="webp")) == (415, "picture_unsupported")
    assert problem(b"") == (415, "picture_unsupported")
    assert problem(get(client, seed=42)[:-30]) == (422, "picture_invalid")
    large = io.BytesIO()
    Image.new("L", (5000, 5000)).save(large, "PNG")
    assert problem(large.getvalue()) == (413, "picture_too_large")


def test_a_version_is_found_by_the_sha256_of_its_generator(client: httpx.Client) -> None:
    content = get(client, seed=42, version=1)
    found = verdict(client, encoding.png(pixels(content), read_text(content) | {"model": "elsewhere/17"}))
    assert (found["verdict"], found["model"], found["version"]) == ("equal", "digits", 1)


def test_a_form_is_accepted(client: httpx.Client) -> None:
    response = client.post("/verify", files={"file": ("42.png", get(client, seed=42))})
    assert response.json()["verdict"] == "equal"
    assert response.headers["cache-control"] == "no-store"
    json.dumps(response.json())

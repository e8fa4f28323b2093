"""`/generate`: pictures of seeds, latents and mixtures."""

from __future__ import annotations

import io
import json
import zipfile
from urllib.parse import unquote

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from app.images.encoding import read_text
from app.sampling.generator import LoadedGenerator
from models import seed_contract
from tests.app.api.generate_calls import FOREVER, get, post
from tests.app.reading import array, pixels


def test_seed_42_is_a_28x28_grey_png_that_is_not_blank(client: httpx.Client) -> None:
    response = get(client, seed=42)
    assert response.headers["content-type"] == "image/png"
    picture = Image.open(io.BytesIO(response.content))
    assert (picture.format, picture.size, picture.mode) == ("PNG", (28, 28), "L")
    assert pixels(response.content).max() > 200
    assert pixels(response.content).mean() < 100


def test_the_same_seed_gives_the_same_bytes(client: httpx.Client) -> None:
    assert get(client, seed=42).content == get(client, seed=42).content
    assert get(client, seed="0042").content == get(client, seed=42).content
    assert get(client, seed=42).content != get(client, seed=43).content


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("42.png", "seed=42"),
        ("anna.webp?label=7", "seed=anna&format=webp&label=7"),
        ("anna@example.org.png?scale=2&version=1", "seed=anna@example.org&scale=2&version=1"),
        ("a%2Fb%3F%D1%8F.npy?psi=0.5", "seed=a/b%3F%D1%8F&format=npy&psi=0.5"),
        (".json.json", "seed=.json&format=json"),
        ("1.5.png", "seed=1.5"),
        (".png", "seed="),
        ("42.png?label=11", "seed=42&label=11"),
        ("42.png?scale=0", "seed=42&scale=0"),
    ],
)
def test_a_path_with_an_extension_gets_the_same_response_as_the_query(client: httpx.Client, path: str, query: str) -> None:
    short, long = client.get(f"/generate/{path}"), client.get(f"/generate?{query}")
    assert (short.status_code, short.content) == (long.status_code, long.content)
    for header in ("etag", "cache-control", "content-location", "content-type", "x-seed", "x-label", "x-model"):
        assert short.headers.get(header) == long.headers.get(header), header
    if short.status_code == 200:
        tag = {"If-None-Match": short.headers["etag"]}
        assert client.get(f"/generate/{path}", headers=tag).status_code == 304
        assert client.head(f"/generate/{path}").headers["etag"] == long.headers["etag"]


def test_composed_and_decomposed_texts_are_the_same_seed(client: httpx.Client) -> None:
    composed, decomposed = get(client, seed="caf\u00e9"), get(client, seed="cafe\u0301")
    assert composed.content == decomposed.content
    for header in ("etag", "x-seed", "content-location"):
        assert composed.headers[header] == decomposed.headers[header]
    assert post(client, seed="cafe\u0301").content == composed.content
    assert get(client, seed="cafe").content != composed.content


@pytest.mark.parametrize("query", ["_=1700000000", "utm_source=a&utm_source=b&utm_medium=c", "fbclid=x&gclid=y", "%5f=1", "_"])
@pytest.mark.parametrize("call", ["/generate?seed=42", "/plane?x=1&y=2&columns=2&rows=2", "/models?"])
def test_parameters_that_others_add_to_links_are_ignored(client: httpx.Client, call: str, query: str) -> None:
    plain, tracked = client.get(call.rstrip("?")), client.get(f"{call}&{query}")
    assert (plain.status_code, tracked.status_code) == (200, 200), tracked.text
    assert tracked.content == plain.content
    assert tracked.headers.get("etag") == plain.headers.get("etag")
    assert tracked.headers.get("content-location") == plain.headers.get("content-location")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seeds=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=9), columns=st.integers(1, 4))
def test_a_seed_gives_the_same_pixels_alone_and_in_a_sheet(client: httpx.Client, seeds: list[int], columns: int) -> None:
    sheet = pixels(get(client, seeds=",".join(map(str, seeds)), columns=columns).content)
    rows = -(-len(seeds) // columns)
    assert sheet.shape == (28 * rows, 28 * columns)
    for index, seed in enumerate(seeds):
        y, x = 28 * (index // columns), 28 * (index % columns)
        alone = pixels(get(client, seed=seed).content)
        assert (sheet[y : y + 28, x : x + 28] == alone).all()
    assert not sheet[28 * (rows - 1) :, 28 * ((len(seeds) - 1) % columns + 1) :].any(), "empty cells of the last row are black"


def test_every_format_contains_the_same_pixels(client: httpx.Client) -> None:
    expected = pixels(get(client, seed=7).content)
    assert (pixels(get(client, seed=7, format="webp").content) == expected).all()
    assert (array(get(client, seed=7, format="npy").content) == expected).all()
    body = get(client, seed=7, format="json").json()
    assert (np.array(body["pixels"]) == expected).all()
    z, label = seed_contract.draw(7, 100, 10)
    assert (body["seed"], body["label"], body["class"], body["psi"]) == (7, label, str(label), 1.0)
    assert (body["model"], body["version"]) == ("digits", 1)
    assert np.float32(body["z"]).tolist() == z.tolist()


def test_several_seeds_are_returned_as_sheet_array_or_zip(client: httpx.Client) -> None:
    singles = [pixels(get(client, seed=s).content) for s in (3, 4, 5, 100)]
    stack = array(get(client, seeds="3-5,100", format="npy").content)
    assert stack.shape == (4, 28, 28)
    assert (stack == np.stack(singles)).all()
    assert pixels(get(client, seeds="3-5,100").content).shape == (56, 56)
    assert (pixels(get(client, seeds="3-5,100", format="webp").content) == pixels(get(client, seeds="3-5,100").content)).all()
    with zipfile.ZipFile(io.BytesIO(get(client, seeds="3-5,100", format="zip").content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"{i:04d}-seed-{s}.png" for i, s in enumerate((3, 4, 5, 100))]
        for name, single, seed in zip(archive.namelist(), singles, (3, 4, 5, 100), strict=True):
            assert (pixels(archive.read(name)) == single).all()
            assert read_text(archive.read(name))["seed"] == str(seed)


def test_scale_enlarges_pixels_to_squares(client: httpx.Client) -> None:
    small, large = (pixels(get(client, seed=1, scale=scale).content) for scale in (1, 32))
    assert large.shape == (896, 896)
    assert (large[::32, ::32] == small).all()
    assert (large[31::32, 31::32] == small).all()
    sheet = pixels(get(client, seeds="0-3", scale=3).content)
    assert (sheet[::3, ::3] == pixels(get(client, seeds="0-3").content)).all()


def test_a_label_is_chosen_by_index_or_name(client: httpx.Client, digits: LoadedGenerator) -> None:
    seven = get(client, seed=42, label=7)
    assert seven.headers["x-label"] == "7"
    point, label = digits.point(42)
    assert label == 8
    expected = digits.draw([type(point)(point.z, np.eye(10, dtype=np.float32)[7])])[0]
    assert (pixels(seven.content) == expected).all()
    assert get(client, seed=42, label=8).headers["etag"] != seven.headers["etag"]
    assert (pixels(get(client, seed=42, label=8).content) == pixels(get(client, seed=42).content)).all()


def test_psi_scales_the_latent(client: httpx.Client) -> None:
    z = np.array(get(client, seed=9, format="json").json()["z"])
    half = get(client, seed=9, psi=0.5, format="json").json()
    assert np.float32(half["z"]).tolist() == (z.astype(np.float32) * np.float32(0.5)).tolist()
    assert (pixels(get(client, seed=1, label=3, psi=0).content) == pixels(get(client, seed=2, label=3, psi=0).content)).all()


def test_the_latent_of_a_seed_gives_the_picture_of_the_seed(client: httpx.Client) -> None:
    body = get(client, seed=5, format="json").json()
    drawn = post(client, z=body["z"], label=body["label"])
    assert (pixels(drawn.content) == np.array(body["pixels"])).all()
    assert "x-seed" not in drawn.headers
    assert client.post("/generate", json={"z": body["z"]}).json()["detail"].endswith("Give a label with it.")


def test_a_mixture_of_one_class_equals_that_class(client: httpx.Client) -> None:
    pure = [1.0 if k == 3 else 0.0 for k in range(10)]
    assert (pixels(post(client, seed=5, label=pure).content) == pixels(get(client, seed=5, label=3).content)).all()
    mixed = [0.5 if k in (3, 8) else 0.0 for k in range(10)]
    assert (pixels(post(client, seed=5, label=mixed).content) != pixels(get(client, seed=5, label=3).content)).any()
    assert read_text(post(client, seed=5, label=mixed).content)["label"].startswith("[0.0, 0.0, 0.0, 0.5")


def test_a_mixture_in_a_url_equals_a_list_of_weights_in_a_body(client: httpx.Client) -> None:
    weights = [0.0] * 10
    weights[3], weights[8] = 1 / 3, 2 / 3
    text = f"8:{2 / 3!r},3:{1 / 3!r}"
    for query in ({"seed": 5}, {"seed": 5, "psi": 0.5, "scale": 3}, {"seeds": "0-20"}, {"seed": 5, "format": "json"}):
        response, listed = get(client, **query, label=text), post(client, **query, label=weights)
        assert response.content == listed.content
        assert response.headers["etag"] == listed.headers["etag"]
        assert "x-label" not in response.headers
        location = response.headers["content-location"]
        assert location == listed.headers["content-location"]
        assert "label=3:0.3333333333333333,8:0.6666666666666666" in location
        pinned = client.get(location)
        assert (pinned.content, pinned.headers["cache-control"]) == (response.content, FOREVER)
    assert json.loads(read_text(get(client, seed=5, label=text).content)["label"]) == weights
    assert post(client, seed=5, label=text).content == get(client, seed=5, label=text).content
    assert get(client, seed=5, label="3:1").content == post(client, seed=5, label=[float(k == 3) for k in range(10)]).content


def test_post_and_get_give_the_same_picture(client: httpx.Client) -> None:
    for seed in (42, "hello", 4294967295):
        assert post(client, seed=seed, scale=2).content == get(client, seed=seed, scale=2).content
    assert post(client, seeds=[0, 1, 2, 9]).content == get(client, seeds="0-2,9").content
    assert post(client, seeds="0-2,9").content == get(client, seeds="0-2,9").content


@pytest.mark.parametrize("seed", ["hello", "Привет, мир", "a\nb", 'quote"\\', "x" * 128, "кот" * 40])
def test_a_text_seed_is_returned_in_the_header_and_the_file(client: httpx.Client, seed: str) -> None:
    response = get(client, seed=seed)
    assert unquote(response.headers["x-seed"]) == seed
    assert read_text(response.content)["seed"] == seed
    assert client.get(response.headers["content-location"]).content == response.content


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1) | st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40),
    label=st.none() | st.integers(0, 9),
    psi=st.sampled_from([1.0, 0.5, 1.25, 0.0, 2.0]),
)
def test_the_text_chunks_of_a_picture_reproduce_it(
    client: httpx.Client, seed: int | str, label: int | None, psi: float
) -> None:
    query = {"seed": seed, "psi": psi} | ({} if label is None else {"label": label})
    response = client.get("/generate", params=query)
    if response.status_code == 422:  # the text is an invalid number
        assert response.json()["code"] == "seed_invalid"
        return
    chunks = read_text(response.content)
    again = client.get(
        "/generate",
        params={
            "seed": chunks["seed"],
            "label": chunks["label"],
            "psi": chunks["psi"],
            "model": chunks["model"].split("/")[0],
            "version": chunks["model"].split("/")[1],
        },
    )
    assert (pixels(again.content) == pixels(response.content)).all()


def test_a_list_of_seeds_too_long_for_a_header_is_only_in_the_file(client: httpx.Client) -> None:
    seeds = [n * 1_000_003 for n in range(4096)]
    response = post(client, seeds=seeds)
    assert not {"x-seed", "content-location"} & set(response.headers)
    assert read_text(response.content)["seeds"] == ",".join(map(str, seeds))
    assert post(client, seeds=",".join(map(str, seeds))).content == response.content


def test_an_explicit_latent_is_stored_in_the_file(client: httpx.Client) -> None:
    z = [0.25 * (n % 5) for n in range(100)]
    chunks = read_text(post(client, z=z, label=3, psi=0.123456789).content)
    assert json.loads(chunks["z"]) == z
    assert float(chunks["psi"]) == 0.123456789

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
from models import breeding, seed_contract
from models.breeding import Child
from tests.app.reading import array, pixels

FOREVER = "public, max-age=31536000, immutable"


def get(client: httpx.Client, **query: object) -> httpx.Response:
    response = client.get("/generate", params={k: str(v) for k, v in query.items()})
    assert response.status_code == 200, response.text
    return response


def post(client: httpx.Client, **body: object) -> httpx.Response:
    response = client.post("/generate", json=body)
    assert response.status_code == 200, response.text
    return response


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


@pytest.mark.parametrize("name", ["v", "t", "ref", "utm", "UTM_source", "sead", "fbclid2"])
def test_other_unknown_parameters_are_rejected(client: httpx.Client, name: str) -> None:
    response = client.get(f"/generate?seed=42&{name}=1")
    assert response.status_code == 422
    assert name in response.json()["detail"]


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

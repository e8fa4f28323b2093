"""`/plane`: seeds at integer points, and interpolated pictures between them."""

from __future__ import annotations

import math

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.images.encoding import read_text
from app.sampling.generator import LoadedGenerator
from app.sampling.latents import Point
from app.sampling.plane import SIZE, STEPS, neighbouring_seeds, seed_at
from models import seed_contract
from tests.app.reading import array, pixels

FOREVER = "public, max-age=31536000, immutable"


def get(client: httpx.Client, **query: object) -> httpx.Response:
    response = client.get("/plane", params={k: str(v) for k, v in query.items()})
    assert response.status_code == 200, response.text
    return response


def stack(client: httpx.Client, **query: object) -> np.ndarray:
    """Return the pictures of a part of the plane, (rows, columns, 28, 28)."""
    parameters = {"columns": 1, "rows": 1} | query
    found = array(get(client, format="npy", **parameters).content)
    return found.reshape(parameters["rows"], parameters["columns"], *found.shape[1:])


def of_seed(client: httpx.Client, seed: int, **query: object) -> np.ndarray:
    return array(client.get("/generate", params={"seed": seed, "format": "npy", **query}).content)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(x=st.integers(-SIZE, 2 * SIZE), y=st.integers(-SIZE, 2 * SIZE), step=st.sampled_from(STEPS))
@example(x=SIZE - 1, y=SIZE - 1, step=1.0)
@example(x=-1, y=-1, step=0.5)
def test_an_integer_point_has_the_picture_of_its_seed(client: httpx.Client, x: int, y: int, step: float) -> None:
    per_seed = int(1 / step)
    found = stack(client, x=x, y=y, columns=per_seed + 1, rows=per_seed + 1, step=step)
    for i, j in ((0, 0), (1, 0), (0, 1), (1, 1)):
        seed = (y + j) % 65_536 * 65_536 + (x + i) % 65_536
        assert (found[j * per_seed, i * per_seed] == of_seed(client, seed)).all()


def test_seeds_are_numbered_row_by_row() -> None:
    assert (seed_at(42, 0), seed_at(0, 1), seed_at(-1, -1), seed_at(SIZE + 7, SIZE)) == (42, 65_536, 2**32 - 1, 7)
    assert neighbouring_seeds(3.0, 2.0) == [(2 * SIZE + 3, 1.0)]
    assert neighbouring_seeds(0.25, 0.5) == [(0, 0.375), (1, 0.125), (SIZE, 0.375), (SIZE + 1, 0.125)]
    assert neighbouring_seeds(SIZE - 0.5, 0.0) == [(SIZE - 1, 0.5), (0, 0.5)]


def test_label_psi_and_scale_match_generate(client: httpx.Client) -> None:
    for query in ({"label": 3}, {"psi": 0.5}, {"label": "3:0.5,8:0.5"}, {"label": 7, "psi": 1.5}, {"scale": 2}):
        found = stack(client, x=41, y=2, columns=3, rows=2, **query)
        for i in range(3):
            assert (found[0, i] == of_seed(client, 2 * SIZE + 41 + i, **query)).all()
            assert (found[1, i] == of_seed(client, 3 * SIZE + 41 + i, **query)).all()


@pytest.mark.parametrize(
    ("x", "y", "weights"),
    [
        (10.5, 20.0, {(0, 0): 0.5, (1, 0): 0.5}),
        (10.0, 20.25, {(0, 0): 0.75, (0, 1): 0.25}),
        (10.5, 20.5, {(0, 0): 0.25, (1, 0): 0.25, (0, 1): 0.25, (1, 1): 0.25}),
        (10.0625, 20.75, {(0, 0): 15 / 64, (1, 0): 1 / 64, (0, 1): 45 / 64, (1, 1): 3 / 64}),
        (65_535.5, 65_535.5, {(0, 0): 0.25, (1, 0): 0.25, (0, 1): 0.25, (1, 1): 0.25}),
    ],
)
def test_latents_and_classes_are_interpolated_bilinearly_between_seeds(
    client: httpx.Client, digits: LoadedGenerator, x: float, y: float, weights: dict[tuple[int, int], float]
) -> None:
    z, row = np.zeros(100), np.zeros(10)
    for (i, j), weight in weights.items():
        latent, label = seed_contract.draw((int(y) + j) % SIZE * SIZE + (int(x) + i) % SIZE, 100, 10)
        z += weight * latent.astype(np.float64)
        row[label] += weight
    z /= math.sqrt(sum(weight**2 for weight in weights.values()))
    mixed = digits.draw([Point(z.astype(np.float32), row.astype(np.float32))])[0]
    labelled = digits.draw([Point((z.astype(np.float32) * np.float32(0.5)), np.eye(10, dtype=np.float32)[4])])[0]
    assert (stack(client, x=x, y=y, step=0.0625)[0, 0] == mixed).all()
    assert (stack(client, x=x, y=y, step=0.0625, label=4, psi=0.5)[0, 0] == labelled).all()


def test_interpolated_latents_have_unit_variance(digits: LoadedGenerator) -> None:
    from app.sampling.plane import ResolvedWindow, Window

    resolved = ResolvedWindow(Window(0, 0, 64, 64), digits, None)
    drawn: dict[int, Point] = {}
    middle = np.stack([resolved.point(i + 0.5, 0.5, drawn).z for i in range(400)])
    assert middle.std() == pytest.approx(1, abs=0.02)
    assert len(drawn) == 802, "each seed's latent is computed once"


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(step=st.sampled_from(STEPS), i=st.integers(0, 6), j=st.integers(0, 6), at=st.integers(-999, 999))
def test_a_point_has_the_same_picture_in_every_sheet(client: httpx.Client, step: float, i: int, j: int, at: int) -> None:
    x, y = at * step, 65_533 - at * step
    large = stack(client, x=x, y=y, columns=8, rows=9, step=step)
    inner = stack(client, x=x + i * step, y=y + j * step, columns=2, rows=3, step=step)
    assert (inner == large[j : j + 3, i : i + 2]).all()
    finest = stack(client, x=x + i * step, y=y + j * step, columns=2, rows=1, step=0.0625)
    assert (finest[0, 0] == large[j, i]).all()


def test_the_plane_wraps_around_on_every_side(client: httpx.Client) -> None:
    expected = get(client, x=65_535.5, y=65_535.5, columns=4, rows=4, step=0.5)
    for x, y in ((-0.5, -0.5), (131_071.5, -0.5), (65_535.5, 131_071.5)):
        again = get(client, x=x, y=y, columns=4, rows=4, step=0.5)
        assert (again.content, again.headers["etag"]) == (expected.content, expected.headers["etag"])
    assert (stack(client, x=65_535, y=0, columns=2)[0, 1] == of_seed(client, 0)).all()
    assert (stack(client, x=5, y=65_535, rows=2)[1, 0] == of_seed(client, 5)).all()


def test_sheet_and_array_contain_the_same_pixels(client: httpx.Client) -> None:
    query = {"x": 1.5, "y": 2, "columns": 5, "rows": 3, "step": 0.25}
    pictures = stack(client, **query)
    sheet = pictures.swapaxes(1, 2).reshape(3 * 28, 5 * 28)
    assert (pixels(get(client, **query).content) == sheet).all()
    assert (pixels(get(client, **query, format="webp").content) == sheet).all()
    assert (pixels(get(client, **query, scale=8).content)[::8, 7::8] == sheet).all()
    assert pixels(get(client, x=0, y=0).content).shape == (8 * 28, 8 * 28)


def test_the_text_chunks_of_a_sheet_reproduce_it(client: httpx.Client, digits: LoadedGenerator) -> None:
    chunks = read_text(get(client, x=-0.5, y=2, columns=3, rows=2, step=0.25, label="7", psi=0.5).content)
    assert chunks == {
        "Software": "Seedling",
        "model": "digits/1",
        "noise": "mt19937-v1",
        "generator": digits.manifest.digest,
        "plane": "65535.5,2 3x2 step 0.25",
        "label": "7",
        "psi": "0.5",
    }
    assert read_text(get(client, x=0, y=0, label="3:0.5,8:0.5").content)["label"].startswith("[0.0, 0.0, 0.0, 0.5,")


def test_an_alias_returns_its_pinned_url_which_is_cacheable_forever(client: httpx.Client) -> None:
    for query in (
        {"x": -0.5, "y": 65_535.9375, "columns": 3, "rows": 2, "step": 0.0625},
        {"x": 1, "y": 2, "label": "3:0.5,8:0.5", "psi": 0.7, "format": "webp", "scale": 3},
        {"x": 1, "y": 2, "label": 7, "format": "npy"},
    ):
        response = get(client, **query)
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["x-model"] == "digits/1"
        pinned = client.get(response.headers["content-location"])
        assert (pinned.content, pinned.headers["etag"]) == (response.content, response.headers["etag"])
        assert pinned.headers["cache-control"] == FOREVER
        assert "content-location" not in pinned.headers


def test_if_none_match_gets_304(client: httpx.Client) -> None:
    for query in ({"x": 3, "y": 4}, {"x": 3, "y": 4, "version": 1}):
        full = get(client, **query)
        response = client.get("/plane", params=query, headers={"If-None-Match": full.headers["etag"]})
        assert (response.status_code, response.content) == (304, b"")
        for name in ("etag", "cache-control", "content-location"):
            assert response.headers.get(name) == full.headers.get(name)
    tags = [
        get(client, **{"x": 3, "y": 4} | query).headers["etag"]
        for query in (
            {},
            {"x": 4},
            {"y": 3},
            {"columns": 7},
            {"rows": 7},
            {"step": 0.5},
            {"label": 1},
            {"psi": 0.5},
            {"scale": 2},
        )
    ]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize(
    ("query", "code", "remedy"),
    [
        ("y=0", "invalid_request", "/docs"),
        ("x=0", "invalid_request", "/docs"),
        ("x=nan&y=0", "invalid_request", "/docs"),
        ("x=-65537&y=0", "invalid_request", "/docs"),
        ("x=0&y=131073", "invalid_request", "/docs"),
        ("x=0.5&y=0", "invalid_request", "Round x to a multiple of step."),
        ("x=0&y=0.3&step=0.25", "invalid_request", "Round y to a multiple of step."),
        ("x=1e-9&y=0&step=0.0625", "invalid_request", "Round x to a multiple of step."),
        ("x=0&y=0&step=0.3", "invalid_request", "Choose one of 1, 0.5, 0.25, 0.125, 0.0625."),
        ("x=0&y=0&step=2", "invalid_request", "Choose one of"),
        ("x=0&y=0&step=0", "invalid_request", "Choose one of"),
        ("x=0&y=0&columns=65", "invalid_request", "/docs"),
        ("x=0&y=0&rows=0", "invalid_request", "/docs"),
        ("x=0&y=0&scale=9", "invalid_request", "/docs"),
        ("x=0&y=0&format=zip", "invalid_request", "/docs"),
        ("x=0&y=0&seed=1", "invalid_request", "/docs"),
        ("x=0&y=0&x=1", "invalid_request", "Give it once."),
        ("x=0&y=0&label=cat", "label_invalid", "Choose an index"),
        ("x=0&y=0&columns=64&rows=64&scale=8", "too_much", "a smaller scale"),
        ("x=0&y=0&columns=64&rows=64&scale=4&format=webp", "too_much", "another format"),
        ("x=0&y=0&version=99", "not_found", "Choose one of"),
    ],
)
def test_an_invalid_request_gets_a_problem_with_a_remedy(client: httpx.Client, query: str, code: str, remedy: str) -> None:
    response = client.get(f"/plane?{query}")
    assert (response.status_code, response.json()["code"]) == (404 if code == "not_found" else 422, code), response.text
    assert remedy in response.json()["detail"]
    assert response.json()["detail"].endswith(".")

"""`/interpolate`: interpolation between pictures."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile

import httpx
import numpy as np
import pytest
from PIL import Image, ImageSequence

from app.images.encoding import read_text
from tests.app.reading import array, frames, pixels
from tests.live import Service


def single(client: httpx.Client, **query: object) -> np.ndarray:
    return pixels(client.get("/generate", params={k: str(v) for k, v in query.items()}).content)


def walk(client: httpx.Client, **body: object) -> httpx.Response:
    response = client.post("/interpolate", json=body)
    assert response.status_code == 200, response.text
    return response


def test_the_documented_curl_command_returns_a_gif_between_two_seeds(live: Service, client: httpx.Client) -> None:
    body = '{"keyframes":[1,42],"steps":8,"format":"gif"}'
    done = subprocess.run(["curl", "-s", "-X", "POST", f"{live.url}/interpolate", "-d", body], capture_output=True, check=True)
    found = frames(done.stdout)
    assert len(found) == 8
    assert (found[0] == single(client, seed=1)).all()
    assert (found[-1] == single(client, seed=42)).all()
    assert Image.open(io.BytesIO(done.stdout)).format == "GIF"


@pytest.mark.parametrize("method", ["slerp", "lerp"])
@pytest.mark.parametrize("easing", ["linear", "ease-in", "ease-out", "ease-in-out"])
def test_every_keyframe_equals_its_single_picture(client: httpx.Client, method: str, easing: str) -> None:
    keyframes = [1, "hello", {"seed": 3, "label": 7, "psi": 0.5}, {"seed": 42, "label": "2"}]
    found = array(walk(client, keyframes=keyframes, steps=5, method=method, easing=easing, format="npy").content)
    assert found.shape == (13, 28, 28)
    assert (found[0] == single(client, seed=1)).all()
    assert (found[4] == single(client, seed="hello")).all()
    assert (found[8] == single(client, seed=3, label=7, psi=0.5)).all()
    assert (found[12] == single(client, seed=42, label=2)).all()
    assert (found[2] != found[0]).any()


def test_every_format_contains_the_same_frames(client: httpx.Client) -> None:
    body = {"keyframes": [1, 42], "steps": 6, "fps": 10, "scale": 2}
    expected = array(walk(client, **body, format="npy").content)
    assert expected.shape == (6, 56, 56)
    for kind, media_type in (("gif", "image/gif"), ("apng", "image/apng"), ("webp", "image/webp")):
        response = walk(client, **body, format=kind)
        assert response.headers["content-type"] == media_type
        assert (np.stack(frames(response.content)) == expected).all(), kind
        with Image.open(io.BytesIO(response.content)) as animation:
            animation.load()  # Pillow reads the duration of a WebP only after this
            assert animation.info["duration"] == 100
    strip = pixels(walk(client, **body, format="strip").content)
    assert (strip == np.concatenate(list(expected), axis=1)).all()
    with zipfile.ZipFile(io.BytesIO(walk(client, **body, format="zip").content)) as archive:
        assert archive.namelist() == [f"frame-{i:04d}.png" for i in range(6)]
        assert all(read_text(archive.read(name))["model"] == "digits/1" for name in archive.namelist())
        assert (np.stack([pixels(archive.read(n)) for n in archive.namelist()]) == expected).all()
    payload = walk(client, **body, format="json").json()
    assert (np.array([f["pixels"] for f in payload["frames"]]) == expected).all()
    assert [f["t"] for f in payload["frames"]] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert (payload["model"], payload["version"]) == ("digits", 1)


def test_a_loop_returns_to_the_start_and_omits_the_last_frame(client: httpx.Client) -> None:
    forward = array(walk(client, keyframes=[1, 42], steps=5, format="npy").content)
    backward = array(walk(client, keyframes=[42, 1], steps=5, format="npy").content)
    loop = walk(client, keyframes=[1, 42], steps=5, loop=True, format="npy")
    assert loop.headers["x-frames"] == "8"
    assert (array(loop.content) == np.concatenate([forward[:-1], backward[:-1]])).all()
    for kind in ("gif", "apng", "webp"):
        looping = walk(client, keyframes=[1, 42], steps=5, loop=True, format=kind).content
        assert Image.open(io.BytesIO(looping)).info["loop"] == 0
    assert "loop" not in Image.open(io.BytesIO(walk(client, keyframes=[1, 42], format="gif").content)).info


def test_labels_are_interpolated_linearly(client: httpx.Client) -> None:
    keyframes = [{"seed": 5, "label": 3}, {"seed": 5, "label": 8}]
    found = array(walk(client, keyframes=keyframes, steps=3, format="npy").content)
    half = [0.5 if k in (3, 8) else 0.0 for k in range(10)]
    middle = pixels(client.post("/generate", json={"seed": 5, "label": half}).content)
    assert (found[1] == middle).all()
    assert (found[0] != found[2]).any()


def test_explicit_latents_are_accepted_as_keyframes(client: httpx.Client) -> None:
    payload = [client.get("/generate", params={"seed": s, "format": "json"}).json() for s in (1, 42)]
    keyframes = [{"z": t["z"], "label": t["label"]} for t in payload]
    by_z = array(walk(client, keyframes=keyframes, steps=4, format="npy").content)
    by_seed = array(walk(client, keyframes=[1, 42], steps=4, format="npy").content)
    assert (by_z == by_seed).all()


def test_equal_keyframes_give_equal_frames(client: httpx.Client) -> None:
    found = array(walk(client, keyframes=[7, 7], steps=4, format="npy").content)
    assert (found == found[0]).all()
    for kind in ("gif", "apng", "webp"):
        animation = walk(client, keyframes=[1, 1, 1], steps=5, format=kind)
        assert animation.headers["x-frames"] == str(len(frames(animation.content))) == "9"


def test_the_text_chunks_of_a_frame_in_a_zip_reproduce_it(client: httpx.Client) -> None:
    keyframes = [{"seed": 5, "label": 3}, {"seed": "x", "label": 8, "psi": 0.5}, 7]
    content = walk(client, keyframes=keyframes, steps=4, loop=True, format="zip", scale=2).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = [archive.read(name) for name in archive.namelist()]
    assert len(files) == 9
    for file in files:
        text = read_text(file)
        body: dict[str, object] = {"psi": float(text["psi"]), "scale": 2}
        for name in ("seed", "z", "label"):
            if name in text:
                body[name] = json.loads(text[name]) if text[name].startswith("[") else text[name]
        response = client.post("/generate", json=body)
        assert response.status_code == 200, response.text
        assert (pixels(response.content) == pixels(file)).all(), text
    seeds = [read_text(file).get("seed") for file in files]
    assert seeds == ["5", None, None, "x", None, None, "7", None, None]
    assert [read_text(file)["segment"] for file in files] == list("000111222")
    assert {json.loads(read_text(file)["walk"])["steps"] for file in files} == {4}
    assert all(read_text(file).keys() >= {"Software", "model", "generator", "noise"} for file in files)


@pytest.mark.parametrize(("kind", "unit"), [("gif", 10), ("apng", 1), ("webp", 1)])
@pytest.mark.parametrize("fps", [1, 12, 24, 30, 50])
def test_the_duration_of_an_animation_matches_fps(client: httpx.Client, kind: str, unit: int, fps: int) -> None:
    content = walk(client, keyframes=[1, 42, 7], steps=12, fps=fps, format=kind).content
    total = 0.0
    with Image.open(io.BytesIO(content)) as animation:
        for frame in ImageSequence.Iterator(animation):
            frame.load()
            total += frame.info["duration"]
    assert total == pytest.approx(23 * 1000 / fps, abs=unit)


def test_the_text_chunks_of_a_strip_reproduce_it(client: httpx.Client) -> None:
    body = {"keyframes": [1, {"seed": "hello", "label": 3, "psi": 0.7}], "steps": 5, "easing": "ease-in"}
    strip = walk(client, **body, format="strip").content
    payload = json.loads(read_text(strip)["interpolate"])
    for keyframe in payload["keyframes"]:
        keyframe["psi"] = float(keyframe["psi"])
        keyframe["seed"] = int(keyframe["seed"]) if keyframe["seed"].isdigit() else keyframe["seed"]
    assert (pixels(walk(client, **payload, format="strip").content) == pixels(strip)).all()


@pytest.mark.parametrize(
    ("body", "code", "fragment"),
    [
        ({"keyframes": [1]}, "invalid_request", "keyframes"),
        ({"keyframes": list(range(257))}, "invalid_request", "256"),
        ({"keyframes": [1, 2], "steps": 2049}, "invalid_request", "2048"),
        ({"keyframes": [1, 2], "steps": 1}, "invalid_request", "steps"),
        ({"keyframes": [1, 2, 3], "steps": 1026}, "too_much", "2,048 frames"),
        ({"keyframes": [1, 2], "steps": 2048, "scale": 32}, "too_much", "64,000,000 pixels"),
        ({"keyframes": [1, -2]}, "seed_invalid", "must be in 0..4294967295"),
        ({"keyframes": [1, {"seed": 1, "z": [0.0]}]}, "invalid_request", "a seed, a z or parents"),
        ({"keyframes": [1, {}]}, "invalid_request", "a seed, a z or parents"),
        ({"keyframes": [1, {"z": [0.0] * 100}]}, "invalid_request", "label"),
        ({"keyframes": [1, {"seed": 2, "label": 10}]}, "label_invalid", "There is no class"),
        ({"keyframes": [1, 2], "fps": 51, "format": "gif"}, "invalid_request", "50 frames per second"),
        ({"keyframes": [1, 2], "steps": 2048, "scale": 4, "format": "json"}, "too_much", "4,000,000 pixels"),
        ({"keyframes": [1, 2], "method": "cubic"}, "invalid_request", "method"),
        ({"keyframes": [1, 2], "fps": 61}, "invalid_request", "fps"),
        ({"keyframes": [1, 2], "format": "mp4"}, "invalid_request", "format"),
        ({"keyframes": [1, 2], "speed": 2}, "invalid_request", "speed"),
        ({}, "invalid_request", "keyframes"),
    ],
    ids=str,
)
def test_an_invalid_interpolation_gets_a_problem_that_names_the_limit(
    client: httpx.Client, body: dict, code: str, fragment: str
) -> None:
    response = client.post("/interpolate", json=body)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert fragment in response.text
    assert response.json()["detail"].endswith(".")

"""A PNG with any text chunks gets a documented response, and is not found equal unless its pixels are."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.images import encoding
from models.repository import Repository
from tests.fuzz.asgi import Server
from tests.fuzz.budget import max_examples
from tests.live import SHIPPED

DIGEST = Repository(SHIPPED).get("digits", 1).manifest.digest
PICTURES = np.random.RandomState(0).randint(0, 256, (4, 28, 28)).astype(np.uint8)
KEYFRAME = {"seed": "1", "label": "3", "psi": "1.0"}
WALK = {"keyframes": [KEYFRAME, KEYFRAME], "steps": 2, "method": "slerp", "easing": "linear", "loop": False}
scraps = st.sampled_from(
    [
        "",
        "0",
        "-1",
        "1",
        "42,7",
        "0-3",
        "[]",
        "{}",
        "null",
        "1e999",
        "nan",
        "3",
        "(1,2,3),4",
        "slant:1",
        "[0.5, 0.5]",
        "x",
        "[[",
        "9" * 400,
    ]
)
texts = scraps | st.text(max_size=30) | st.lists(scraps, max_size=4).map(",".join)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*WALK, *KEYFRAME, "z", "edit"]), inner, max_size=4)
    ),
    max_leaves=8,
)
walks = st.builds(
    lambda changes: json.dumps(WALK | changes), st.dictionaries(st.sampled_from(list(WALK)), json_values, max_size=2)
)
claims = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            ("seed", "seeds", "z", "parents", "child", "label", "edit", "directions", "factor", "given", "segment", "t"), texts
        ),
        "psi": st.just("1.0") | texts,
        "breeding": st.just("breed-v1") | texts,
        "plane": st.sampled_from(["0,0 1x1 step 1", "65535.5,0 2x2 step 0.5", "1,1 64x64 step 1"]) | texts,
        "interpolate": walks | texts,
        "walk": walks | texts,
    },
)


@max_examples(150)
@given(claim=claims, columns=st.sampled_from([1, 2, 4]))
def test_any_claim_gets_a_documented_verdict(server: Server, claim: dict[str, str], columns: int) -> None:
    text = {"model": "digits/1", "noise": "mt19937-v1", "generator": DIGEST} | claim
    content = encoding.png(encoding.sheet(PICTURES[:columns], columns), text)
    response = server.request("POST", b"/verify", [(b"content-type", b"image/png")], content)
    assert response.status == 200, response.body
    found = json.loads(response.body)
    assert found["verdict"] in ("different", "no_claim", "unknown_version")
    assert found["reason"].endswith(".")

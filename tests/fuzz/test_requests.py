"""Arbitrary requests get a documented status and errors as problem details, never a server error."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.fuzz.asgi import BEARER, Response, Server, check_response, is_valid_target
from tests.fuzz.budget import max_examples
from tests.fuzz.mutation import damaged

TEXTS = st.sampled_from(
    ["", " ", "0", "1", "-1", "2.5", "nan", "inf", "1e999", "true", "null", "9" * 400, "\0", "é", "٣", "\n", "%"]
)
TEXTS |= st.text(max_size=12)
VALID_VALUES = {
    "seed": ["42", "a text", "4294967295"],
    "seeds": ["0-3", "7", "1,2,2"],
    "label": ["3", "3:0.5,8:0.5"],
    "psi": ["0.5", "1", "2"],
    "model": ["digits"],
    "version": ["1", "champion"],
    "format": ["png", "webp", "json", "npy", "zip", "strip"],
    "scale": ["1", "2"],
    "columns": ["1", "2"],
    "rows": ["1", "2"],
    "x": ["0", "0.5", "131072"],
    "y": ["-1", "3"],
    "step": ["1", "0.5", "0.0625"],
    "count": ["1", "10"],
    "prepare": ["auto", "none"],
    "limit": ["1", "200"],
    "before": ["1"],
    "state": ["queued", "failed"],
    "images": ["0"],
}
PARAMETERS = {
    "/generate": ["seed", "seeds", "label", "psi", "model", "version", "format", "scale", "columns"],
    "/plane": ["x", "y", "columns", "rows", "step", "label", "psi", "version", "format", "scale"],
    "/discriminate": ["seeds", "label", "psi", "model", "version"],
    "/quiz": ["seed", "count", "model", "version"],
    "/admin/jobs": ["limit", "before", "state"],
    "/admin/audit": ["limit", "before"],
}
REQUIRED = {"/plane": {"x": "0", "y": "0", "columns": "2", "rows": "2"}, "/discriminate": {"seeds": "0-3"}}


def _encoded(pairs: list[tuple[str, str]]) -> bytes:
    return "&".join(f"{quote(name)}={quote(value, errors='replace')}" for name, value in pairs).encode()


@st.composite
def queries(draw: st.DrawFn, path: str) -> bytes:
    """A valid query, one with a wrong parameter or value, or damaged bytes."""
    names = draw(st.lists(st.sampled_from(PARAMETERS[path]), max_size=4, unique=True))
    pairs = dict(REQUIRED.get(path, {})) | {name: draw(st.sampled_from(VALID_VALUES[name])) for name in names}
    if draw(st.booleans()):
        pairs[draw(st.sampled_from(PARAMETERS[path]) | TEXTS)] = draw(TEXTS)
    query = _encoded(list(pairs.items()))
    return draw(st.just(query) | damaged([query, b"seed=%FF&seed=%00", b"&&=;=&%&%2"], 2))


@pytest.mark.parametrize("path", PARAMETERS)
@max_examples(15)
@given(data=st.data())
def test_any_query_gets_a_documented_response(server: Server, path: str, data: st.DataObject) -> None:
    target = f"{path}?".encode() + data.draw(queries(path))
    assume(is_valid_target(target))
    response = server.request("GET", target, [BEARER] if path.startswith("/admin") else [])
    check_response(response, server.documented_statuses("GET", path) - {503})
    if response.status == 200 and path == "/generate" and b"seed" not in target and b"%" not in target:
        assert response.header(b"cache-control") == b"no-store", "the server chose the seed"


@pytest.mark.parametrize("path", PARAMETERS)
def test_the_error_about_a_hundred_unknown_parameters_is_short(server: Server, path: str) -> None:
    target = f"{path}?{'&'.join(f'a{i}=1' for i in range(100))}".encode()
    response = server.request("GET", target, [BEARER])
    check_response(response, {422} if not path.startswith("/admin") else {200, 422})
    assert len(response.body) < 2_000


NUMBERS = st.sampled_from([0, 1, -1, 2, 2**31, 2**32, 2**64, 10**300, 0.5, -0.0, 1e308, float("nan"), float("inf")])
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS | st.sampled_from(["\ud800", "42", "3:1", "png", "slerp"])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)
BODIES: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("POST", "/generate"): [
        {"seed": 42, "label": 7, "psi": 0.5, "scale": 2, "format": "png"},
        {"seeds": "0-3", "columns": 2, "format": "zip"},
        {"seeds": [1, 2], "model": "digits", "version": "1", "format": "webp"},
        {"z": [0.0] * 100, "label": [0.1] * 10, "format": "json"},
    ],
    ("POST", "/interpolate"): [
        {"keyframes": [1, 42], "steps": 3, "format": "gif", "fps": 12, "loop": True},
        {
            "keyframes": [{"seed": 5, "label": 3}, {"z": [0.5] * 100, "label": "3:0.5,8:0.5", "psi": 1}],
            "steps": 2,
            "format": "apng",
        },
        {"keyframes": ["a", "b", 3], "steps": 2, "method": "lerp", "easing": "linear", "scale": 2, "format": "json"},
    ],
    ("POST", "/admin/retrain"): [
        {"preset": "quick", "promote": "never", "note": "x", "seed": 1, "dataset": "mnist"},
        {"preset": "standard", "budget": {"minutes": 30}, "warm_start": True, "spec": {"learning_rate": 1e-3}},
        {"spec": {"generator_widths": [8, 8, 8], "gamma": 1, "loss": "bce", "z_dim": 2}, "budget": {"images": 1000}},
    ],
    ("PUT", "/admin/models/digits/champion"): [{"version": 1}, {"version": "previous", "reason": "x"}],
}


@st.composite
def bodies(draw: st.DrawFn, samples: list[dict[str, Any]]) -> bytes:
    """A JSON body with at most one value changed, removed or added, or damaged JSON."""
    body = json.loads(json.dumps(draw(st.sampled_from(samples))))
    node: Any = body
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = draw(st.sampled_from(keys) if keys else TEXTS)
        child = node[key] if keys else None
        if isinstance(child, dict | list) and child and draw(st.booleans()):
            node = child
            continue
        mutation = draw(st.sampled_from(["value", "value", "drop", "add", "none"]))
        if mutation == "value":
            node[key] = draw(VALUES)
        elif mutation == "drop" and keys:
            del node[key]
        elif mutation == "add" and isinstance(node, dict):
            node[draw(TEXTS)] = draw(VALUES)
        break
    text = json.dumps(body, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    return draw(st.just(text) | st.just(text) | damaged([text, b'{"a":' * 50, b"[" * 5000, b"\xef\xbb\xbf{}", b"9" * 5000], 2))


CONTENT_TYPES = st.sampled_from(
    [b"application/json", b"", b"application/x-www-form-urlencoded", b"text/plain", b"multipart/form-data", b";"]
)


@pytest.mark.parametrize(("method", "path"), BODIES)
@max_examples(20)
@given(data=st.data(), content_type=CONTENT_TYPES, chunk=st.sampled_from([1, 100, 65_536]))
def test_any_body_gets_a_documented_response(
    server: Server, method: str, path: str, data: st.DataObject, content_type: bytes, chunk
) -> None:
    body = data.draw(bodies(BODIES[method, path]))
    headers = [(b"content-type", content_type)]
    if path.startswith("/admin"):
        headers += [BEARER, (b"if-match", b"*")]
        headers += data.draw(
            st.just([]) | st.binary(min_size=1, max_size=3).map(lambda key: [(b"idempotency-key", key.hex().encode())])
        )
    response = server.request(method, path.encode(), headers, body, chunk)
    template = path.replace("digits", "{name}")
    check_response(response, server.documented_statuses(method, template) - {501, 503, 401, 403, 429})
    if response.status == 202:
        job = response.json()
        assert job["spec"]["images"] <= 10**9
        cancelled = server.request("POST", f"/admin/jobs/{job['id']}/cancel".encode(), [BEARER])
        assert cancelled.status in (202, 409), cancelled.body  # a repeated idempotency key returns an earlier job


HEADER_VALUES = st.binary(max_size=60).map(
    lambda value: bytes(byte for byte in value if (byte >= 32 and byte != 127) or byte == 9).strip()
)
HEADERS = {
    b"if-none-match": [b"*", b'"a", W/"b"', b'"', b"W/", b",,,"],
    b"if-match": [b"*", b'"digits/1"', b'"digits/1", "b"', b"W/*"],
    b"accept": [b"text/html", b"*/*;q=0", b",;=", b"application/json"],
    b"accept-language": [b"ru", b"en;q=0.5,ru;q=1", b";;q=", b"*"],
    b"accept-encoding": [b"br", b"gzip;q=0", b"*", b","],
    b"authorization": [b"Bearer", b"Bearer  ", b"bearer a b", b"Basic YTpi", b"Bearer \xff", b"B"],
    b"idempotency-key": [b"", b"k" * 255, b"k" * 256, b"\xff"],
    b"last-event-id": [b"0", b"-1", b"9" * 10, b"\xb2", b"1 "],
    b"host": [b"", b"[", b"[::1", b"a:b", b"a:99999", b"\xff", b"a/b?c#d", b"user@host"],
    b"content-type": [b"application/json; charset=utf-16", b"application/", b"a/b/c", b'multipart/form-data; boundary="'],
    b"content-length": [b"0", b"-1", b"x", b"9" * 18, b"1_0"],
    b"transfer-encoding": [b"chunked", b"x"],
    b"traceparent": [b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01", b"00-0", b"ff-"],
    b"x-forwarded-for": [b"1.2.3.4", b"::1%x", b","],
    b"range": [b"bytes=0-1", b"bytes=-", b"bytes=9-0"],
    b"cookie": [b"a=b", b"=;="],
    b"origin": [b"null", b"http://a"],
}
REQUESTS = [
    ("GET", b"/generate?seed=42", "/generate"),
    ("POST", b"/generate", "/generate"),
    ("GET", b"/plane?x=0&y=0&columns=2&rows=2", "/plane"),
    ("GET", b"/quiz?seed=1&count=2", "/quiz"),
    ("GET", b"/models", "/models"),
    ("GET", b"/models/digits/history", "/models/{name}/history"),
    ("GET", b"/models/digits/versions/1/card", "/models/{name}/versions/{version}/card"),
    ("HEAD", b"/models/digits/versions/1/samples.png", "/models/{name}/versions/{version}/samples.png"),
    ("POST", b"/interpolate", "/interpolate"),
    ("GET", b"/admin/jobs", "/admin/jobs"),
    ("GET", b"/admin/jobs/0123456789ab/events", "/admin/jobs/{job_id}/events"),
    ("PUT", b"/admin/models/digits/champion", "/admin/models/{name}/champion"),
    ("POST", b"/admin/retrain", "/admin/retrain"),
    ("GET", b"/", ""),
    ("GET", b"/nowhere", ""),
    ("BREW", b"/models/digits", ""),
]


@pytest.mark.parametrize(("method", "target", "template"), REQUESTS)
@max_examples(5)
@given(data=st.data())
@example(data=None)
def test_any_headers_get_a_documented_response(server: Server, method: str, target: bytes, template: str, data) -> None:
    sent: list[tuple[bytes, bytes]] = []
    if data is not None:
        for name in data.draw(st.lists(st.sampled_from(sorted(HEADERS)), max_size=4)):
            sent.append((name, data.draw(st.sampled_from(HEADERS[name]) | HEADER_VALUES)))
    if target.startswith(b"/admin") and not any(name == b"authorization" for name, _ in sent):
        sent.append(BEARER)
    response = server.request(method, target, sent, b'{"version": 1}' if method == "PUT" else b"")
    allowed = server.documented_statuses("GET" if method == "HEAD" else method, template) if template else {200, 304, 404, 405}
    if sum(name == b"host" for name, _ in sent) > 1:
        check_response_or_head(response, {400}, method)
    elif response.status == 404 and response.header(b"content-type").startswith(b"text/html"):
        assert any(name == b"accept" and b"text/html" in value for name, value in sent), (
            "a page was sent although the request does not accept HTML"
        )
    else:
        check_response_or_head(response, allowed | {413}, method)
    if response.status == 202:
        server.request("POST", f"/admin/jobs/{response.json()['id']}/cancel".encode(), [BEARER])


def check_response_or_head(response: Response, allowed: set[int], method: str) -> None:
    if method == "HEAD":
        assert response.status in allowed
        assert not response.body
    else:
        check_response(response, allowed)


@max_examples(10)
@given(token=HEADER_VALUES)
def test_a_wrong_token_is_rejected(server: Server, token: bytes) -> None:
    response = server.request("GET", b"/admin/jobs", [(b"authorization", b"Bearer " + token)])
    check_response(response, {400, 401})
    assert b"www-authenticate" in dict(response.headers)

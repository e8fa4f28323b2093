"""What people write into addresses and headers: each reader gives what it promises, or refuses in its own words."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from app.addresses import is_loopback, network
from app.api.dependencies import read_query
from app.errors import InvalidRequest, LabelInvalid, LatentInvalid, SeedInvalid, TooMuch
from app.http import caching
from app.http.middleware import _host, _printable
from app.http.pages import LANGUAGES, preferred_language
from app.observability.tracing import take_over
from app.sampling.latents import (
    MAX_LATENT,
    MAX_PICTURES,
    explicit_latent,
    format_mixture,
    format_seeds,
    label_row,
    label_text,
    parse_seed,
    parse_seeds,
    resolve_label,
)
from models import seed_contract
from tests.fuzz.budget import tries

DIGITS = tuple("0123456789")
NUMBERS = st.sampled_from(["0", "-0", "+1", "00", "4294967295", "4294967296", "1e3", "1_000", "٣", "１", "²", "9" * 127, "0x1"])
TEXTS = st.text(max_size=140) | NUMBERS | st.from_regex(r"[-+ ]?[0-9eE.,:-]{0,12}[ \n]?", fullmatch=True)
LISTS = st.lists(NUMBERS | st.from_regex(r"[0-9]{1,3}(-[0-9]{1,4})?", fullmatch=True) | st.text("0-9, ", max_size=8))
NAMES = st.from_regex(r"[!-~]{1,8}", fullmatch=True)
CLASSES = st.just(DIGITS) | st.just(()) | st.lists(NAMES, max_size=5, unique=True).map(tuple)


@tries(35)
@given(text=TEXTS)
@example("\ud800")
@example("1\n")
def test_a_seed_is_an_integer_in_range_or_the_text_itself(text: str) -> None:
    try:
        seed = parse_seed(text)
    except SeedInvalid:
        return
    if isinstance(seed, int):
        assert 0 <= seed <= seed_contract.MAX_SEED
        assert re.fullmatch("[0-9]+", text)
    else:
        assert seed == text
    z, label = seed_contract.draw(seed, 100, 10)
    assert (z.shape, z.dtype) == ((100,), np.float32)
    assert label in range(10)


@tries(35)
@given(text=LISTS.map(",".join) | TEXTS)
@example("0-4294967295")
@example(",".join(["0-4095"] * 100))
def test_a_list_of_seeds_is_in_range_and_bounded_and_reads_back(text: str) -> None:
    try:
        seeds = parse_seeds(text)
    except (SeedInvalid, TooMuch):
        return
    assert 0 < len(seeds) <= MAX_PICTURES
    assert all(type(seed) is int and 0 <= seed <= seed_contract.MAX_SEED for seed in seeds)
    assert parse_seeds(format_seeds(seeds)) == seeds


PARTS = st.tuples(NAMES | st.sampled_from(DIGITS), st.sampled_from([":", "", "::", " : "]), TEXTS | st.just("0.5")).map("".join)
LABELS = TEXTS | st.lists(PARTS, max_size=4).map(",".join) | st.sampled_from(["3:0.5,8:0.5", "0:1", "3:1e400,8:-1", "1:1_0"])


@tries(50)
@given(classes=CLASSES, text=LABELS)
@example(classes=DIGITS, text="3:nan,8:1")
@example(classes=DIGITS, text="3:٠.5,8:0.5")
def test_a_label_is_a_class_or_a_mixture_or_refused(classes: tuple[str, ...], text: str) -> None:
    try:
        label = resolve_label(text, classes)
    except LabelInvalid:
        return
    assert label is not None
    row = label_row(label, classes)
    assert (row.shape, row.dtype) == ((len(classes),), np.float32)
    assert (row >= 0).all()
    assert abs(float(row.sum()) - 1) < 2e-3
    said = label_text(label, classes)
    assert said is None or resolve_label(said, classes) == label


FLOATS = st.floats() | st.sampled_from([0.5, 0.5, 0.25, 1.0, 0.0, -0.0])


@tries(35)
@given(classes=CLASSES, weights=st.lists(FLOATS, max_size=11).map(tuple))
def test_weights_are_a_mixture_or_refused(classes: tuple[str, ...], weights: tuple[float, ...]) -> None:
    try:
        label = resolve_label(weights, classes)
    except LabelInvalid:
        return
    assert label is not None
    assert np.isfinite(label_row(label, classes)).all()
    text = format_mixture(weights, classes)
    assert "nan" not in text
    assert "inf" not in text.replace("".join(classes), "")


@tries(30)
@given(values=st.lists(FLOATS, max_size=5), z_dim=st.integers(1, 5))
def test_a_latent_is_finite_and_of_its_length_or_refused(values: list[float], z_dim: int) -> None:
    try:
        z = explicit_latent(values, z_dim)
    except LatentInvalid:
        return
    assert (z.shape, z.dtype) == ((z_dim,), np.float32)
    assert (np.abs(z) <= MAX_LATENT).all()


@tries(35)
@given(query=st.binary(max_size=60) | st.text("ab&=%;+ \xff", max_size=30).map(lambda text: text.encode("latin-1")))
@example(b"a=%ff")
@example(b"a=1&%61=2")
def test_a_query_is_one_value_a_name_or_refused(query: bytes) -> None:
    try:
        values = read_query(query)
    except InvalidRequest:
        return
    assert len(values) == sum(1 for part in query.split(b"&") if part)
    for text in (*values, *values.values()):
        text.encode()  # no lone surrogates


ACCEPTED = st.lists(st.sampled_from(["ru", "en", "ru-RU", "*", "q=1", ";q=0.5", "; q=1.000", ";q=0", ";q=", "-", "\xff"]))


@tries(35)
@given(header=ACCEPTED.map(",".join) | ACCEPTED.map("".join) | st.text(max_size=30))
def test_a_language_is_one_of_ours(header: str) -> None:
    assert preferred_language(header) in LANGUAGES
    assert preferred_language(f"ru,{header}") == "ru", "nothing is preferred to what is named first at its full weight"


TAG = caching.etag_of_content(b"x")


@tries(35)
@given(lines=st.lists(st.text(max_size=20) | st.sampled_from([TAG, f"W/{TAG}", "*", TAG[:-1], TAG.upper()]), max_size=4))
def test_a_copy_is_right_only_where_its_tag_is_named(lines: list[str]) -> None:
    named = {part.strip() for line in lines for part in line.split(",")}
    assert caching.matches(lines, TAG) == bool(named & {"*", TAG, f"W/{TAG}"})
    assert caching.matches([*lines, f' "other" , W/{TAG}'], TAG)


HEX = st.text("0123456789abcdef-", max_size=60)
TRACES = st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-x)?\n?", fullmatch=True)


@tries(35)
@given(header=(HEX | TRACES | st.text("0-f", max_size=60)).map(str.encode) | st.binary(max_size=200) | st.none())
def test_a_trace_is_the_callers_or_a_new_one(header: bytes | None) -> None:
    trace = take_over(header)
    assert re.fullmatch("[0-9a-f]{32}", trace.trace_id)
    assert re.fullmatch("[0-9a-f]{16}", trace.span_id)
    assert trace.trace_id != "0" * 32


ADDRESSES = st.ip_addresses().map(str) | st.sampled_from(["::1%eth0", "fe80::1%", "::ffff:127.0.0.1", "1.2.3.04", "[::1]"])


@tries(35)
@given(client=ADDRESSES | st.text(max_size=100))
@example("fe80::1%eth0")
def test_a_client_is_counted_under_a_short_name(client: str) -> None:
    assert 0 <= len(network(client)) <= 64
    assert is_loopback(client) in (True, False)


@tries(50)
@given(host=st.binary(max_size=40) | st.sampled_from([b"[", b"[::1]:80", b"]", b"a:b:c", b"A.B:80", b"[[]]"]))
def test_a_host_is_read_from_any_bytes(host: bytes) -> None:
    found = _host({"headers": [(b"host", host)]})
    assert found == found.lower()
    assert found.strip("[]") in host.decode("latin-1").lower()


@tries(50)
@given(text=st.text(max_size=40))
@example("/a\r\nINFO: b")
@example("/a\u2028b")
def test_no_path_begins_a_line_of_the_log(text: str) -> None:
    shown = _printable(text)
    assert len(shown.splitlines()) <= 1
    assert shown.isprintable()

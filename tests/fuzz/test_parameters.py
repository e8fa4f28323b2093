"""Parsers of query parameters and headers return valid values or raise their documented errors."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from app.addresses import is_loopback, network
from app.api.dependencies import read_query
from app.errors import InvalidRequest, LabelInvalid, LatentInvalid, SeedInvalid, TooMuch
from app.http import caching
from app.http.middleware import _host
from app.http.pages import LANGUAGES, preferred_language
from app.observability.access_log import printable
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
from tests.fuzz.budget import max_examples

DIGITS = tuple("0123456789")
NUMBERS = st.sampled_from(["0", "-0", "+1", "00", "4294967295", "4294967296", "1e3", "1_000", "٣", "１", "²", "9" * 127, "0x1"])
TEXTS = st.text(max_size=140) | NUMBERS | st.from_regex(r"[-+ ]?[0-9eE.,:-]{0,12}[ \n]?", fullmatch=True)
SEED_LISTS = st.lists(NUMBERS | st.from_regex(r"[0-9]{1,3}(-[0-9]{1,4})?", fullmatch=True) | st.text("0-9, ", max_size=8))
NAMES = st.from_regex(r"[!-~]{1,8}", fullmatch=True)
CLASSES = st.just(DIGITS) | st.just(()) | st.lists(NAMES, max_size=5, unique=True).map(tuple)


@max_examples(35)
@given(text=TEXTS)
@example("\ud800")
@example("1\n")
def test_a_seed_is_an_integer_in_range_or_the_unchanged_text(text: str) -> None:
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


@max_examples(35)
@given(text=SEED_LISTS.map(",".join) | TEXTS)
@example("0-4294967295")
@example(",".join(["0-4095"] * 100))
def test_a_list_of_seeds_is_bounded_and_survives_a_round_trip(text: str) -> None:
    try:
        seeds = parse_seeds(text)
    except (SeedInvalid, TooMuch):
        return
    assert 0 < len(seeds) <= MAX_PICTURES
    assert all(type(seed) is int and 0 <= seed <= seed_contract.MAX_SEED for seed in seeds)
    assert parse_seeds(format_seeds(seeds)) == seeds


PARTS = st.tuples(NAMES | st.sampled_from(DIGITS), st.sampled_from([":", "", "::", " : "]), TEXTS | st.just("0.5")).map("".join)
LABELS = TEXTS | st.lists(PARTS, max_size=4).map(",".join) | st.sampled_from(["3:0.5,8:0.5", "0:1", "3:1e400,8:-1", "1:1_0"])


@max_examples(50)
@given(classes=CLASSES, text=LABELS)
@example(classes=DIGITS, text="3:nan,8:1")
@example(classes=DIGITS, text="3:٠.5,8:0.5")
def test_a_label_is_a_class_a_mixture_or_rejected(classes: tuple[str, ...], text: str) -> None:
    try:
        label = resolve_label(text, classes)
    except LabelInvalid:
        return
    assert label is not None
    row = label_row(label, classes)
    assert (row.shape, row.dtype) == ((len(classes),), np.float32)
    assert (row >= 0).all()
    assert abs(float(row.sum()) - 1) < 2e-3
    formatted = label_text(label, classes)
    assert formatted is None or resolve_label(formatted, classes) == label


FLOATS = st.floats() | st.sampled_from([0.5, 0.5, 0.25, 1.0, 0.0, -0.0])


@max_examples(35)
@given(classes=CLASSES, weights=st.lists(FLOATS, max_size=11).map(tuple))
def test_weights_are_a_mixture_or_rejected(classes: tuple[str, ...], weights: tuple[float, ...]) -> None:
    try:
        label = resolve_label(weights, classes)
    except LabelInvalid:
        return
    assert label is not None
    assert np.isfinite(label_row(label, classes)).all()
    text = format_mixture(weights, classes)
    assert "nan" not in text
    assert "inf" not in text.replace("".join(classes), "")


@max_examples(30)
@given(values=st.lists(FLOATS, max_size=5), z_dim=st.integers(1, 5))
def test_a_latent_has_its_length_and_bounded_values_or_is_rejected(values: list[float], z_dim: int) -> None:
    try:
        z = explicit_latent(values, z_dim)
    except LatentInvalid:
        return
    assert (z.shape, z.dtype) == ((z_dim,), np.float32)
    assert (np.abs(z) <= MAX_LATENT).all()


@max_examples(35)
@given(query=st.binary(max_size=60) | st.text("ab&=%;+ \xff", max_size=30).map(lambda text: text.encode("latin-1")))
@example(b"a=%ff")
@example(b"a=1&%61=2")
def test_a_query_has_one_value_per_name_or_is_rejected(query: bytes) -> None:
    try:
        values = read_query(query)
    except InvalidRequest:
        return
    assert len(values) == sum(1 for part in query.split(b"&") if part)
    for text in (*values, *values.values()):
        text.encode()  # no lone surrogates


ACCEPTED = st.lists(st.sampled_from(["ru", "en", "ru-RU", "*", "q=1", ";q=0.5", "; q=1.000", ";q=0", ";q=", "-", "\xff"]))


@max_examples(35)
@given(header=ACCEPTED.map(",".join) | ACCEPTED.map("".join) | st.text(max_size=30))
def test_the_preferred_language_is_a_supported_one(header: str) -> None:
    assert preferred_language(header) in LANGUAGES
    assert preferred_language(f"ru,{header}") == "ru", "the first language with full weight is preferred"


TAG = caching.etag_of_content(b"x")


@max_examples(35)
@given(lines=st.lists(st.text(max_size=20) | st.sampled_from([TAG, f"W/{TAG}", "*", TAG[:-1], TAG.upper()]), max_size=4))
def test_an_etag_matches_only_if_it_is_listed(lines: list[str]) -> None:
    listed = {part.strip() for line in lines for part in line.split(",")}
    assert caching.matches(lines, TAG) == bool(listed & {"*", TAG, f"W/{TAG}"})
    assert caching.matches([*lines, f' "other" , W/{TAG}'], TAG)


HEX = st.text("0123456789abcdef-", max_size=60)
TRACES = st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-x)?\n?", fullmatch=True)


@max_examples(35)
@given(header=(HEX | TRACES | st.text("0-f", max_size=60)).map(str.encode) | st.binary(max_size=200) | st.none())
def test_a_trace_context_is_always_valid(header: bytes | None) -> None:
    trace = take_over(header)
    assert re.fullmatch("[0-9a-f]{32}", trace.trace_id)
    assert re.fullmatch("[0-9a-f]{16}", trace.span_id)
    assert trace.trace_id != "0" * 32


ADDRESSES = st.ip_addresses().map(str) | st.sampled_from(["::1%eth0", "fe80::1%", "::ffff:127.0.0.1", "1.2.3.04", "[::1]"])


@max_examples(35)
@given(client=ADDRESSES | st.text(max_size=100))
@example("fe80::1%eth0")
def test_any_client_address_has_a_short_network_name(client: str) -> None:
    assert 0 <= len(network(client)) <= 64
    assert is_loopback(client) in (True, False)


@max_examples(50)
@given(host=st.binary(max_size=40) | st.sampled_from([b"[", b"[::1]:80", b"]", b"a:b:c", b"A.B:80", b"[[]]"]))
def test_any_host_header_is_parsed(host: bytes) -> None:
    found = _host({"headers": [(b"host", host)]})
    assert found == found.lower()
    assert found.strip("[]") in host.decode("latin-1").lower()


@max_examples(50)
@given(text=st.text(max_size=40))
@example("/a\r\nINFO: b")
@example("/a\u2028b")
def test_a_logged_path_never_contains_a_line_break(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert shown.isprintable()

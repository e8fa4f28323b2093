"""Parsing of seeds and labels, and interpolation between latents."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from app.errors import LabelInvalid, LatentInvalid, SeedInvalid, TooMuch
from app.sampling.latents import (
    MAX_PICTURES,
    Arc,
    explicit_latent,
    format_mixture,
    format_seeds,
    label_text,
    lerp,
    mixture,
    parse_label,
    parse_mixture,
    parse_seed,
    parse_seeds,
    resolve_label,
    truncate,
)

DIGITS = tuple("0123456789")
seeds = st.integers(0, 2**32 - 1)
vectors = hnp.arrays(np.float32, 100, elements=st.floats(-6, 6, width=32))
fractions = st.floats(0, 1)


@given(seeds)
def test_an_integer_in_range_is_parsed_as_itself(seed: int) -> None:
    assert parse_seed(str(seed)) == seed
    assert parse_seed(f"00{seed}") == seed


@pytest.mark.parametrize("text", ["-1", "4294967296", "1.5", "1e3", "+7", " 42", "42 ", ".5", "1.", "-0", "9" * 128, "1E-5"])
def test_numbers_that_are_not_integers_in_range_are_rejected_and_not_hashed(text: str) -> None:
    with pytest.raises(SeedInvalid, match="Choose"):
        parse_seed(text)


@pytest.mark.parametrize("text", ["hello", "0x2a", "seed 42", "1,2", "nan", "é" * 128, "-", "1-2", "四十二", "²x", "e٤a"])
def test_any_other_text_is_kept_unchanged(text: str) -> None:
    assert parse_seed(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "٤٢",
        "४२",
        "４２",
        "-٤٢",
        "−42",
        "42\u00a0",
        "\u200f42",
        "٤٫٢",
        "1\u20441",
        "½",
        "4²",
        "Ⅳ",
        "③",
        "１．５",
        "1\u2009000",
        "𝟜𝟚",
    ],
)
def test_numbers_in_the_digits_of_other_scripts_are_rejected_like_any_other(text: str) -> None:
    with pytest.raises(SeedInvalid, match=r"digits 0 to 9. Choose"):
        parse_seed(text)


@given(st.text(max_size=60))
def test_canonically_equivalent_texts_are_the_same_seed(text: str) -> None:
    def parsed(form: str) -> object:
        try:
            return parse_seed(unicodedata.normalize(form, text))
        except SeedInvalid:
            return SeedInvalid

    assert parsed("NFD") == parsed("NFC")


@pytest.mark.parametrize("text", ["", "x" * 129, "\ud800"])
def test_invalid_text_seeds_are_rejected(text: str) -> None:
    with pytest.raises(SeedInvalid):
        parse_seed(text)


@given(st.text(max_size=200))
def test_parsing_a_seed_returns_a_seed_or_raises_with_a_message(text: str) -> None:
    try:
        seed = parse_seed(text)
    except SeedInvalid as error:
        message = str(error)
    else:
        message = "."
        assert seed == unicodedata.normalize("NFC", text) or (isinstance(seed, int) and 0 <= seed < 2**32 and int(text) == seed)
    assert message.endswith(".")


@given(st.lists(seeds, min_size=1, max_size=60))
def test_formatted_seeds_are_parsed_back(numbers: list[int]) -> None:
    assert parse_seeds(format_seeds(numbers)) == numbers


@given(st.integers(0, 2**32 - 101), st.integers(0, 100))
def test_a_range_includes_both_ends(first: int, length: int) -> None:
    assert parse_seeds(f"{first}-{first + length}") == list(range(first, first + length + 1))


def test_order_and_repetitions_of_seeds_are_kept() -> None:
    assert parse_seeds("3-5, 1,4") == [3, 4, 5, 1, 4]
    assert format_seeds([3, 4, 5, 1, 4, 4]) == "3-5,1,4,4"


@pytest.mark.parametrize("text", ["", ",", "1,", "a", "1-", "-1", "5-3", "1--2", "1.5", "0-4294967296", "1;2"])
def test_invalid_lists_of_seeds_are_rejected(text: str) -> None:
    with pytest.raises(SeedInvalid):
        parse_seeds(text)


def test_too_many_seeds_are_rejected_before_they_are_expanded() -> None:
    assert len(parse_seeds(f"0-{MAX_PICTURES - 1}")) == MAX_PICTURES
    for text in (f"0-{MAX_PICTURES}", f"0-{MAX_PICTURES - 1},7", "0-4294967295"):
        with pytest.raises(TooMuch, match="4096"):
            parse_seeds(text)


def test_a_label_is_an_index_or_a_name() -> None:
    clothes = ("t-shirt", "bag", "0")
    assert [parse_label(x, clothes) for x in ("bag", "1", 1, "0", 0)] == [1, 1, 1, 2, 0], (
        "a name takes precedence over an index"
    )
    for wrong in ("3", "-1", "shoe", "", 7):
        with pytest.raises(LabelInvalid, match="t-shirt, bag, 0"):
            parse_label(wrong, clothes)
    with pytest.raises(LabelInvalid, match="unconditional"):
        parse_label("1", ())


def test_a_mixture_is_parsed_from_text() -> None:
    assert parse_mixture("3:0.5,8:0.5", DIGITS) == (0, 0, 0, 0.5, 0, 0, 0, 0, 0.5, 0)
    assert parse_mixture(" 007:.25, 1:7.5e-1", DIGITS) == (0, 0.75, 0, 0, 0, 0, 0, 0.25, 0, 0)
    assert parse_mixture("bag:1,coat:0", ("coat", "bag")) == (0, 1)
    assert parse_mixture("a:b:0.5,b:0.5", ("b", "a:b")) == (0.5, 0.5), "a name may contain a colon"


@pytest.mark.parametrize(
    "text",
    [
        "3:0.5",
        "3:0.5,8:0.6",
        "3:0.5,3:0.5",
        "3:0.5,003:0.5",
        "3:1,8",
        "3:1,",
        "3:",
        ":1",
        "3:-0.5,8:1.5",
        "3:nan",
        "3:inf",
        "3:1e999",
        "3:0x1",
        "3:1_0",
        "3:½",
        "11:1",
        "cat:1",
        "3:0.5;8:0.5",
    ],
)
def test_invalid_mixtures_are_rejected_with_a_remedy(text: str) -> None:
    with pytest.raises(LabelInvalid, match=r"(Choose|Write|Give|Scale) .*\.$"):
        resolve_label(text, DIGITS)


@given(st.lists(st.floats(0, 1, exclude_min=True), min_size=1, max_size=10))
def test_a_formatted_mixture_is_parsed_back_exactly(parts: list[float]) -> None:
    assume(sum(parts) > 1e-300)
    weights = tuple(part / sum(parts) for part in parts) + (0.0,) * (10 - len(parts))
    assert parse_mixture(format_mixture(weights, DIGITS), DIGITS) == weights
    assert label_text(weights, DIGITS) == format_mixture(weights, DIGITS)


def test_a_class_name_takes_precedence_over_a_mixture() -> None:
    classes = ("a", "b:1.0", "b")
    assert resolve_label("b:1.0", classes) == 1
    assert resolve_label("b:1.0,a:0", classes) == (0.0, 0.0, 1.0)
    assert label_text((0.0, 0.0, 1.0), classes) is None, "the text would be parsed as another label"
    assert label_text((0.5, 0.5), ("a,b", "c")) is None
    assert label_text(1, classes) == "b:1.0"


def test_an_unconditional_model_rejects_mixtures() -> None:
    with pytest.raises(LabelInvalid, match="unconditional"):
        resolve_label("3:1", ())


def test_a_mixture_has_one_weight_per_class_and_sums_to_one() -> None:
    assert mixture([0.25] * 2 + [0.0] * 7 + [0.5], DIGITS).tolist() == [0.25] * 2 + [0.0] * 7 + [0.5]
    for wrong in ([1.0], [0.2] * 10, [-1.0, 2.0] + [0.0] * 8, [float("nan")] * 10):
        with pytest.raises(LabelInvalid):
            mixture(wrong, DIGITS)


def test_an_explicit_latent_has_z_dim_finite_numbers() -> None:
    assert explicit_latent([0.5] * 100, 100).tolist() == [0.5] * 100
    for wrong in ([0.0] * 99, [1001.0] + [0.0] * 99, [float("inf")] + [0.0] * 99, [float("nan")] + [0.0] * 99):
        with pytest.raises(LatentInvalid):
            explicit_latent(wrong, 100)


def slerp(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    return Arc(a, b).at(t)


@given(vectors, vectors)
def test_interpolation_returns_the_end_points_exactly(a: np.ndarray, b: np.ndarray) -> None:
    for interpolate in (lerp, slerp):
        assert interpolate(a, b, 0).tolist() == a.tolist()
        assert interpolate(a, b, 1).tolist() == b.tolist()


@given(vectors, vectors, fractions)
def test_slerp_interpolates_the_length_linearly(a: np.ndarray, b: np.ndarray, t: float) -> None:
    length_a, length_b = np.linalg.norm(a.astype(float)), np.linalg.norm(b.astype(float))
    assume(min(length_a, length_b) > 1e-3)
    assert np.linalg.norm(slerp(a, b, t).astype(float)) == pytest.approx(length_a + (length_b - length_a) * t, rel=1e-4)


@given(vectors, fractions)
def test_slerp_between_opposite_points_stays_on_the_sphere(a: np.ndarray, t: float) -> None:
    length = np.linalg.norm(a.astype(float))
    assume(length > 1e-3)
    assert np.linalg.norm(slerp(a, -a, t).astype(float)) == pytest.approx(length, rel=1e-4)


@given(vectors, vectors, st.floats(0.01, 0.99))
def test_slerp_has_a_constant_angular_speed(a: np.ndarray, b: np.ndarray, t: float) -> None:
    u, v = a.astype(float), b.astype(float)
    assume(min(np.linalg.norm(u), np.linalg.norm(v)) > 0.1)
    u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
    angle = np.arccos(np.clip(u @ v, -1, 1))
    assume(0.05 < angle < 3)
    middle = slerp(a, b, t).astype(float)
    assert np.arccos(np.clip(u @ middle / np.linalg.norm(middle), -1, 1)) == pytest.approx(t * angle, abs=1e-3)


def test_psi_scales_z_and_psi_1_returns_it_unchanged() -> None:
    z = np.arange(4, dtype=np.float32)
    assert truncate(z, 1) is z
    assert truncate(z, 0.5).tolist() == [0, 0.5, 1, 1.5]
    assert truncate(z, 0).tolist() == [0, 0, 0, 0]

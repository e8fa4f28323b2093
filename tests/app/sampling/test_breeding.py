"""Parents as text: what is parsed, what is refused, and that the text of a pedigree means the same pedigree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ParentsInvalid, SeedInvalid
from app.sampling.breeding import MAX_TEXT, child_of, format_parents, parents_of, parse_parents
from models.breeding import Child, Parent
from models.seed_contract import MAX_SEED
from tests.fuzz.budget import max_examples

seeds = st.integers(0, MAX_SEED) | st.sampled_from(["anna", "ü 'x'", "a:b", "42nd", "e&f=g"])
pedigrees: st.SearchStrategy[Parent] = st.recursive(
    seeds,
    lambda parents: st.builds(Child, st.lists(parents, min_size=2, max_size=3).map(tuple), st.integers(0, MAX_SEED)),
    max_leaves=12,
)


@max_examples(100)
@given(st.lists(pedigrees, min_size=2, max_size=8))
def test_parents_are_parsed_back_from_their_text(parents: list[Parent]) -> None:
    text = format_parents(parents)
    assert parse_parents(text) == tuple(parents)
    assert parse_parents(text.replace(",", " , ").replace("(", " ( ")) == tuple(parents)
    assert parents_of(text) == parents_of([format_parents([parent]) for parent in parents]) == tuple(parents)


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "1,", ",1", "1,,2", "()", "1,()", "(1,2", "1,2)", "(1,2))", "((1,2,3)", "(1)", "(1,2)", "(1,2,x)"),
        *("(1,2,3)4", "4(1,2,3)", "(1,2,(3,4,5))", "(" * 500),
    ],
)
def test_a_text_that_is_no_list_of_parents_is_refused(text: str) -> None:
    with pytest.raises(ParentsInvalid) as error:
        parse_parents(text)
    assert str(error.value).endswith(".")


@pytest.mark.parametrize("text", ["1,-1", "1,4294967296", "1.5,2", "(1,2,-3),4", "1,٤٢"])
def test_a_parent_that_is_no_seed_is_refused(text: str) -> None:
    with pytest.raises(SeedInvalid):
        parse_parents(text)


def test_too_long_and_too_deep_texts_are_refused() -> None:
    with pytest.raises(ParentsInvalid, match="at most 1,000 characters"):
        parse_parents("1," * MAX_TEXT)
    deep = "1"
    for _ in range(16):
        deep = f"({deep},1,0)"
    with pytest.raises(ParentsInvalid, match="at most 16 generations"):
        child_of(parse_parents(f"{deep},1"), 0)


@pytest.mark.parametrize("values", [["1,2", 3], [1], ["(1,2,3", 4]])
def test_a_list_has_one_parent_an_element(values: list[int | str]) -> None:
    with pytest.raises(ParentsInvalid):
        child_of(parents_of(values), 0)

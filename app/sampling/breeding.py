"""Parents and children in requests: their text, such as `(42,7,3),99`, and its bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.errors import ParentsInvalid
from app.sampling.latents import check_seed, parse_seed
from models import breeding
from models.breeding import Child, Parent

MAX_TEXT = 1_000
"""Maximum characters of parents as text."""
_MARKS = "(),"
_REMEDY = "Write parents as in 42,7 and a child as a parent as in (42,7,3),99, where 3 is its number."


def parse_parents(text: str) -> tuple[Parent, ...]:
    """Parse parents, separated by commas: seeds, and children in parentheses, whose last element is their number.

    A text seed cannot contain a comma or a parenthesis here, nor begin or end with a space.

    Raises:
        ParentsInvalid: the text is too long, the parentheses do not match, or a child has no parents or number.
        SeedInvalid: a seed is invalid (`app.sampling.latents.parse_seed`).
    """
    if len(text) > MAX_TEXT:
        raise ParentsInvalid(f"The parents have at most {MAX_TEXT:,} characters. Start from a younger ancestor.")
    tokens = _tokens(text)
    parents = _members(tokens, 0)
    if next(tokens, None) is not None:
        raise ParentsInvalid(f"The parents {text[:80]!r} have one parenthesis too many. {_REMEDY}")
    return tuple(parents)


def _tokens(text: str) -> Iterator[str]:
    """Yield the marks, and the texts between them without surrounding spaces. Spaces alone are no text."""
    start = 0
    for index, character in enumerate(text):
        if character in _MARKS:
            if text[start:index].strip():
                yield text[start:index].strip()
            yield character
            start = index + 1
    if text[start:].strip():
        yield text[start:].strip()


def _members(tokens: Iterator[str], depth: int) -> list[Parent]:
    """Parse the members of a list, up to and including its closing parenthesis, or the end at depth 0."""
    if depth >= breeding.MAX_GENERATIONS:
        raise ParentsInvalid(
            f"A pedigree has at most {breeding.MAX_GENERATIONS} generations of children. Start from a younger ancestor."
        )
    members: list[Parent] = []
    while True:
        token = next(tokens, None)
        if token is None or token in (")", ","):
            raise ParentsInvalid(f"A parent is missing. {_REMEDY}")
        members.append(_child(_members(tokens, depth + 1)) if token == "(" else parse_seed(token))  # noqa: S105 - a mark
        mark = next(tokens, None)
        if mark == ",":
            continue
        if (mark is None and depth == 0) or (mark == ")" and depth > 0):
            return members
        raise ParentsInvalid(f"The parentheses of the parents do not match. {_REMEDY}")


def _child(members: Sequence[Parent]) -> Child:
    *parents, number = members
    if not isinstance(number, int):
        raise ParentsInvalid(f"The last element of a child is its number. {_REMEDY}")
    return child_of(parents, number)


def child_of(parents: Sequence[Parent], number: int) -> Child:
    """Return a child whose pedigree is within the bounds.

    Raises:
        ParentsInvalid: it is not.
    """
    child = Child(tuple(parents), number)
    try:
        breeding.check(child)
    except ValueError as error:
        raise ParentsInvalid(str(error)) from error
    return child


def parents_of(values: str | Sequence[int | str]) -> tuple[Parent, ...]:
    """Return parents from JSON: the text of `parse_parents`, or a list of integers and of texts with one parent each.

    Raises:
        ParentsInvalid, SeedInvalid: see `parse_parents`.
    """
    if isinstance(values, str):
        return parse_parents(values)
    parents: list[Parent] = []
    for value in values:
        found = (check_seed(value),) if isinstance(value, int) else parse_parents(value)
        if len(found) != 1:
            raise ParentsInvalid(f"{str(value)[:80]!r} is more than one parent. Make each parent an element of its own.")
        parents += found
    return tuple(parents)


def format_parents(parents: Sequence[Parent]) -> str:
    """Return the text that `parse_parents` parses back to the same parents."""
    return ",".join(
        f"({format_parents(parent.parents)},{parent.number})" if isinstance(parent, Child) else str(parent)
        for parent in parents
    )

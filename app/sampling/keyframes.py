"""Keyframes in a URL, such as `5,17~3,anna~trouser~0.7`: seeds, each with its class and psi after tildes.

The syntax of the page Walk. Within a seed or a class, a comma, tilde, percent sign or exclamation mark is written `!c`,
`!t`, `!p` or `!!`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.errors import InvalidRequest, TooMuch
from app.sampling.latents import MAX_LABEL, LabelSpec, parse_seed
from app.sampling.pictures import Drawing, Resolved, quoted

MAX_TEXT = 5_000
MAX_KEYFRAMES = 256
_ESCAPES = {"!c": ",", "!t": "~", "!p": "%", "!!": "!"}
_ESCAPED = {character: escape for escape, character in _ESCAPES.items()}


def parse_keyframes(text: str) -> tuple[Drawing, ...]:
    """Parse keyframes from a URL.

    Raises:
        InvalidRequest: there are fewer than two, or one has too many parts or an invalid class or psi.
        SeedInvalid: a seed is invalid (`app.sampling.latents.parse_seed`).
        TooMuch: there are more than `MAX_KEYFRAMES`.
    """
    entries = text.split(",")
    if len(entries) < 2:
        raise InvalidRequest("An interpolation needs two keyframes. Separate them with a comma, as in keyframes=5,17.")
    if len(entries) > MAX_KEYFRAMES:
        raise TooMuch(f"The limit is {MAX_KEYFRAMES} keyframes, not {len(entries):,}. Give fewer.")
    return tuple(_keyframe(entry) for entry in entries)


def _keyframe(entry: str) -> Drawing:
    seed, *rest = (re.sub("![ctp!]", lambda found: _ESCAPES[found[0]], part) for part in entry.split("~"))
    if len(rest) > 2:
        raise InvalidRequest(f"The keyframe {entry[:80]!r} has too many parts. Write it as seed~class~psi, as in 5~3~0.7.")
    label, psi = (*rest, "", "")[:2]
    if len(label) > MAX_LABEL:
        raise InvalidRequest(f"A class has at most {MAX_LABEL} characters. Shorten the class of the keyframe {entry[:80]!r}.")
    return Drawing(seeds=(parse_seed(seed),), label=_label(label), psi=_psi(psi, entry))


def _label(text: str) -> LabelSpec | None:
    return text or None


def _psi(text: str, entry: str) -> float:
    if not text.strip():
        return 1.0
    if not re.fullmatch(r"\d{1,2}(\.\d{1,17})?", text) or float(text) > 2:
        raise InvalidRequest(f"The psi of the keyframe {entry[:80]!r} is not a number in 0..2. Write one, as in 5~3~0.7.")
    return float(text)


def format_keyframes(keyframes: Sequence[Resolved], labels: Sequence[str | None]) -> str:
    """Return the percent-encoded text that `parse_keyframes` parses back, given the text of each label."""
    entries = []
    for keyframe, label in zip(keyframes, labels, strict=True):
        psi = keyframe.drawing.psi
        parts = [str(keyframe.drawing.seeds[0]), label or "", "" if psi == 1 else repr(psi)]
        entries.append("~".join(_escape(part) for part in parts).rstrip("~"))
    return quoted(",".join(entries))


def _escape(part: str) -> str:
    return re.sub("[,~%!]", lambda found: _ESCAPED[found[0]], part)

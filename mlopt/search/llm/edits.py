"""Changes of a text, as models write them: what to search for, and what to put in its place."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .text import whole

MOST = 64
"""Edits of one proposal that are looked at."""

HINTED = 200
"""Characters of a line by which a near one is looked for."""

MARKS = (("<", "SEARCH"), ("=", ""), (">", "REPLACE"))
"""The signs that lines between edits are made of, five at least of one kind, and the words that follow them."""


class Unfit(Exception):
    """An edit cannot be made; the message says why, to whoever proposed it."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces the one place where `search` stands; an empty `search` stands for the whole text."""

    search: str
    replace: str


def blocks(text: str) -> list[Edit]:
    """The edits in an answer of prose, between lines of <<<<<<< SEARCH, ======= and >>>>>>> REPLACE.

    The form is Aider's, which AlphaEvolve and OpenEvolve have taken over.
    """
    found: list[Edit] = []
    search: str | None = None
    read: list[str] | None = None
    for line in text.splitlines(keepends=True):
        sign = _sign(line)
        if sign == "<":
            search, read = None, []
        elif sign == "=" and search is None and read is not None:
            search, read = "".join(read), []
        elif sign == ">" and search is not None and read is not None:
            found.append(Edit(search, "".join(read)))
            search = read = None
        elif read is not None:
            read.append(line)
    return found[:MOST]


def listed(given: Any) -> list[Edit]:
    """The edits in a list of objects with `search` and `replace`; others are passed over."""
    entries = given[:MOST] if isinstance(given, list) else []
    found = [(each.get("search"), each.get("replace")) for each in entries if isinstance(each, Mapping)]
    texts = [(a, b) for a, b in found if isinstance(a, str) and isinstance(b, str)]
    return [Edit(whole(search), whole(replace)) for search, replace in texts]


def edited(text: str, edits: Sequence[Edit]) -> str:
    """`text` after all edits, one after the other.

    A `search` that is nowhere as it is may stand there with other spaces at the ends of its lines; then what replaces
    it is shifted as those lines are. Raises Unfit.
    """
    for number, edit in enumerate(edits, start=1):
        try:
            text = _replaced(text, edit)
        except Unfit as error:
            raise Unfit(f"edit {number}: {error}") from None
    return text


def _sign(line: str) -> str:
    """What a line between edits is made of; '' for any other line."""
    found = (sign for sign, word in MARKS if line.startswith(5 * sign) and line.strip(f"{sign} \t\r\n") == word)
    return next(found, "")


def _replaced(text: str, edit: Edit) -> str:
    if not edit.search.strip():
        return edit.replace
    found = text.count(edit.search)
    if found == 1:
        return text.replace(edit.search, edit.replace)
    if found:
        raise Unfit(f"what it searches for stands in {found} places; search for more lines around it")
    lines, wanted = text.splitlines(), _trimmed(edit.search.splitlines())
    places = list(_places(lines, wanted))
    if len(places) > 1:
        raise Unfit(f"what it searches for stands in {len(places)} places; search for more lines around it")
    if not places:
        begun = [line.strip()[:HINTED] for line in lines]
        near = difflib.get_close_matches(wanted[0].strip()[:HINTED], begun, n=1)
        hint = f"; the nearest to its first line is: {near[0]}" if near else ""
        raise Unfit(f"what it searches for is not in the source{hint}")
    (start,) = places
    replaced = _shifted(_trimmed(edit.replace.splitlines()), _indent(lines[start]) - _indent(wanted[0]))
    return "\n".join([*lines[:start], *replaced, *lines[start + len(wanted) :]]) + "\n"


def _places(lines: Sequence[str], wanted: Sequence[str]) -> Iterator[int]:
    """Where `wanted` begins in `lines`, spaces at the ends of lines aside."""
    bare, sought = [line.strip() for line in lines], [line.strip() for line in wanted]
    starts = (n for n in range(len(bare) - len(sought) + 1) if bare[n] == sought[0])
    return (n for n in starts if bare[n : n + len(sought)] == sought)


def _trimmed(lines: Sequence[str]) -> list[str]:
    """Without empty lines before and after."""
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return list(lines[filled[0] : filled[-1] + 1]) if filled else []


def _shifted(lines: Sequence[str], by: int) -> list[str]:
    return [" " * max(0, _indent(line) + by) + line.lstrip() if line.strip() else "" for line in lines]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())

"""Values of decisions as a reader takes them in: a whole text, such as a rewritten kernel, by its hash and size."""

from __future__ import annotations

import difflib

from ..core.fingerprint import digest
from ..core.schedule import Value

LONGEST = 60
"""Characters of a value that is shown as it is, if it has but one line."""
DIGITS = 8
"""Of a hash: they tell the texts of one study apart."""
CONTEXT = 3
"""Lines around a change, as `diff -u` has them."""


def is_text(value: Value) -> bool:
    """Whether a value is too long to be shown among others."""
    return isinstance(value, str) and (len(value) > LONGEST or "\n" in value)


def label(value: Value) -> str:
    """The value, or the hash of a text: what stands below a column."""
    return digest(value)[:DIGITS] if is_text(value) else str(value)


def shown(value: Value) -> str:
    """The value, or the hash and the size of a text."""
    if not is_text(value):
        return str(value)
    lines = len(str(value).splitlines())
    return f"{label(value)} ({lines} line{'' if lines == 1 else 's'})"


def change(old: Value, new: Value) -> str:
    """From which value to which; of two texts also how many lines were added and removed."""
    told = f"{shown(old)} → {shown(new)}"
    if not (is_text(old) and is_text(new)):
        return told
    lines = difference(str(old), str(new), context=0).splitlines()
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    return f"{told}, +{added} -{removed}"


def difference(before: str, after: str, context: int = CONTEXT) -> str:
    """The lines in which two texts differ, as a unified diff without the names of files; '' for equal ones."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=context, lineterm="")
    return "\n".join(list(lines)[2:])

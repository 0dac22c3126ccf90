"""One plain line on stderr for whatever goes wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from ..core.errors import nearest


def complain(message: object) -> None:
    """Print `message` on stderr as one line."""
    print(f"mlopt: {one_line(message)}", file=sys.stderr)


def lacking(error: ModuleNotFoundError) -> str:
    """That something is not installed, which mlopt can do without elsewhere."""
    return f"this needs the module {error.name}, which is not installed; pip install mlopt brings all that it needs"


def one_line(message: object) -> str:
    """`message` without its line breaks."""
    return " ".join(str(message).split())


def suggest(word: str, choices: Iterable[str]) -> str:
    """The end of an error line: the choice that resembles `word`, or all of them where none does."""
    known = sorted(choices)
    return nearest(word, known) or (f"; choose from {', '.join(known)}" if known else "; there is none as yet")

"""The exceptions that mean something to mlopt; any other exception is a fault of the code that raised it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake in the call or the configuration: shown as one plain line, exit code 2."""


class InvalidSchedule(Exception):
    """A schedule that its space does not allow; the message names the decision."""


class CompileError(Exception):
    """A compiler refused a program or failed on it."""


class WrongResult(Exception):
    """A kernel ran, and what it computed is not what the reference says."""


class Tampered(WrongResult):
    """A kernel changed the process that times and judges it, which had better run no other one."""


class Unverifiable(Exception):
    """Nobody here can carry out a kernel, so that nothing is known of its results."""


def summary(error: BaseException) -> str:
    """What went wrong, on one line of at most 1000 characters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:1000]


def printable(text: str) -> str:
    """`text` from anywhere, safe to show: control characters, such as a terminal's, become question marks."""
    return "".join(character if character.isprintable() else "?" for character in text)


def nearest(word: str, choices: Iterable[str]) -> str:
    """Say which of `choices` resembles `word` most, as the end of an error line ('' when none does)."""
    matches = difflib.get_close_matches(word, list(choices), n=1)
    return f"; did you mean '{matches[0]}'?" if matches else ""

"""What one look at the machine found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ..core.errors import UserError, summary


class State(StrEnum):
    """How something stands."""

    OK = "ok"
    ABSENT = "absent"
    """Not there, and mlopt does without."""
    LIMITED = "limited"
    """It works, with less than it could."""
    BROKEN = "broken"
    """What needs it fails."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of what `mlopt doctor` says."""

    subject: str
    state: State
    detail: str
    mend: str = ""
    """What to do about it; empty where all is well."""


Check = Callable[[], Iterator[Finding]]
"""Looks at something, and says what it found."""


def carry_out(check: Check) -> list[Finding]:
    """What `check` finds; if it fails itself, that is a finding."""
    try:
        return list(check())
    except UserError as error:  # what is missing here, and its mend, in a line
        return [Finding(_name(check), State.BROKEN, str(error), "get what it lacks, and repeat")]
    except Exception as error:  # one look that fails must not hide what the others see
        return [Finding(_name(check), State.BROKEN, summary(error), "this is a fault of mlopt's own: please report it")]


def _name(check: Check) -> str:
    return check.__name__.replace("_", " ")

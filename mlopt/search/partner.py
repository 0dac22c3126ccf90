"""What a search that works for another one proposes, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..core.schedule import Schedule
from ..protocols import AccountableSearch, ObjectivesSearch, Search, SpendingSearch
from .known import Known


def fresh_from(search: Search, known: Known) -> Schedule | None:
    """The next schedule that `search` proposes and that is not `known`, which it is then; None where there is none.

    A search that works for another one is told what became of trials, but not what others have pending, and may
    propose that as well.
    """
    for _ in range(len(known) + 1):
        asked = search.ask(1)
        if not asked:
            return None
        if known.see(asked[0]):
            return asked[0]
    return None


def spent(search: Search) -> float:
    """The money that it has paid, if it pays for anything."""
    return search.spent if isinstance(search, SpendingSearch) else 0.0


def account(search: Search, schedule: Schedule) -> tuple[str, Mapping[str, float]]:
    """Where its proposal comes from and what that has cost, as far as it knows."""
    return search.account(schedule) if isinstance(search, AccountableSearch) else ("", {})


def objectives(search: Search) -> Sequence[str]:
    """What it minimises together, if there are several."""
    return search.objectives if isinstance(search, ObjectivesSearch) else ()

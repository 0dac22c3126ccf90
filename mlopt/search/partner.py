"""What another search proposes that is new."""

from __future__ import annotations

from ..core.schedule import Schedule
from ..protocols import Search
from .draw import Draw


def fresh_from(search: Search, draw: Draw) -> Schedule | None:
    """The next schedule that `search` proposes and `draw` has not seen, which it has then; None where there is none.

    A search that works for another one is told what became of trials, but not what others have pending, and may
    propose that as well.
    """
    for _ in range(len(draw) + 1):
        asked = search.ask(1)
        if not asked:
            return None
        if draw.see(asked[0]):
            return asked[0]
    return None

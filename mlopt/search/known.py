"""What was proposed or told already: schedules of the space's tree, and those whose programs were rewritten."""

from __future__ import annotations

from ..core.schedule import Schedule
from .draw import Draw


class Known:
    """A draw's memory, and beside it that of schedules which no draw comes to."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._rewritten: set[Schedule] = set()

    def __contains__(self, schedule: Schedule) -> bool:
        return schedule in self._rewritten or schedule in self._draw

    def __len__(self) -> int:
        return len(self._rewritten) + len(self._draw)

    def see(self, schedule: Schedule) -> bool:
        """Remember `schedule`; whether it was not known, and is one of the space.

        A rewritten one is in any case: whether it may be tried is for its trial to say.
        """
        if not self._draw.is_beyond(schedule):
            return self._draw.see(schedule)
        new = schedule not in self._rewritten
        self._rewritten.add(schedule)
        return new

"""Schedules whose programs were rewritten: one more decision than the tree of a space has."""

from __future__ import annotations

from ..core.schedule import Schedule
from ..protocols import SOURCE


def is_rewritten(schedule: Schedule) -> bool:
    """Whether its last decision is another text for the program."""
    return bool(schedule) and schedule[-1].knob == SOURCE


def decisions(schedule: Schedule) -> Schedule:
    """`schedule` without that last decision."""
    return schedule.prefix(len(schedule) - 1) if is_rewritten(schedule) else schedule

"""A schedule: the path of decisions that turns a workload into one particular program."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

Value = bool | int | float | str


class Decision(NamedTuple):
    """One knob, set to one value; a tuple, since searches hash it more often than anything else."""

    knob: str
    value: Value


class Schedule(tuple[Decision, ...]):
    """An immutable, hashable path of decisions, each knob at most once; `Schedule()` is the root of every space."""

    __slots__ = ()

    def __new__(cls, decisions: Iterable[Decision] = ()) -> Schedule:
        schedule = super().__new__(cls, decisions)
        if len({decision.knob for decision in schedule}) != len(schedule):
            raise ValueError(f"a knob is decided twice in {schedule.values()}")
        return schedule

    @classmethod
    def of(cls, values: Mapping[str, Value]) -> Schedule:
        """The schedule that decides `values` in the mapping's order."""
        return cls(Decision(knob, value) for knob, value in values.items())

    def then(self, decision: Decision) -> Schedule:
        """This path, one decision longer."""
        if decision.knob in [earlier.knob for earlier in self]:
            raise ValueError(f"a knob is decided twice in {self.values()} then {decision}")
        return tuple.__new__(Schedule, (*self, decision))

    def prefix(self, length: int) -> Schedule:
        """The first `length` decisions."""
        return tuple.__new__(Schedule, self[:length])

    def after(self, length: int) -> Schedule:
        """What follows the first `length` decisions."""
        return tuple.__new__(Schedule, self[length:])

    def values(self) -> dict[str, Value]:
        """Knob to value, in the order of decision: the form that is stored."""
        return {decision.knob: decision.value for decision in self}

    def digest(self) -> str:
        """A short content hash, the same in every process."""
        return hashlib.sha256(json.dumps(self.values()).encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"Schedule({', '.join(f'{d.knob}={d.value}' for d in self)})"

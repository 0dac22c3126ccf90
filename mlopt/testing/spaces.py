"""Small spaces, of each form, for trying out whatever searches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InvalidSchedule
from ..core.schedule import Decision, Schedule, Value
from ..core.space import Knob, KnobSpace
from ..protocols import Space


class Flat(KnobSpace):
    """A tuning space of 43 schedules whose constraints hide dead ends; it counts its schedules."""

    knobs = (
        Knob("tile", "log2", (1, 2, 4, 8)),
        Knob("register", "log2", (1, 2, 4, 8), needs=("tile",)),
        Knob("vectorize", "categorical", (False, True), needs=("register",)),
        Knob("unroll", "ordinal", (1, 2, 3), needs=("tile", "vectorize")),
    )

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        if knob.name == "register":
            return [value for value in knob.values if int(value) <= int(chosen["tile"])]
        if knob.name == "vectorize":
            return [value for value in knob.values if value or int(chosen["register"]) < 8]
        if knob.name == "unroll":  # nothing for a tile of 1 that is vectorized
            most = int(chosen["tile"]) // (2 if chosen["vectorize"] else 1)
            return [value for value in knob.values if int(value) <= most]
        return knob.values


class Tree:
    """A conditional space of 32 schedules, of one decision to four; it cannot count them."""

    knobs: ClassVar[Sequence[Knob]] = (
        Knob("transformation", "categorical", ("none", "tile", "unroll")),
        Knob("tile", "log2", (4, 8, 16, 32)),
        Knob("outer", "permutation", ("m", "n", "k")),
        Knob("inner", "permutation", ("m", "n", "k")),
        Knob("factor", "ordinal", (2, 3, 4, 5)),
        Knob("peel", "categorical", (False, True)),
    )

    def options(self, prefix: Schedule) -> Sequence[Decision]:
        values = prefix.values()
        branches: dict[Value | None, tuple[str, ...]] = {
            "tile": ("tile", "outer", "inner"),
            "unroll": ("factor", "peel"),
        }
        path = ("transformation", *branches.get(values.get("transformation"), ()))
        if len(prefix) == len(path):
            return ()
        knob = next(knob for knob in self.knobs if knob.name == path[len(prefix)])
        if knob.name == "inner":
            return [Decision("inner", value) for value in knob.values if value != values["outer"]]
        if knob.name == "peel" and values["factor"] == 5:
            return [Decision("peel", True)]
        return [Decision(knob.name, value) for value in knob.values]

    def features(self, prefix: Schedule) -> NDArray[np.float32]:
        """Shape (6,): the code of each knob, -1 where it is not decided."""
        values = prefix.values()
        codes = [knob.encode(values[knob.name]) if knob.name in values else -1.0 for knob in self.knobs]
        return np.array(codes, dtype=np.float32)

    def check(self, schedule: Schedule) -> None:
        for length, decision in enumerate(schedule):
            # Compared as text, which unlike == tells True from 1.
            if repr(decision) not in map(repr, self.options(schedule.prefix(length))):
                raise InvalidSchedule(f"{decision.knob}={decision.value!r} is not legal here")
        if missing := self.options(schedule):
            raise InvalidSchedule(f"{missing[0].knob} is not decided")


class Line(KnobSpace):
    """One knob of 29 values: 29 schedules."""

    knobs = (Knob("place", "ordinal", tuple(range(29))),)

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return knob.values


def schedules(space: Space, prefix: Schedule = Schedule()) -> Iterator[Schedule]:  # noqa: B008 - immutable
    """Every complete schedule that begins with `prefix`."""
    options = space.options(prefix)
    if not options:
        yield prefix
    for option in options:
        yield from schedules(space, prefix.then(option))

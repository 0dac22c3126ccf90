"""Loop orders as one choice among all of them, to be compared with orders that are pointed at level by level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.nests import Subject
from ...core.schedule import Decision, Schedule
from ...core.space import Knob
from ...protocols import NestedSpace, Space

BETWEEN = " "
"""Stands between the loops of an order."""


class Enumerated:
    """A space in which the levels of a loop order are decided at once: "i k j" in place of i, then k, then j.

    MLIR-RL compares level pointers with enumerated candidates (arXiv 2409.11068); here the candidates are all legal
    orders, not swaps of two loops alone. Schedules of the original space are called plain.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._levels = _levels(space.knobs)

    @property
    def knobs(self) -> Sequence[Knob]:
        inner = {name for levels in self._levels.values() for name in levels[1:]}
        return [knob for knob in self._space.knobs if knob.name not in inner]

    def options(self, prefix: Schedule) -> Sequence[Decision]:
        before = self.plain(prefix)
        options = self._space.options(before)
        if not options or options[0].knob not in self._levels:
            return options
        name = options[0].knob
        return [Decision(name, BETWEEN.join(order)) for order in self._orders(before, len(self._levels[name]))]

    def features(self, prefix: Schedule) -> NDArray[np.float32]:
        return self._space.features(self.plain(prefix))

    def check(self, schedule: Schedule) -> None:
        self._space.check(self.plain(schedule))

    def subject(self, prefix: Schedule) -> Subject | None:
        return self._space.subject(self.plain(prefix)) if isinstance(self._space, NestedSpace) else None

    def plain(self, schedule: Schedule) -> Schedule:
        """The schedule, or prefix, in the original space."""
        return Schedule(decision for each in schedule for decision in self._apart(each))

    def joined(self, plain: Schedule) -> Schedule:
        """The reverse of `plain`, for a complete schedule."""
        values, inner = plain.values(), {name for levels in self._levels.values() for name in levels[1:]}
        return Schedule(
            Decision(each.knob, BETWEEN.join(str(values[name]) for name in self._levels[each.knob]))
            if each.knob in self._levels
            else each
            for each in plain
            if each.knob not in inner
        )

    def _apart(self, decision: Decision) -> Iterator[Decision]:
        if decision.knob in self._levels:
            return map(Decision, self._levels[decision.knob], str(decision.value).split(BETWEEN))
        return iter([decision])

    def _orders(self, prefix: Schedule, levels: int) -> Iterator[tuple[str, ...]]:
        if not levels:
            yield ()
            return
        for option in self._space.options(prefix):
            for rest in self._orders(prefix.then(option), levels - 1):
                yield (str(option.value), *rest)


def _levels(knobs: Sequence[Knob]) -> dict[str, list[str]]:
    """The knobs of each loop order, outermost first, by the first of them."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for knob in knobs:
        if knob.kind != "permutation":
            current = []
        elif current and current[-1] in knob.needs:
            current.append(knob.name)
        else:
            current = found[knob.name] = [knob.name]
    return found

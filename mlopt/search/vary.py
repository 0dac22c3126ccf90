"""New schedules out of old ones."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np

from ..core.schedule import Decision, Schedule, Value
from ..core.space import Knob
from ..protocols import HintedSpace, Space


class Vary:
    """Mutates and crosses schedules; what does not fit together is repaired on the way down the tree.

    Every result is complete and legal, and may equal its parent.
    """

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self._knobs = {knob.name: knob for knob in space.knobs}
        # The same few parents are varied again and again, and asking a space may be slow.
        self._options = functools.lru_cache(maxsize=4096)(space.options)
        self._free = functools.lru_cache(maxsize=256)(self._find_free)
        self._rng = rng

    def mutate(self, parent: Schedule, changes: int, local: float) -> Schedule:
        """`parent` with `changes` of its free decisions made anew.

        Each goes to the next legal value with probability `local`, to any other legal value otherwise.
        """
        free = self._free(parent)
        changed = [free[index] for index in self._rng.permutation(len(free))[:changes]]
        kept = min((length for length, decision in enumerate(parent) if decision.knob in changed), default=len(parent))
        return self._walk(parent.values(), changed, local, parent.prefix(kept))

    def cross(self, first: Schedule, second: Schedule) -> Schedule:
        """A prefix of `first`, gone on with like `second`; where `second` decides nothing, like `first`."""
        cut = int(self._rng.integers(1, max(2, len(first))))
        return self.repair(first.values() | second.values() | first.prefix(cut).values())

    def repair(self, wanted: Mapping[str, Value]) -> Schedule:
        """The schedule that decides as `wanted` where that is legal, by the nearest value where order means something,
        and at random elsewhere."""
        return self._walk(wanted, (), 0.0)

    def nearest(self, options: Sequence[Decision], wanted: Value | None) -> Decision:
        """The one of `options`, all of one knob, that decides as `wanted`; if none does, what `repair` would take."""
        exact = next((option for option in options if option.value == wanted), None)
        return exact or self._nearest(self._knobs[options[0].knob], options, wanted)

    def _find_free(self, schedule: Schedule) -> Sequence[str]:
        """The knobs that `schedule` could have decided otherwise."""
        return [d.knob for length, d in enumerate(schedule) if len(self._options(schedule.prefix(length))) > 1]

    def _walk(
        self,
        wanted: Mapping[str, Value],
        changed: Collection[str],
        local: float,
        schedule: Schedule = Schedule(),  # noqa: B008 - immutable
    ) -> Schedule:
        """Down the tree from `schedule`."""
        while options := self._options(schedule):
            name = options[0].knob
            value = wanted.get(name)
            option = self.nearest(options, value)
            if name in changed and option.value == value:
                option = self._other(self._knobs[name], options, option, local)
            schedule = schedule.then(option)
        return schedule

    def _other(self, knob: Knob, options: Sequence[Decision], kept: Decision, local: float) -> Decision:
        others = [option for option in options if option != kept]
        if others and self._rng.random() < local:
            legal = replace(knob, values=tuple(option.value for option in options))
            near = legal.neighbours(kept.value)
            others = [option for option in others if option.value in near]
        return self._any(others or options)

    def _nearest(self, knob: Knob, options: Sequence[Decision], wanted: Value | None) -> Decision:
        if wanted is None or knob.kind not in ("ordinal", "log2"):
            return self._any(options)
        if wanted in knob.values:
            code = knob.encode(wanted)
            return min(options, key=lambda option: abs(knob.encode(option.value) - code))
        if any(not _positive(value) for value in (wanted, *(option.value for option in options))):
            return self._any(options)
        # A value of another space, such as a tile that divides another size.
        return min(options, key=lambda option: abs(math.log(float(option.value) / float(wanted))))

    def _any(self, options: Sequence[Decision]) -> Decision:
        return options[int(self._rng.integers(len(options)))]


def hinted(space: Space, vary: Vary) -> list[Schedule]:
    """What the space itself thinks good, made legal; nothing of a space that gives no hints."""
    return list(map(vary.repair, space.hints())) if isinstance(space, HintedSpace) else []


def unhinted(space: Space) -> Space:
    """`space` as one that has no hints, and whatever else it has."""
    names = (name for name in dir(space) if not name.startswith("_") and name != "hints")
    return cast(Space, SimpleNamespace(**{name: getattr(space, name) for name in names}))


def _positive(value: Value) -> bool:
    return not isinstance(value, (bool, str)) and 0 < value < 1 << 63

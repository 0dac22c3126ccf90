"""The order of loops as a path: each level takes one of the loops that are left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....core.schedule import Value
from ....core.space import Knob


@dataclass(frozen=True)
class LoopOrder:
    """The knobs `order_1`, `order_2`, ..., outermost first; the loop that is left at last has none."""

    loops: tuple[str, ...]
    prefix: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.prefix}order_{level}" for level in range(1, len(self.loops)))

    def knobs(self) -> tuple[Knob, ...]:
        names = self.names
        return tuple(
            Knob(name, "permutation", self.loops, "the next loop inwards, of those left", names[:level])
            for level, name in enumerate(names)
        )

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        taken = [chosen[name] for name in knob.needs]
        return [loop for loop in self.loops if loop not in taken]

    def path(self, values: Mapping[str, Value]) -> tuple[str, ...]:
        """All loops, outermost first."""
        taken = tuple(str(values[name]) for name in self.names)
        return (*taken, *(loop for loop in self.loops if loop not in taken))

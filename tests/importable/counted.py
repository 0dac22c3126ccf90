"""A number that counts how often it is compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlopt.core.schedule import Value
from mlopt.core.space import Knob, KnobSpace


class Counted(int):
    """Counts how often any of its kind is compared for equality."""

    compared = 0
    __hash__ = int.__hash__

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return int.__eq__(self, other)


class Long(KnobSpace):
    """Two knobs of 5,000 values each."""

    knobs = (
        Knob("place", "ordinal", tuple(map(Counted, range(5000)))),
        Knob("layout", "categorical", tuple(map(Counted, range(5000)))),
    )

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return knob.values

"""What attributes say of vector operations: where elements lie, and how they are reduced."""

from __future__ import annotations

from typing import Any

from .lanes import EXTRACT, INSERT, SHUFFLE

IN_ORDER = ("#vector.kind<add>", "#vector.kind<mul>")
"""Reductions of floats whose order LLVM must keep, unless they allow for another."""
ANY_ORDER = ("reassoc", "<fast>")
EXTREMES = tuple(f"#vector.kind<{name}>" for name in ("maximumf", "minimumf", "maxnumf", "minnumf"))
PLACES = {
    "vector.extract": "static_position",
    "vector.insert": "static_position",
    EXTRACT: "offsets",
    INSERT: "offsets",
    SHUFFLE: "mask",
}
"""The attributes that say where elements are taken from or put to."""


class Details:
    """Each attribute is looked at once: a program has few, and many operations with each."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[int, ...]] = {}
        self._orders: dict[tuple[int, int], tuple[int, int]] = {}

    def of(self, op: Any, name: str) -> tuple[int, ...]:
        """What `PLACES` say; of a reduction, what `tree.Operation` says; nothing of others."""
        if name in PLACES:
            place = op.attributes[PLACES[name]]
            key = hash(place)
            if key not in self._places:
                self._places[key] = _numbers(place)
            return self._places[key]
        return self._order(op) if name == "vector.reduction" else ()

    def _order(self, op: Any) -> tuple[int, int]:
        kind, flags = op.attributes["kind"], op.attributes["fastmath"]
        key = hash(kind), hash(flags)
        if key not in self._orders:
            in_order = str(kind) in IN_ORDER and not any(flag in str(flags) for flag in ANY_ORDER)
            self._orders[key] = int(in_order), int(str(kind) in EXTREMES)
        return self._orders[key]


def _numbers(attribute: Any) -> tuple[int, ...]:
    """Those of an array of integers, or of attributes that are integers."""
    elements = [attribute[i] for i in range(len(attribute))]  # a quarter of the time that iterating takes
    return tuple(each if isinstance(each, int) else each.value for each in elements)

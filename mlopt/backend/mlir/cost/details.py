"""What attributes say of vector operations: where elements lie, and how they are reduced."""

from __future__ import annotations

from typing import Any

from .lanes import EXTRACT, INSERT, SHUFFLE

IN_ORDER = ("#vector.kind<add>", "#vector.kind<mul>")
"""Reductions of floats whose order LLVM must keep."""
EXTREMES = tuple(f"#vector.kind<{name}>" for name in ("maximumf", "minimumf", "maxnumf", "minnumf"))
ATTRIBUTES = {
    "vector.extract": "static_position",
    "vector.insert": "static_position",
    "vector.reduction": "kind",
    EXTRACT: "offsets",
    INSERT: "offsets",
    SHUFFLE: "mask",
}


class Details:
    """Each attribute is looked at once: a program has few, and many operations with each."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, ...]] = {}

    def of(self, op: Any, name: str) -> tuple[int, ...]:
        """A position, a slice's offsets, a shuffle's mask; of a reduction, what `tree.Operation` says; else nothing."""
        if name not in ATTRIBUTES:
            return ()
        attribute = op.attributes[ATTRIBUTES[name]]
        key = hash(attribute)
        if key not in self._known:
            self._known[key] = _read(name, attribute)
        return self._known[key]


def _read(name: str, attribute: Any) -> tuple[int, ...]:
    if name == "vector.reduction":
        kind = str(attribute)
        return int(kind in IN_ORDER), int(kind in EXTREMES)
    elements = [attribute[i] for i in range(len(attribute))]  # a quarter of the time that iterating takes
    return tuple(each.value for each in elements) if ATTRIBUTES[name] == "offsets" else tuple(elements)

"""Vectors that are put together of others' lanes, by slices and shuffles."""

from __future__ import annotations

from .tree import Operation

INSERT, EXTRACT, SHUFFLE = "vector.insert_strided_slice", "vector.extract_strided_slice", "vector.shuffle"
REARRANGING = (INSERT, EXTRACT, SHUFFLE)
"""Their detail is how many lanes the first operand has, then the mask of a shuffle, or where a slice lies."""


class Lanes:
    """Where each lane of what is put together comes from: (value, lane)."""

    def __init__(self) -> None:
        self._origins: dict[int, list[tuple[int, int]]] = {}

    def __bool__(self) -> bool:
        return bool(self._origins)

    def put(self, operation: Operation) -> None:
        """Follow one of `REARRANGING`."""
        first, second = operation.operands[0], operation.operands[-1]
        size, *mask = operation.detail
        if operation.name == EXTRACT:
            found = self._of(first, size)[mask[-1] : mask[-1] + operation.shape.lanes]
        elif operation.name == INSERT:
            found = self._of(second, operation.shape.lanes).copy()
            found[mask[-1] : mask[-1] + size] = self._of(first, size)
        else:
            both = self._of(first, size) + self._of(second, max(mask) + 1 - size)
            found = [both[lane] for lane in mask]
        self._origins[operation.result] = found

    def shuffles(self, value: int, width: int) -> int:
        """Shuffles that make `value`, when it is first asked for; a register has `width` lanes.

        One for each pair of registers that lanes move between. Those that keep their place are blended for nothing.
        """
        if value not in self._origins:
            return 0
        moved = {
            (to // width, source, lane // width)
            for to, (source, lane) in enumerate(self._origins.pop(value))
            if to % width != lane % width
        }
        return len(moved)

    def _of(self, value: int, lanes: int) -> list[tuple[int, int]]:
        """Of all lanes of a value, which has so many."""
        return self._origins[value] if value in self._origins else [(value, lane) for lane in range(lanes)]

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

    def put(self, operation: Operation) -> None:
        """Follow one of `REARRANGING`."""
        first, second = operation.operands[0], operation.operands[-1]
        size, *mask = operation.detail
        wanted = range(operation.shape.lanes)
        if operation.name == EXTRACT:
            found = [self._of(first, mask[-1] + lane) for lane in wanted]
        elif operation.name == INSERT:
            inside = range(mask[-1], mask[-1] + size)
            found = [self._of(first, lane - mask[-1]) if lane in inside else self._of(second, lane) for lane in wanted]
        else:
            found = [self._of(first, lane) if lane < size else self._of(second, lane - size) for lane in mask]
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

    def _of(self, value: int, lane: int) -> tuple[int, int]:
        return self._origins[value][lane] if value in self._origins else (value, lane)

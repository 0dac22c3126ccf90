"""Loops that are made in one step of a script."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence


def together(dimensions: Sequence[Hashable], sums: Collection[Hashable], ends: Collection[int]) -> Iterator[range]:
    """Runs of positions in a nest of loops, outermost first, that one tiling can make: each has a dimension of its own.

    No run goes on past one of `ends`, the numbers of loops after which something is to be done. Nor does one go on with
    loops over `sums` after others: what is summed is to be taken from memory before these begin.
    """
    start = 0
    for stop in range(1, len(dimensions) + 1):
        last = stop == len(dimensions) or stop in ends or dimensions[stop] in dimensions[start:stop]
        if last or (dimensions[stop] in sums and dimensions[stop - 1] not in sums):
            yield range(start, stop)
            start = stop

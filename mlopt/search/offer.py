"""What may be decided next, found by its value."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from ..core.schedule import Decision, Value
from ..core.space import Knob


class Offer:
    """The options after a prefix, all of one knob; there may be thousands of them."""

    def __init__(self, knob: Knob, options: Sequence[Decision]) -> None:
        self.knob = knob
        self.options = options
        self.places: Mapping[Value | None, int] = {option.value: place for place, option in enumerate(options)}
        """Where the option with a value stands."""

    def beside(self, option: Decision) -> Sequence[Decision]:
        """The options next to this one in the order of their values."""
        place = bisect.bisect_left(self._sorted, self._rank(option), key=self._rank)
        return [*self._sorted[max(0, place - 1) : place], *self._sorted[place + 1 : place + 2]]

    def nearest(self, wanted: Value | None) -> Decision | None:
        """The option whose value is nearest to `wanted`; None where no order tells which is.

        Values of the knob are as far apart as their codes. Other numbers, such as a tile that divides another size, are
        compared by their logarithms, of 1 more since 0 may stand for no tile; where some are negative, as they are.
        """
        rank = None if wanted is None else self.knob.ranks.get(wanted)
        if not self.knob.ordered or wanted is None or (rank is None and self._is_text(wanted)):
            return None
        if rank is not None:
            place = bisect.bisect_left(self._sorted, rank, key=self._rank)
        else:
            place = bisect.bisect_left(self._sorted, _number(wanted), key=lambda option: _number(option.value))
        around = self._sorted[max(0, place - 1) : place + 1]
        if len(around) == 1:  # all others are farther away on the same side
            return around[0]
        below, above = (option.value for option in around)
        code: Callable[[Value], float] = self.knob.encode
        if rank is None:
            code = float if _number(self._sorted[0].value) < 0 else lambda value: math.log1p(_number(value))
        return around[code(wanted) - code(below) > code(above) - code(wanted)]

    @cached_property
    def _sorted(self) -> Sequence[Decision]:
        return sorted(self.options, key=self._rank)

    def _is_text(self, wanted: Value) -> bool:
        return any(isinstance(value, str) for value in (wanted, self.options[0].value))

    def _rank(self, option: Decision) -> int:
        return self.knob.ranks[option.value]


def _number(value: Value) -> int | float:
    assert not isinstance(value, str)
    return value

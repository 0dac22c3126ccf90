"""The memory that a contender's turns take place in: ever other buffers.

Where buffers lie changes a kernel's time by a percent or so, seldom by a tenth, for as long as they lie there, and in
each process they lie elsewhere (Mytkowicz et al. 2009, "Producing wrong data without doing anything obviously wrong").
Over many places this is noise like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np

from ..evaluator.timing import Call, Observer

MOST = 30
"""Places of one contender."""

MOST_BYTES = 1 << 26
"""Of all its places together. Of large buffers there are fewer: they begin at huge pages, and so are much alike."""


class Place(Observer, Protocol):
    """Calls on buffers of their own, and who looks at what they write there."""

    @property
    def calls(self) -> Sequence[Call]:
        """One on each set of inputs; to be made one after another, over and over."""


P = TypeVar("P", bound=Place)


class Places(Generic[P]):
    """Gives every turn a place: new ones first, of `size` bytes each, then any of these."""

    def __init__(self, first: P, make: Callable[[], P], size: int) -> None:
        self._first = first
        self._make = make
        self._most = max(1, min(MOST, MOST_BYTES // max(1, size)))
        self._rng = np.random.default_rng()  # of no seed, since a kernel could know it
        self.used: tuple[P, ...] = ()
        """Each once, in the order of their first use."""
        self.last = first
        """The one that was given last."""

    def next(self) -> P:
        """Where the next turn takes place."""
        if len(self.used) < self._most:
            self.used += (self._make() if self.used else self._first,)
            self.last = self.used[-1]
        else:
            self.last = self.used[self._rng.integers(len(self.used))]
        return self.last

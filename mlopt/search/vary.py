"""New schedules out of old ones."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from types import SimpleNamespace
from typing import cast

import numpy as np

from ..core.schedule import Decision, Schedule, Value
from ..protocols import HintedSpace, Space
from .offer import Offer

MOST_OFFERS, MOST_OPTIONS = 4096, 1_000_000
"""What is remembered of a space: the options after so many prefixes, but not so many options in all."""


class Vary:
    """Mutates and crosses schedules; what does not fit together is repaired on the way down the tree.

    Every result is complete and legal, and may equal its parent.
    """

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self._space = space
        self._knobs = {knob.name: knob for knob in space.knobs}
        # The same few parents are varied again and again, and asking a space may be slow.
        largest = max((len(knob.values) for knob in space.knobs), default=1)
        self.offer = functools.lru_cache(min(MOST_OFFERS, max(1, MOST_OPTIONS // largest)))(self._find_offer)
        """What may follow a prefix; None when it is complete."""
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

    def nearest(self, offer: Offer, wanted: Value | None) -> Decision:
        """The option that decides as `wanted`; if none does, what `repair` would take."""
        if (place := offer.places.get(wanted)) is not None:
            return offer.options[place]
        return offer.nearest(wanted) or self._any(offer.options)

    def _find_offer(self, prefix: Schedule) -> Offer | None:
        options = self._space.options(prefix)
        return Offer(self._knobs[options[0].knob], options) if options else None

    def _find_free(self, schedule: Schedule) -> Sequence[str]:
        """The knobs that `schedule` could have decided otherwise."""
        offers = (self.offer(schedule.prefix(length)) for length in range(len(schedule)))
        return [offer.knob.name for offer in offers if offer is not None and len(offer.options) > 1]

    def _walk(
        self,
        wanted: Mapping[str, Value],
        changed: Collection[str],
        local: float,
        schedule: Schedule = Schedule(),  # noqa: B008 - immutable
    ) -> Schedule:
        """Down the tree from `schedule`."""
        while (offer := self.offer(schedule)) is not None:
            name = offer.knob.name
            value = wanted.get(name)
            option = self.nearest(offer, value)
            if name in changed and option.value == value:
                option = self._other(offer, option, local)
            schedule = schedule.then(option)
        return schedule

    def _other(self, offer: Offer, kept: Decision, local: float) -> Decision:
        others = len(offer.options) - 1
        if not others:
            return kept
        if self._rng.random() < local and offer.knob.ordered:
            return self._any(offer.beside(kept))
        place = int(self._rng.integers(others))
        return offer.options[place + (place >= offer.places[kept.value])]

    def _any(self, options: Sequence[Decision]) -> Decision:
        return options[int(self._rng.integers(len(options)))]


def hinted(space: Space, vary: Vary) -> list[Schedule]:
    """What the space itself thinks good, made legal; nothing of a space that gives no hints."""
    return list(map(vary.repair, space.hints())) if isinstance(space, HintedSpace) else []


def unhinted(space: Space) -> Space:
    """`space` as one that has no hints, and whatever else it has."""
    names = (name for name in dir(space) if not name.startswith("_") and name != "hints")
    return cast(Space, SimpleNamespace(**{name: getattr(space, name) for name in names}))

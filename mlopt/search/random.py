"""Random search."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ..core.schedule import Schedule
from ..core.trial import Trial
from ..protocols import Space, StudyContext
from .draw import Draw
from .streams import Streams


class Random:
    """Random search: uniform over the complete schedules of the space, without repetition, until none is left.

    Of a divided space (`protocols.DividedSpace`), such as one of several algorithms, each part is drawn from as often
    as the others.
    """

    _streams: Streams
    _draw: Draw

    def start(self, space: Space, context: StudyContext) -> None:
        self._streams = Streams(context.rng)
        self._draw = Draw(space, self._streams.rng)

    def ask(self, n: int) -> Sequence[Schedule]:
        return list(itertools.islice(iter(self._propose, None), n))

    def tell(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            self._draw.see(trial.schedule)

    def _propose(self) -> Schedule | None:
        self._streams.begin(len(self._draw))
        return self._draw.fresh()

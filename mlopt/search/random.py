"""Random search."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ..core.schedule import Schedule
from ..core.trial import Trial
from ..protocols import Space, StudyContext
from .draw import Draw


class Random:
    """Random search: uniform over the complete schedules of the space, without repetition, until none is left."""

    _draw: Draw

    def start(self, space: Space, context: StudyContext) -> None:
        self._draw = Draw(space, context.rng)

    def ask(self, n: int) -> Sequence[Schedule]:
        return list(itertools.islice(iter(self._draw.fresh, None), n))

    def tell(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            self._draw.see(trial.schedule)

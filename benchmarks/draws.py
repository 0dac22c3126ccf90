"""How long the first 1,000 valid schedules of spaces of more than 10^9 take: the first table of `make bench-search`.

Seconds are of this process, from nothing: rules are read and completions counted within them. Each space is drawn from
as random search draws, with several seeds.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from constrained import Constrained, Crowded, Tight
from report import report

from mlopt.core.space import KnobSpace
from mlopt.protocols import Budget, StudyContext
from mlopt.search.random import Random

DRAWS, SEEDS = 1000, 5


def first_draws(kind: type[KnobSpace], seed: int) -> float:
    """Seconds until all are drawn."""
    start = time.process_time()
    space, search = kind(), Random()
    search.start(space, StudyContext(np.random.default_rng(seed), Budget(DRAWS), 1))
    drawn = search.ask(DRAWS)
    seconds = time.process_time() - start
    for schedule in drawn:
        space.check(schedule)
    assert len(set(drawn)) == DRAWS, "schedules are drawn twice"
    return seconds


def row(kind: type[KnobSpace]) -> dict[str, Any]:
    """One space: at most how many schedules it has, and the median and the longest time of all seeds."""
    seconds = [first_draws(kind, seed) for seed in range(SEEDS)]
    return {
        "space": kind.__name__.lower(),
        "schedules at most": f"{kind().count():.2g}",
        "median s": float(np.median(seconds)),
        "longest s": max(seconds),
    }


if __name__ == "__main__":
    report(
        "draws", f"The first {DRAWS} schedules of large spaces", [row(kind) for kind in (Constrained, Crowded, Tight)]
    )

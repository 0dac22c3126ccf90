"""Searches that have many trials under way at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tiles import begun, trial

from mlopt.core.schedule import Schedule
from mlopt.protocols import Search
from mlopt.search.anneal import Anneal
from mlopt.search.bayes import Bayes
from mlopt.search.evolve import Evolve
from mlopt.search.hybrid import Hybrid
from mlopt.search.random import Random

SLOTS = 8


def best(search: Search, seed: int, trials: int) -> float:
    """The least time, in seconds, where `SLOTS` trials are under way, of which any may be the next to end."""
    begun(search, seed=seed)
    order = np.random.default_rng(seed)
    pending: list[Schedule] = []
    found = []
    for number in range(trials):
        pending += search.ask(SLOTS - len(pending))
        ended = trial(number, pending.pop(int(order.integers(len(pending)))))
        search.tell([ended])
        if ended.seconds is not None:
            found.append(ended.seconds)
    return min(found)


def portfolio() -> Search:
    return Hybrid({"bayes": Bayes(trees=10), "anneal": Anneal(), "evolve": Evolve()})


@pytest.mark.parametrize(
    ("make", "trials"),
    [(Anneal, 200), (Evolve, 200), (lambda: Bayes(trees=10), 40), (portfolio, 40)],
    ids=["anneal", "evolve", "bayes", "hybrid"],
)
def test_with_eight_slots_they_come_far_closer_to_the_best_than_random_search(
    make: Callable[[], Search], trials: int
) -> None:
    found = [best(make(), seed, trials) for seed in range(2)]
    drawn = [best(Random(), seed, trials) for seed in range(2)]
    assert np.mean(found) - 1.0 < 0.6 * (np.mean(drawn) - 1.0)

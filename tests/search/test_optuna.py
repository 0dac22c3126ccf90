"""The samplers of Optuna."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Budget, Search, StudyContext
from mlopt.search.optuna import Optuna, Sampler
from mlopt.testing import SearchContract
from mlopt.testing.spaces import Flat, schedules


class TestTpe(SearchContract):
    def make(self) -> Search:
        return Optuna(initial=3)


def proposals(sampler: Sampler, best: Schedule) -> list[Schedule]:
    search = Optuna(sampler, initial=4)
    search.start(Flat(), StudyContext(np.random.default_rng(0), Budget(20), 1))
    proposed = []
    for number in range(14):
        (schedule,) = search.ask(1)
        proposed.append(schedule)
        away = len(set(schedule) - set(best))
        failed = schedule.values()["vectorize"] is False and number % 3 == 0
        search.tell([Trial(number, schedule, Status.CRASH if failed else Status.OK, None if failed else 1.0 + away)])
    return proposed


@pytest.mark.parametrize("sampler", ["gp", "cmaes", "random"])
def test_other_samplers_propose_legal_schedules_once(sampler: Sampler) -> None:
    best = Schedule.of({"tile": 8, "register": 4, "vectorize": True, "unroll": 3})
    proposed = proposals(sampler, best)
    assert len(set(proposed)) == 14
    for schedule in proposed:
        Flat().check(schedule)


def test_the_sampler_learns_where_the_good_ones_are() -> None:
    def away(best: Schedule) -> float:
        return float(np.mean([len(set(schedule) - set(best)) for schedule in proposals("tpe", best)[4:]]))

    small = Schedule.of({"tile": 2, "register": 1, "vectorize": False, "unroll": 1})
    large = Schedule.of({"tile": 8, "register": 4, "vectorize": True, "unroll": 3})
    first = proposals("tpe", small)[4:]
    assert away(small) < float(np.mean([len(set(schedule) - set(large)) for schedule in first]))


def test_a_proposal_does_not_copy_the_trials_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import optuna

    copied = []
    usual = optuna.Study.get_trials

    def watched(study: optuna.Study, deepcopy: bool = True, **arguments: Any) -> Any:
        copied.append(deepcopy)
        return usual(study, deepcopy, **arguments)

    monkeypatch.setattr(optuna.Study, "get_trials", watched)
    proposals("random", next(schedules(Flat())))
    assert not any(copied)

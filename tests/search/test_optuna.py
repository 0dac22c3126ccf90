"""The samplers of Optuna."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlopt.core.errors import InvalidSchedule
from mlopt.core.schedule import Decision, Schedule
from mlopt.core.space import Knob
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Budget, Search, Space, StudyContext
from mlopt.search.optuna import Optuna, Sampler
from mlopt.testing import SearchContract
from mlopt.testing.spaces import Flat, Tree, schedules


class TestTpe(SearchContract):
    def make(self) -> Search:
        return Optuna(initial=3)


class TestCmaes(SearchContract):
    """On one space, with all kinds of knobs: the adapter is the same."""

    @pytest.fixture
    def space(self) -> Space:
        return Tree()

    def make(self) -> Search:
        return Optuna("cmaes", initial=3)

    def test_goes_on_after_a_resume_as_if_nothing_had_happened(self, space: Space) -> None:
        pytest.skip("told without being asked, it does not know its generations")


class Branches:
    """One of two algorithms, each with two knobs of 20 values; the plain form of a space."""

    knobs = (
        Knob("algorithm", "categorical", ("direct", "packed")),
        *(Knob(name, "ordinal", tuple(range(20))) for name in ("direct_m", "direct_n", "packed_m", "packed_n")),
    )

    def options(self, prefix: Schedule) -> Sequence[Decision]:
        if not prefix:
            return [Decision("algorithm", value) for value in self.knobs[0].values]
        left = [knob for knob in self.knobs if knob.name.startswith(str(prefix[0].value))][len(prefix) - 1 :]
        return [Decision(left[0].name, value) for value in left[0].values] if left else ()

    def features(self, prefix: Schedule) -> NDArray[np.float32]:
        return np.zeros(1, dtype=np.float32)

    def check(self, schedule: Schedule) -> None:
        for length, decision in enumerate(schedule):
            if decision not in self.options(schedule.prefix(length)):
                raise InvalidSchedule(f"{decision.knob} is not legal here")
        if self.options(schedule):
            raise InvalidSchedule("something is not decided")


def test_knobs_of_a_branch_are_learnt_too() -> None:
    """The best is packed, with both of its knobs at 3."""

    def away(sampler: Sampler) -> float:
        search, found = Optuna(sampler, initial=8), []
        search.start(Branches(), StudyContext(np.random.default_rng(1), Budget(60), 1))
        for number in range(60):
            (schedule,) = search.ask(1)
            kind, *rest = (decision.value for decision in schedule)
            found.append(20.0 * (kind == "direct") + sum(abs(int(value) - 3) for value in rest))
            search.tell([Trial(number, schedule, Status.OK, 1.0 + found[-1])])
        return float(np.mean(found[30:]))

    assert away("cmaes") < 0.6 * away("random")


def test_the_gaussian_process_models_what_some_schedules_do_not_decide(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from optuna.samplers import GPSampler

    modelled = []
    usual = GPSampler.infer_relative_search_space

    def watched(*parts: Any) -> Any:
        modelled.append(usual(*parts))
        return modelled[-1]

    monkeypatch.setattr(GPSampler, "infer_relative_search_space", watched)
    search = Optuna("gp", initial=4)
    search.start(Branches(), StudyContext(np.random.default_rng(1), Budget(6), 1))
    for number in range(6):
        search.tell([Trial(number, schedule, Status.OK, 1.0 + number) for schedule in search.ask(1)])
    assert all(len(knobs) == len(Branches.knobs) for knobs in modelled)
    assert modelled
    assert capfd.readouterr().err == ""


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

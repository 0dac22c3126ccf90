"""The contract of searches."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from ..core.schedule import Schedule
from ..core.trial import Status, Trial
from ..protocols import Budget, Search, Space, StudyContext
from .spaces import Flat, Line, Tree, schedules

Judge = Callable[[int, Schedule], Trial]
"""Makes the trial of a number and a schedule: what executor, backend and evaluator do in a study."""


class SearchContract(ABC):
    """What every search promises a study. Subclass it as `Test...` and say how to make one."""

    learns = True
    """Whether proposals depend on what became of earlier ones; where not, they are the same for any number of slots."""

    @abstractmethod
    def make(self) -> Search:
        """A fresh search, not started."""

    @pytest.fixture(params=[Flat, Tree, Line])
    def space(self, request: pytest.FixtureRequest) -> Space:
        """A space small enough to be proposed whole."""
        space: Space = request.param()
        return space

    def test_proposes_legal_schedules_and_none_twice(self, space: Space) -> None:
        proposed = [trial.schedule for trial in Loop(self.make(), space).run(20)]
        for schedule in proposed:
            space.check(schedule)
        assert len(set(proposed)) == len(proposed)

    def test_answers_with_no_more_than_was_asked_for(self, space: Space) -> None:
        search = self.make()
        search.start(space, context())
        assert all(len(search.ask(n)) <= n for n in (0, 1, 7, 2))

    def test_ends_when_everything_was_proposed_and_not_before(self, space: Space) -> None:
        loop = Loop(self.make(), space)
        assert_covers(space, loop.run())
        assert loop.run() == []

    def test_goes_on_while_others_are_pending(self, space: Space) -> None:
        assert_covers(space, Loop(self.make(), space, slots=100).run())

    def test_copes_with_failures_only(self, space: Space) -> None:
        assert_covers(space, Loop(self.make(), space, judge=fail).run())

    def test_learns_from_a_simulated_cost(self, space: Space) -> None:
        assert_covers(space, Loop(self.make(), space, judge=simulate).run())

    def test_does_not_propose_what_it_was_told_without_asking(self, space: Space) -> None:
        loop = Loop(self.make(), space)
        before = loop.run(5)
        unseen = [s for s in schedules(space) if s not in {trial.schedule for trial in before}]
        told = [measure(100 + number, schedule) for number, schedule in enumerate(unseen[::3])]
        loop.search.tell(told)
        assert_covers(space, before + told + loop.run())

    def test_resumes_from_old_trials_in_any_order(self, space: Space) -> None:
        old = Loop(self.make(), space).run(12)
        resumed = Loop(self.make(), space)
        resumed.search.tell(old[::-1])
        assert_covers(space, old + resumed.run())

    def test_goes_on_after_a_resume_as_if_nothing_had_happened(self, space: Space) -> None:
        unbroken = Loop(self.make(), space, slots=1).run(23)
        for done in (1, 7, 18):
            resumed = Loop(self.make(), space, slots=1)
            resumed.search.tell(unbroken[:done])
            future = [trial.schedule for trial in resumed.run(5)]
            assert future == [trial.schedule for trial in unbroken[done : done + 5]]

    def test_proposes_the_same_whatever_the_number_of_slots(self, space: Space) -> None:
        if self.learns:
            pytest.skip("what this search proposes depends on what has finished by then")
        proposed = []
        for slots in (1, 4):
            search = self.make()
            search.start(space, context(slots))
            proposed.append([schedule for _ in range(12 // slots) for schedule in search.ask(slots)])
        assert proposed[0] == proposed[1]

    def test_old_trials_of_another_space_do_no_harm(self, space: Space) -> None:
        loop = Loop(self.make(), space)
        alien = Schedule.of({"no such knob": 1})
        loop.search.tell([measure(100, alien), fail(101, alien), measure(102, Schedule())])
        assert_covers(space, loop.run())

    def test_the_same_seed_and_results_give_the_same_schedules(self, space: Space) -> None:
        runs = []
        for seed in (1, 2):  # of the global generators, on which nothing may depend
            random.seed(seed)
            np.random.seed(seed)
            runs.append(Loop(self.make(), space).run(20))
        assert runs[0] == runs[1]


class Loop:
    """The loop of a study, in small: keeps `slots` schedules pending, and completes them in a random order."""

    def __init__(self, search: Search, space: Space, slots: int = 3, judge: Judge | None = None) -> None:
        self.search = search
        self._slots = slots
        self._judge = judge or measure
        self._number = 0
        self._order = np.random.default_rng(0)
        search.start(space, context(slots))

    def run(self, trials: int = 1000) -> list[Trial]:
        """Go on for `trials` trials, or until the search has no more to propose."""
        pending: list[Schedule] = []
        finished: list[Trial] = []
        while len(finished) < trials:
            free = min(self._slots, trials - len(finished)) - len(pending)
            asked = self.search.ask(free) if free else ()
            assert len(asked) <= free
            pending += asked
            if not pending:
                break
            schedule = pending.pop(int(self._order.integers(len(pending))))
            finished.append(self._judge(self._number, schedule))
            self._number += 1
            self.search.tell(finished[-1:])
        return finished


def context(slots: int = 3) -> StudyContext:
    return StudyContext(np.random.default_rng(7), Budget(trials=200), slots)


def measure(number: int, schedule: Schedule) -> Trial:
    """Success or failure, and the time, as the schedule's digest has it."""
    digest = int(schedule.digest(), 16)
    if digest % 5 == 0:
        return fail(number, schedule)
    return Trial(number, schedule, Status.OK, seconds=1e-3 * (1 + digest % 97))


def simulate(number: int, schedule: Schedule) -> Trial:
    return Trial(number, schedule, Status.OK, metrics={"cost": float(int(schedule.digest(), 16) % 97)})


def fail(number: int, schedule: Schedule) -> Trial:
    return Trial(number, schedule, Status.CRASH, error="segmentation fault")


def assert_covers(space: Space, trials: Sequence[Trial]) -> None:
    """See that each schedule of `space` was tried exactly once, and nothing else was."""
    tried = sorted(trial.schedule.digest() for trial in trials)
    assert tried == sorted(schedule.digest() for schedule in schedules(space))

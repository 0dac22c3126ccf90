"""The contract of searches catches each way to break it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from mlopt.core.errors import InvalidSchedule
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Trial
from mlopt.protocols import Search, Space, StudyContext
from mlopt.search.draw import Draw
from mlopt.search.streams import Streams
from mlopt.testing import SearchContract
from mlopt.testing.spaces import Flat, Tree


class Sound:
    """Random search, to be broken."""

    def start(self, space: Space, context: StudyContext) -> None:
        self.space = space
        self.streams = Streams(context.rng)
        self.draw = Draw(space, self.streams.rng)

    def ask(self, n: int) -> Sequence[Schedule]:
        drawn = [self.one() for _ in range(n)]
        return [schedule for schedule in drawn if schedule is not None]

    def one(self) -> Schedule | None:
        self.streams.begin(len(self.draw))
        return self.draw.fresh()

    def tell(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            self.draw.see(trial.schedule)


class Illegal(Sound):
    def ask(self, n: int) -> Sequence[Schedule]:
        return [schedule.prefix(len(schedule) - 1) for schedule in super().ask(n)]


class Repeating(Sound):
    def ask(self, n: int) -> Sequence[Schedule]:
        self.draw = Draw(self.space, self.streams.rng)
        return super().ask(n)


class Greedy(Sound):
    def ask(self, n: int) -> Sequence[Schedule]:
        return super().ask(n + 1)


class EarlyEnding(Sound):
    def ask(self, n: int) -> Sequence[Schedule]:
        return super().ask(n) if len(self.draw) < 30 else ()


class Forgetful(Sound):
    def tell(self, trials: Sequence[Trial]) -> None: ...


class Unseeded(Sound):
    def start(self, space: Space, context: StudyContext) -> None:
        super().start(space, context)
        self.draw = Draw(space, np.random.default_rng(np.random.randint(1000)))


class Hopeful(Sound):
    def tell(self, trials: Sequence[Trial]) -> None:
        super().tell(trials)
        assert all(trial.ok for trial in trials)


class Timed(Sound):
    def tell(self, trials: Sequence[Trial]) -> None:
        super().tell(trials)
        assert all(trial.seconds is not None for trial in trials if trial.ok)


class Trusting(Sound):
    def tell(self, trials: Sequence[Trial]) -> None:
        super().tell(trials)
        for trial in trials:
            self.space.check(trial.schedule)


class Rambling(Sound):
    """Its random numbers depend on how many draws came before."""

    def start(self, space: Space, context: StudyContext) -> None:
        super().start(space, context)
        self.draw = Draw(space, context.rng)


class Batched(Sound):
    """What it proposes depends on how many are asked for at once."""

    def ask(self, n: int) -> Sequence[Schedule]:
        return super().ask(n)[::-1]


class Waiting(Sound):
    """Gives up as soon as much is pending."""

    pending = 0

    def ask(self, n: int) -> Sequence[Schedule]:
        asked = super().ask(n)
        self.pending += len(asked)
        return asked

    def tell(self, trials: Sequence[Trial]) -> None:
        super().tell(trials)
        self.pending -= len(trials)
        if self.pending > 20:
            raise RuntimeError("too much is pending")


@pytest.mark.parametrize("space", [Flat, Tree])
@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Illegal, "proposes_legal_schedules_and_none_twice"),
        (Repeating, "proposes_legal_schedules_and_none_twice"),
        (Greedy, "answers_with_no_more_than_was_asked_for"),
        (EarlyEnding, "ends_when_everything_was_proposed_and_not_before"),
        (Waiting, "goes_on_while_others_are_pending"),
        (Hopeful, "copes_with_failures_only"),
        (Timed, "learns_from_a_simulated_cost"),
        (Forgetful, "does_not_propose_what_it_was_told_without_asking"),
        (Forgetful, "resumes_from_old_trials_in_any_order"),
        (Rambling, "goes_on_after_a_resume_as_if_nothing_had_happened"),
        (Batched, "proposes_the_same_whatever_the_number_of_slots"),
        (Trusting, "old_trials_of_another_space_do_no_harm"),
        (Unseeded, "the_same_seed_and_results_give_the_same_schedules"),
    ],
)
def test_a_broken_search_fails(broken: type[Sound], test: str, space: type[Space]) -> None:
    class Contract(SearchContract):
        learns = False

        def make(self) -> Search:
            return broken()

    with pytest.raises((AssertionError, InvalidSchedule, RuntimeError)):
        getattr(Contract(), f"test_{test}")(space())


class TestSound(SearchContract):
    learns = False

    def make(self) -> Search:
        return Sound()

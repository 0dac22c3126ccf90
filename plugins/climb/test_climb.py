from mlopt.core.trial import Status, Trial
from mlopt.testing import SearchContract
from mlopt.testing.search import context
from mlopt.testing.spaces import Flat, schedules

from . import Climb


class TestClimb(SearchContract):
    def make(self):
        return Climb()


def test_steps_lead_away_from_the_best_one_decision_at_a_time():
    search, space = Climb(), Flat()
    search.start(space, context())
    worst, *_, best = schedules(space)
    search.tell([Trial(0, best, Status.OK, 1.0), Trial(1, worst, Status.OK, 2.0)])
    assert 1 in {len(set(step) - set(best)) for step in search.ask(6)}  # all four decisions of the worst are others

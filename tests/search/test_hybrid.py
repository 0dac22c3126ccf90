"""The portfolio of searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from rewritable import RewritableFlat
from tiles import BEST, TILES, Hinted, begun

from mlopt.core.errors import UserError
from mlopt.core.schedule import Decision, Schedule
from mlopt.core.trial import Status, Trial
from mlopt.protocols import SOURCE, Budget, CountedSpace, Search, Space, StudyContext
from mlopt.search.anneal import Anneal
from mlopt.search.bayes import Bayes
from mlopt.search.evolve import Evolve
from mlopt.search.hybrid import Hybrid
from mlopt.search.random import Random
from mlopt.search.vary import unhinted
from mlopt.testing import SearchContract
from mlopt.testing.spaces import Flat, Tree, schedules


class TestHybrid(SearchContract):
    def make(self) -> Search:
        return Hybrid({"evolve": Evolve(population=2), "random": Random()})


class TestAlone(SearchContract):
    """A portfolio of one is that one."""

    def make(self) -> Search:
        return Hybrid({"evolve": Evolve(population=3)})


class TestDefaults(SearchContract):
    """The portfolio of users, with a smaller forest and on one space, since it takes a while."""

    @pytest.fixture
    def space(self) -> Space:
        return Tree()

    def make(self) -> Search:
        return Hybrid({"bayes": Bayes(trees=5), "anneal": Anneal(), "evolve": Evolve()})


class Listed:
    """Proposes what it was given, in that order, and remembers what it was told."""

    def __init__(self, proposals: Sequence[Schedule]) -> None:
        self._proposals = list(proposals)
        self.told: list[Schedule] = []

    def start(self, space: Space, context: StudyContext) -> None:
        """Nothing to get ready."""

    def ask(self, n: int) -> Sequence[Schedule]:
        asked, self._proposals = self._proposals[:n], self._proposals[n:]
        return asked

    def tell(self, trials: Sequence[Trial]) -> None:
        self.told += [trial.schedule for trial in trials]


EVERY = list(schedules(Flat()))
GOOD, BAD = EVERY[:20], EVERY[20:]


def judged(number: int, schedule: Schedule) -> Trial:
    """The good ones get better and better, the bad ones fail."""
    if schedule in GOOD:
        return Trial(number, schedule, Status.OK, seconds=1.0 / (number + 1))
    return Trial(number, schedule, Status.CRASH)


def run(search: Search, trials: int, seed: int) -> list[Schedule]:
    search.start(Flat(), StudyContext(np.random.default_rng(seed), Budget(trials), 1))
    proposed = []
    for number in range(trials):
        (schedule,) = search.ask(1)
        proposed.append(schedule)
        search.tell([judged(number, schedule)])
    return proposed


def test_whoever_pays_off_gets_most_of_the_budget() -> None:
    shares = []
    for seed in range(10):
        searches = {"bad": Listed(BAD), "good": Listed(GOOD)}
        shares.append(np.mean([schedule in GOOD for schedule in run(Hybrid(searches, doubt=2), 24, seed)]))
    assert np.mean(shares) > 0.6


def test_the_first_one_begins() -> None:
    for seed in range(10):
        searches = {"good": Listed(GOOD), "bad": Listed(BAD)}
        assert sum(schedule in GOOD for schedule in run(Hybrid(searches, doubt=20), 6, seed)) >= 5


def test_the_first_one_proposes_as_it_would_alone() -> None:
    alone = run(Evolve(population=4), 8, seed=3)
    assert run(Hybrid({"evolve": Evolve(population=4), "random": Random()}, doubt=1000), 8, seed=3) == alone


def test_all_are_told_of_all_trials() -> None:
    searches = {"good": Listed(GOOD), "bad": Listed(BAD)}
    proposed = run(Hybrid(searches), 20, 0)
    assert searches["good"].told == searches["bad"].told == proposed


def test_what_two_propose_is_proposed_once_while_it_is_pending() -> None:
    search = Hybrid({"one": Listed(GOOD), "other": Listed(GOOD)}, doubt=0)
    search.start(Flat(), StudyContext(np.random.default_rng(0), Budget(43), 20))
    asked = search.ask(20)
    assert sorted(asked) == sorted(GOOD)


def test_what_nobody_proposed_is_to_nobodys_credit() -> None:
    def turns() -> list[Sequence[str]]:
        return [search._by_promise(number) for number in range(50)]

    search = Hybrid({"first": Listed(GOOD), "other": Listed(BAD)}, doubt=2)
    search.start(Flat(), StudyContext(np.random.default_rng(0), Budget(43), 1))
    search.ask(0)
    before = turns()
    search.tell([judged(number, schedule) for number, schedule in enumerate([*GOOD[10:], *BAD[10:]])])
    assert turns() == before
    search.tell([judged(50, schedule) for schedule in search.ask(5)])
    assert turns() != before


def test_what_comes_in_place_of_a_search_that_has_ended_is_credited_to_who_proposed_it() -> None:
    shares = []
    for seed in range(10):
        searches = {"ended": Listed([]), "bad": Listed(BAD), "good": Listed(GOOD)}
        shares.append(np.mean([schedule in GOOD for schedule in run(Hybrid(searches, doubt=2), 24, seed)]))
    assert np.mean(shares) > 0.6


def test_without_hints_the_searches_see_the_space_as_if_it_had_none() -> None:
    def asked(search: Search, space: Space) -> Sequence[Schedule]:
        return begun(search, space).ask(12)

    search = Hybrid({"evolve": Evolve(), "random": Random()}, hints=False)
    assert asked(search, Hinted()) == asked(Hybrid({"evolve": Evolve(), "random": Random()}), TILES)
    assert asked(Hybrid({"evolve": Evolve()}), Hinted())[0].values() == BEST
    assert isinstance(unhinted(Hinted()), CountedSpace)


def test_goes_on_by_itself_when_all_have_ended() -> None:
    search = Hybrid({"one": Listed(GOOD[:2]), "other": Listed([])})
    assert sorted(run(search, len(EVERY), 0)) == sorted(EVERY)


class Paid(Listed):
    """Pays for each proposal, and minimises two numbers."""

    objectives = ("seconds", "code_bytes")
    spent = 0.0

    def ask(self, n: int) -> Sequence[Schedule]:
        self.spent += 0.5
        return super().ask(n)

    def account(self, schedule: Schedule) -> tuple[str, Mapping[str, float]]:
        return "oracle", {"spent_money": 0.5}


def test_what_its_searches_tell_of_themselves_it_tells_as_well() -> None:
    search = Hybrid({"plain": Listed(BAD), "paid": Paid(GOOD[:1])}, doubt=0)
    run(search, len(BAD) + 1, 0)
    assert search.spent >= 0.5
    assert search.objectives == ("seconds", "code_bytes")
    assert search.account(GOOD[0]) == ("oracle", {"spent_money": 0.5})
    assert search.account(BAD[0]) == ("plain", {})
    assert search.account(GOOD[1]) == ("", {})


def test_searches_that_tell_nothing_cost_nothing() -> None:
    search = Hybrid({"plain": Listed(BAD)})
    assert (search.spent, search.objectives) == (0.0, ())


def test_a_program_that_one_of_them_rewrites_is_tried_and_takes_nothing_from_the_others() -> None:
    rewritten = [GOOD[0].then(Decision(SOURCE, f"text {number}")) for number in range(50)]
    search = Hybrid({"bayes": Bayes(initial=2, trees=2), "writes": Listed(rewritten)}, doubt=0)
    search.start(RewritableFlat(), StudyContext(np.random.default_rng(0), Budget(93), 1))
    tried: list[Schedule] = []
    while asked := search.ask(1):
        tried += asked
        search.tell([Trial(len(tried), asked[0], Status.OK, 1.0 if SOURCE in asked[0].values() else 2.0)])
    assert sorted(map(repr, tried)) == sorted(map(repr, [*EVERY, *rewritten]))


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UserError, match="one search at least"):
        Hybrid({})
    with pytest.raises(UserError, match=r"search.quantile=1.5 must be between 0 and 1"):
        Hybrid({"random": Random()}, quantile=1.5)

"""Orders as one choice: the same schedules as by level pointers, and each of them once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiles import begun, ok

from mlopt.core.errors import UserError
from mlopt.core.schedule import Decision, Schedule, Value
from mlopt.core.space import Knob, KnobSpace
from mlopt.search.ppo.episode import sampled
from mlopt.search.ppo.interchange import Enumerated
from mlopt.search.ppo.network import Network
from mlopt.search.ppo.search import Ppo

LOOPS = ("i", "j", "k", "l")


class Orders(KnobSpace):
    """Two orders that follow each other: of four loops, and of three of which k is not the first."""

    knobs = (
        Knob("tile", "log2", (1, 2, 4)),
        *(Knob(f"a_{n}", "permutation", LOOPS, "", tuple(f"a_{m}" for m in range(n))) for n in range(3)),
        *(Knob(f"b_{n}", "permutation", LOOPS[:3], "", tuple(f"b_{m}" for m in range(n))) for n in range(2)),
        Knob("pack", "categorical", ("none", "both")),
    )

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        taken = [chosen[name] for name in knob.needs]
        return [value for value in knob.values if value not in taken and (knob.name, value) != ("b_0", "k")]


SPACE = Orders()
TREE = Enumerated(SPACE)


def test_an_order_is_one_choice_among_all_legal_ones() -> None:
    start = Schedule.of({"tile": 2})
    first = TREE.options(start)
    assert len({option.value for option in first}) == len(first) == math.factorial(4)
    second = TREE.options(start.then(first[0]))
    assert [option.value for option in second] == ["i j", "i k", "j i", "j k"]
    assert [knob.name for knob in TREE.knobs] == ["tile", "a_0", "b_0", "pack"]


@given(st.integers(0, SPACE.count() - 1))
def test_schedules_are_the_same_in_both_forms(seed: int) -> None:
    rng, plain = np.random.default_rng(seed), Schedule()
    while options := SPACE.options(plain):
        plain = plain.then(options[int(rng.integers(len(options)))])
    joined = TREE.joined(plain)
    assert TREE.plain(joined) == plain
    assert all(joined[depth] in TREE.options(joined.prefix(depth)) for depth in range(len(joined)))
    TREE.check(joined)


def test_a_policy_walks_it_to_schedules_of_the_space() -> None:
    episodes = sampled([TREE] * 8, Network(np.random.default_rng(0)), np.random.default_rng(1))
    for episode in episodes:
        assert len(episode.choices) == 4
        SPACE.check(TREE.plain(episode.schedule))
    assert Decision("pack", "none") in {episode.schedule[-1] for episode in episodes}


def test_the_search_proposes_learns_and_believes_others_in_schedules_of_the_space() -> None:
    search = begun(Ppo(batch=4, interchange="enumerated"), SPACE)
    first, told = search.ask(6), search.ask(2)
    assert len({*first, *told}) == 8
    for schedule in (*first, *told):
        SPACE.check(schedule)
    other = begun(Ppo(batch=4, interchange="enumerated"), SPACE)
    for learner in (search, other):
        learner.tell([ok(schedule, 1.0 + place) for place, schedule in enumerate(first[:4])])
        assert learner.account(first[0])[1]["ppo_kl"] >= 0.0
        assert not {*learner.ask(4)} & {*first[:4]}


def test_another_word_is_a_mistake() -> None:
    with pytest.raises(UserError, match=r"search\.interchange"):
        Ppo(interchange="pointer")  # type: ignore[arg-type]

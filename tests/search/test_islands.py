"""Populations that evolve apart, and the archive that renews them."""

from __future__ import annotations

import numpy as np
from tiles import FAR, GOOD, TILES, begun, ok

from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.search.islands import FOUNDING, Islands
from mlopt.search.niches import Niches
from mlopt.search.population import Best
from mlopt.search.random import Random
from mlopt.testing.spaces import Flat, schedules

RNG = np.random.default_rng(0)


def niches(number: int = 32) -> Niches:
    return Niches(TILES, np.random.default_rng(0), number)


def founded(size: int, migration: int = 1000, patience: int = 1000) -> Islands:
    """Two islands whose ways are about to part."""
    islands = Islands(2, size, migration, patience, niches())
    for number, schedule in enumerate(begun(Random(), seed=1).ask(FOUNDING * size)):
        islands.join(ok(schedule, 50.0 + number), number, RNG)
    return islands


def test_founders_are_members_everywhere_and_later_trials_where_it_was_their_turn() -> None:
    islands = founded(2)
    assert islands.turn(0).members == islands.turn(1).members
    islands.join(ok(FAR, 2.0), 1, RNG)
    islands.join(ok(GOOD, 1.0), 0, RNG)
    assert (islands.turn(0).members[0], islands.turn(1).members[0]) == (GOOD, FAR)


def test_the_best_of_one_island_goes_to_the_next() -> None:
    islands = founded(2, migration=2)
    for number, trial in enumerate((ok(GOOD, 1.0), *(Trial(0, FAR, Status.CRASH) for _ in range(3)))):
        islands.join(trial, number, RNG)
    assert islands.turn(0).members[0] == islands.turn(1).members[0] == GOOD


def test_an_island_that_stagnates_is_settled_anew_with_the_best_of_all() -> None:
    islands = founded(3, patience=2)
    before = islands.turn(1).members
    islands.join(ok(GOOD, 1.0), 0, RNG)
    for number in range(1, 4):
        islands.join(Trial(0, FAR, Status.CRASH), number, RNG)
    assert islands.turn(1).members[0] == GOOD
    assert {*islands.turn(1).members} != {GOOD, *before[:2]}


def test_an_island_without_anything_valid_waits() -> None:
    islands = Islands(1, 1, 1, 1, niches())
    for number in range(FOUNDING + 3):
        islands.join(Trial(0, GOOD, Status.CRASH), number, RNG)
    assert not islands.turn(0).members


def test_members_are_the_best_in_order() -> None:
    best = Best(2)
    for trial in (ok(FAR, 3.0), ok(GOOD, 1.0), Trial(0, FAR, Status.CRASH)):
        best.add(trial)
    third = begun(Random()).ask(1)[0]
    best.add(ok(third, 2.0))
    assert best.members == [GOOD, third]
    assert best.best() == (GOOD, 1.0)
    assert best.beats(ok(FAR, 1.5), third)
    assert not best.beats(ok(FAR, 2.0), third)


def test_a_niche_keeps_its_best_and_every_kind_has_one() -> None:
    archive = niches(number=1)
    archive.add(GOOD, 2.0)
    archive.add(FAR, 3.0)
    assert archive.elites() == [(GOOD, 2.0)]
    archive.add(FAR, 1.0)
    assert archive.elites() == [(FAR, 1.0)]
    several = niches()
    several.add(GOOD, 2.0)
    several.add(FAR, 3.0)
    assert several.elites() == [(GOOD, 2.0), (FAR, 3.0)]


def test_a_small_space_has_a_niche_for_each_schedule() -> None:
    archive = Niches(Flat(), np.random.default_rng(0), 100)
    for number, schedule in enumerate(schedules(Flat())):
        archive.add(schedule, float(number))
    assert len(archive.elites()) == 43


def test_features_that_never_vary_or_dwarf_others_do_not_decide() -> None:
    class Scaled(Flat):
        def features(self, prefix: Schedule) -> np.typing.NDArray[np.float32]:
            return np.array([1e6 * len(prefix), *(1e3 * super().features(prefix)[:4])], dtype=np.float32)

    assert len(niches().elites()) == 0
    archive = Niches(Scaled(), np.random.default_rng(0), 100)
    for schedule in schedules(Flat()):
        archive.add(schedule, 1.0)
    assert len(archive.elites()) == 43

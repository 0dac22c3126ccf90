"""Islands of programs that a model has written."""

from __future__ import annotations

import numpy as np
from tiles import ok

from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.search.llm.programs import MIGRATION, Programs


def program(number: int) -> Schedule:
    return Schedule.of({"source": f"program {number}"})


def parents(programs: Programs, turn: int) -> set[Schedule | None]:
    return {programs.parent(turn, np.random.default_rng(seed)) for seed in range(40)}


def test_all_islands_begin_with_the_same_program() -> None:
    programs = Programs(3)
    assert parents(programs, 0) == {None}
    programs.add(ok(program(0), 1.0))
    assert parents(programs, 0) == parents(programs, 1) == parents(programs, 2) == {program(0)}


def test_an_island_sees_its_own_programs_until_others_migrate() -> None:
    programs = Programs(2)
    for number in range(1, MIGRATION):
        programs.settle(program(2 * number), 0)
        programs.settle(program(2 * number + 1), 1)
        programs.add(ok(program(2 * number), float(number)))
        programs.add(ok(program(2 * number + 1), 100.0 + number))
    assert program(2) in parents(programs, 0)
    assert program(2) not in parents(programs, 1)
    programs.settle(program(99), 1)
    programs.add(ok(program(99), 200.0))
    assert program(2) in parents(programs, 1)


def test_the_faster_programs_are_rewritten_more_often() -> None:
    programs = Programs(1)
    for number in range(4):
        programs.add(ok(program(number), 1.0 + number))
    rng = np.random.default_rng(0)
    chosen = [programs.parent(0, rng) for _ in range(200)]
    assert chosen.count(program(0)) > 2 * chosen.count(program(3)) > 0


def test_a_failure_is_nobodys_parent() -> None:
    programs = Programs(1)
    programs.add(Trial(0, program(0), Status.WRONG_RESULT, error="wrong"))
    assert parents(programs, 0) == {None}
    assert programs.inspirations(0, program(1), 3) == []


def test_inspirations_are_the_best_of_all_and_of_other_islands_but_not_the_parent() -> None:
    programs = Programs(3)
    for number, turn in ((0, 0), (1, 1), (2, 2), (3, 0)):
        programs.settle(program(number), turn)
        programs.add(ok(program(number), 1.0 + number))
    assert programs.inspirations(2, program(2), 3) == [program(0), program(1)]
    assert programs.inspirations(0, program(0), 3) == [program(1), program(2), program(3)]
    assert programs.inspirations(0, program(0), 1) == [program(1)]

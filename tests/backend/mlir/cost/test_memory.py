"""Bytes that loop nests bring into a cache."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlopt.backend.mlir.cost.memory import LINE, UNFORESEEN, Visits, footprints, grouped, groups
from mlopt.backend.mlir.cost.tree import Access, Loop, Tree

BUFFER, OTHER = 7, 8
KIB = 1024.0


def nest(trips: list[float], *accesses: Access, size: float = math.inf) -> Tree:
    """Loops 1, 2, ... one in the other, with accesses in the innermost."""
    root = inner = Loop(0, 1.0)
    for number, each in enumerate(trips, 1):
        inner.loops.append(Loop(number, each))
        inner = inner.loops[0]
    inner.accesses.extend(accesses)
    return Tree(root, {0: 1.0, **dict(enumerate(trips, 1))}, {BUFFER: size})


def read(steps: dict[int, float], width: int = 64, store: bool = False, start: float = 0.0) -> Access:
    return Access(BUFFER, steps, start, width, store)


def brought(tree: Tree, capacity: float, sets: int = 0) -> float:
    return sum(each.bytes for each in Visits(tree, grouped(tree.root), LINE).traffic(capacity, sets).values())


def unforeseen(tree: Tree) -> float:
    """Lines that are waited for, of all that go into a small cache."""
    return sum(each.unforeseen for each in Visits(tree, grouped(tree.root), LINE).traffic(KIB).values()) / LINE


def test_a_buffer_too_large_to_stay_is_brought_in_once_a_call() -> None:
    assert brought(nest([1024.0], read({1: 64.0})), 16 * KIB) == 64 * KIB


def test_what_stays_from_call_to_call_is_not_brought_in() -> None:
    assert brought(nest([64.0], read({1: 64.0})), 16 * KIB) == 0.0


def test_what_is_written_goes_both_ways() -> None:
    assert brought(nest([1024.0], read({1: 64.0}, store=True)), 16 * KIB) == 2 * 64 * KIB


def test_what_an_outer_loop_repeats_stays_if_it_fits() -> None:
    rows = nest([512.0, 64.0], read({2: 64.0}), replace(read({1: 4096.0, 2: 64.0}), buffer=OTHER))
    assert brought(rows, 64 * KIB) == pytest.approx(512 * 4 * KIB + 4 * KIB)


def test_what_an_outer_loop_repeats_is_brought_in_again_if_it_does_not_fit() -> None:
    assert brought(nest([8.0, 1024.0], read({2: 64.0})), 16 * KIB) == 8 * 64 * KIB


def test_whole_lines_are_brought_in_however_little_of_them_is_read() -> None:
    assert brought(nest([1024.0], read({1: 256.0}, width=4)), 16 * KIB) >= 1024 * LINE


def test_neighbours_share_their_lines() -> None:
    by_column = nest([16.0, 64.0], read({2: 1024.0, 1: 4.0}, width=4))
    assert brought(by_column, 32 * KIB) == 0.0
    assert brought(by_column, 1 * KIB) == 16 * 64 * LINE


def test_accesses_side_by_side_count_once() -> None:
    together = nest([1024.0], read({1: 128.0}), read({1: 128.0}, start=64.0))
    assert brought(together, 16 * KIB) == 128 * KIB


def test_steps_that_meet_few_sets_leave_the_rest_of_the_cache_idle() -> None:
    columns = nest([8.0, 64.0], read({2: 4096.0, 1: 64.0}), size=64 * 4096.0)
    kept = nest([16.0, 64.0], read({2: 4096.0, 1: 4.0}, width=4))
    assert brought(kept, 32 * KIB, sets=0) < brought(kept, 32 * KIB, sets=64)
    assert brought(columns, 16 * KIB, sets=64) >= brought(columns, 16 * KIB, sets=0)


@given(
    trips=st.lists(st.integers(1, 64).map(float), min_size=1, max_size=3),
    steps=st.lists(st.sampled_from([0.0, 4.0, 64.0, 4096.0, 5000.0]), min_size=3, max_size=3),
    store=st.booleans(),
)
def test_a_larger_cache_never_takes_in_more(trips: list[float], steps: list[float], store: bool) -> None:
    moves = {loop: step for loop, step in enumerate(steps[: len(trips)], 1) if step}
    tree = nest(trips, read(moves, store=store))
    sizes = [brought(tree, capacity) for capacity in (1 * KIB, 32 * KIB, 1024 * KIB, 1e9)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 0.0


@given(
    trips=st.lists(st.integers(1, 64).map(float), min_size=4, max_size=4),
    steps=st.lists(st.sampled_from([0.0, 4.0, 64.0, 4096.0, 5000.0]), min_size=4, max_size=4),
    order=st.permutations(range(4)),
)
def test_what_all_iterations_touch_is_the_same_in_any_order_of_loops(
    trips: list[float], steps: list[float], order: list[int]
) -> None:
    (group,) = groups([read({loop: step for loop, step in enumerate(steps) if step})])
    touched = [footprints(group, loops, dict(enumerate(trips)), LINE) for loops in (range(4), order)]
    assert touched[0][0] == touched[1][0]
    assert touched[0][-1] == touched[1][-1]


def test_of_what_is_read_in_a_row_the_first_lines_are_waited_for() -> None:
    assert unforeseen(nest([4096.0], read({1: 64.0}))) == UNFORESEEN


@pytest.mark.parametrize(("lines", "waited_for"), [(1, 1), (2, 2), (8, 2)])
def test_after_each_jump_to_another_page_lines_are_waited_for(lines: int, waited_for: float) -> None:
    rows = nest([64.0, float(lines)], read({1: 4096.0, 2: 64.0}))
    assert unforeseen(rows) == 64 * waited_for


def test_even_steps_within_a_page_are_foreseen() -> None:
    """Down the columns of a narrow matrix: lines far from each other, but not so far."""
    assert unforeseen(nest([16.0, 4096.0], read({1: 64.0, 2: 1024.0}))) < 16 * 4096 / 16
    assert unforeseen(nest([16.0, 4096.0], read({1: 64.0, 2: 4096.0}))) == 16 * 4096


def test_what_is_written_back_is_not_waited_for() -> None:
    rows = [nest([64.0, 2.0], read({1: 4096.0, 2: 64.0}, store=store)) for store in (False, True)]
    assert unforeseen(rows[0]) == unforeseen(rows[1])

"""Which loops one tiling makes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlopt.backend.mlir.transform.loops import together

NESTS = st.lists(st.sampled_from("mnk"), min_size=1, max_size=9)


def runs(dimensions: str, ends: set[int] | None = None) -> list[str]:
    return [dimensions[run.start : run.stop] for run in together(dimensions, "k", ends or set())]


def test_loops_of_different_dimensions_are_made_together() -> None:
    assert runs("kmn") == ["kmn"]


def test_a_dimension_that_comes_again_begins_a_run() -> None:
    assert runs("mnm") == ["mn", "m"]


def test_no_run_goes_on_past_an_end() -> None:
    assert runs("mn", {1}) == ["m", "n"]


def test_sums_begin_a_run_after_other_loops() -> None:
    assert runs("mnk") == ["mn", "k"]


@given(NESTS, st.sets(st.integers(0, 9)))
def test_every_loop_is_made_once_and_in_its_order(dimensions: list[str], ends: set[int]) -> None:
    found = list(together(dimensions, "k", ends))
    assert [position for run in found for position in run] == list(range(len(dimensions)))
    assert all(len(run) == len({dimensions[position] for position in run}) for run in found)

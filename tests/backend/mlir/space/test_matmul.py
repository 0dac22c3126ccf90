"""The space of ways to compute a matrix product: what it offers fits the machine, whichever it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopt.backend.mlir.payload.contraction import Contraction
from mlopt.backend.mlir.simd import Simd
from mlopt.backend.mlir.space.matmul import FMA_LIMIT, PARALLEL_ARITH_LIMIT, ContractionSpace
from mlopt.core.schedule import Schedule
from mlopt.protocols import CountedSpace, HintedSpace, Space
from mlopt.testing import SpaceContract
from mlopt.testing.space import walks

AVX2 = Simd(lanes=8, registers=16)
AVX512 = Simd(lanes=16, registers=32)
NEON = Simd(lanes=4, registers=32)
MACHINES = {"avx2": AVX2, "avx512": AVX512, "neon": NEON}
TINY_AND_ODD = [(1, 1, 1), (1, 1000, 64), (1000, 1, 64), (64, 64, 1), (127, 255, 63), (3, 5, 7), (17, 31, 4097)]

machines = st.sampled_from(list(MACHINES.values()))
dimensions = st.one_of(st.integers(1, 70), st.sampled_from([127, 128, 255, 512, 1000, 4096, 5000]))


def space_of(m: int, n: int, k: int, simd: Simd, batch: tuple[int, ...] = (), threads: int = 1) -> ContractionSpace:
    return ContractionSpace(Contraction("linalg.matmul", batch, m, n, k), simd, threads)


spaces = st.builds(space_of, dimensions, dimensions, dimensions, machines, threads=st.sampled_from([1, 2, 64]))


def draw(space: Space, data: st.DataObject) -> dict[str, Any]:
    """A schedule of hypothesis' choice."""
    prefix = Schedule()
    while options := space.options(prefix):
        prefix = prefix.then(data.draw(st.sampled_from(options)))
    return dict(prefix.values())


class TestAvx2(SpaceContract):
    def make(self) -> Space:
        return space_of(127, 255, 63, AVX2)


class TestAvx512(SpaceContract):
    def make(self) -> Space:
        return space_of(512, 512, 512, AVX512)


class TestNeon(SpaceContract):
    def make(self) -> Space:
        return space_of(3, 5, 7, NEON)


@pytest.mark.parametrize("simd", MACHINES.values(), ids=MACHINES)
@pytest.mark.parametrize(("m", "n", "k"), TINY_AND_ODD)
def test_tiny_and_odd_shapes_can_be_computed(m: int, n: int, k: int, simd: Simd) -> None:
    space = space_of(m, n, k, simd)
    assert isinstance(space, CountedSpace)
    assert space.count(Schedule()) > 0
    for schedule in walks(space):
        space.check(schedule)


@pytest.mark.parametrize("simd", MACHINES.values(), ids=MACHINES)
def test_large_products_have_many_register_tiles(simd: Simd) -> None:
    space = space_of(512, 512, 512, simd)
    tiles = [(int(n.value), int(m.value)) for n in space.options(Schedule()) for m in space.options(Schedule([n]))]
    assert len(tiles) >= 20
    assert {columns for columns, _ in tiles} == {simd.lanes * vectors for vectors in (1, 2, 3, 4)}
    used = [rows * columns // simd.lanes / simd.registers for columns, rows in tiles]
    assert max(used) >= 0.75  # most of the registers are accumulators


@given(spaces, st.data())
@settings(max_examples=30, deadline=None)
def test_a_register_tile_fits_the_registers(space: ContractionSpace, data: st.DataObject) -> None:
    schedule = draw(space, data)
    columns, rows = schedule["reg_n"], schedule["reg_m"]
    vectors, rest = divmod(columns, space.simd.lanes)
    assert rest == 0
    accumulators, row_of_b, broadcast = rows * vectors, vectors, 1
    only_choice = len(space.options(Schedule.of({"reg_n": columns}))) == 1
    assert accumulators + row_of_b + broadcast <= space.simd.registers or only_choice


@given(spaces, st.data())
@settings(max_examples=30, deadline=None)
def test_no_tile_is_larger_than_it_need_be(space: ContractionSpace, data: st.DataObject) -> None:
    schedule, c, lanes = draw(space, data), space.contraction, space.simd.lanes
    assert schedule["reg_m"] <= c.m
    assert schedule["reg_n"] < c.n + lanes
    assert schedule["reg_k"] <= max(2, 2 * c.k - 1)
    assert schedule["tile_k"] <= c.k
    assert schedule["tile_m"] <= schedule["block_m"] <= c.m
    assert schedule["tile_n"] <= schedule["block_n"] <= c.n


@given(spaces, st.data())
@settings(max_examples=30, deadline=None)
def test_a_cache_tile_holds_a_register_tile_or_is_the_whole_dimension(
    space: ContractionSpace, data: st.DataObject
) -> None:
    schedule, c = draw(space, data), space.contraction
    for d, size in (("m", c.m), ("n", c.n), ("k", c.k)):
        assert schedule[f"tile_{d}"] >= min(schedule[f"reg_{d}"], size)
        assert schedule.get(f"block_{d}", size) >= min(schedule[f"reg_{d}"], size)
        assert schedule[f"tile_{d}"] >= min(16, size)  # loops of few iterations take seconds to compile


@given(spaces, st.data())
@settings(max_examples=30, deadline=None)
def test_the_innermost_body_is_of_a_size_that_compiles(space: ContractionSpace, data: st.DataObject) -> None:
    schedule = draw(space, data)
    body = schedule["reg_m"] * schedule["reg_n"] // space.simd.lanes * schedule["reg_k"]
    assert body <= FMA_LIMIT
    assert body <= PARALLEL_ARITH_LIMIT or schedule["lowering"] != "parallelarith"


@given(spaces, st.data())
@settings(max_examples=30, deadline=None)
def test_peeling_is_for_partial_tiles(space: ContractionSpace, data: st.DataObject) -> None:
    schedule, c = draw(space, data), space.contraction
    partial = c.m % schedule["reg_m"] or c.n % schedule["reg_n"]
    prefix = Schedule.of({name: schedule[name] for name in ("reg_n", "reg_m", "reg_k", "lowering")})
    assert [option.value for option in space.options(prefix)] == (["mask", "peel"] if partial else ["mask"])


@given(spaces, st.data())
@settings(max_examples=30, deadline=None)
def test_what_is_legal_depends_on_nothing_but_what_a_knob_says_it_needs(
    space: ContractionSpace, data: st.DataObject
) -> None:
    schedule = draw(space, data)
    for knob in space.knobs:
        needed = {name: schedule[name] for name in knob.needs}
        assert list(space.legal(knob, needed)) == list(space.legal(knob, schedule))


@given(spaces)
@settings(max_examples=50, deadline=None)
def test_hints_are_values_of_their_knobs(space: ContractionSpace) -> None:
    assert isinstance(space, HintedSpace)
    assert space.hints()
    for hint in space.hints():
        assert list(hint) == [knob.name for knob in space.knobs]
        for knob in space.knobs:
            assert repr(hint[knob.name]) in map(repr, knob.values)


@pytest.mark.parametrize("simd", MACHINES.values(), ids=MACHINES)
def test_hints_fill_the_registers(simd: Simd) -> None:
    space = space_of(512, 512, 512, simd, threads=2)
    for hint in space.hints():
        columns, rows = int(hint["reg_n"]), int(hint["reg_m"])
        assert rows in [option.value for option in space.options(Schedule.of({"reg_n": columns}))]
        assert rows * columns / simd.lanes >= 0.5 * simd.registers


def test_every_knob_says_its_purpose() -> None:
    for knob in space_of(64, 64, 64, AVX2).knobs:
        assert 5 < len(knob.purpose) < 80
        assert knob.purpose.isprintable()


def test_a_batch_does_not_change_the_space() -> None:
    assert space_of(9, 31, 33, AVX2, batch=(3,)).knobs == space_of(9, 31, 33, AVX2).knobs


@given(spaces, st.data())
@settings(max_examples=30, deadline=None)
def test_no_partial_row_of_the_left_tile_is_wider_than_a_register(space: ContractionSpace, data: st.DataObject) -> None:
    unrolled = draw(space, data)["reg_k"]
    assert space.contraction.k % unrolled == 0 or unrolled <= space.simd.lanes

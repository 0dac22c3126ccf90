"""How a product is computed in its block: what is offered fits the registers, whichever the machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopt.backend.mlir.payload.nest import Access, LoopNest
from mlopt.backend.mlir.simd import Simd
from mlopt.backend.mlir.space.matmul import FMA_LIMIT
from mlopt.backend.mlir.space.product import PACKING, ProductKnobs
from mlopt.core.schedule import Value
from mlopt.core.space import Knob

AVX2 = Simd(lanes=8, registers=16)
AVX512 = Simd(lanes=16, registers=32)
NEON = Simd(lanes=4, registers=32)
MACHINES = {"avx2": AVX2, "avx512": AVX512, "neon": NEON}
PREFIX = "product0."

machines = st.sampled_from(list(MACHINES.values()))
dimensions = st.one_of(st.integers(2, 70), st.sampled_from([127, 128, 255, 512, 1000, 4096]))


def product(m: int, n: int, k: int, window: bool = False) -> LoopNest:
    """C[m, n] += A[m, k] B[k, n]; with `window` A[m + k, k], which is no projection."""
    left = ((1, 0, 1), (0, 0, 1)) if window else ((1, 0, 0), (0, 0, 1))
    inputs = Access(left, (m, k), "f32"), Access(((0, 0, 1), (0, 1, 0)), (k, n), "f32")
    output = Access(((1, 0, 0), (0, 1, 0)), (m, n), "f32")
    return LoopNest("product0", (m, n, k), frozenset({2}), inputs, (output,), ("arith.mulf", "arith.addf"))


def knobs_of(m: int, n: int, k: int, simd: Simd = AVX2, window: bool = False) -> ProductKnobs:
    found = ProductKnobs.of(product(m, n, k, window), PREFIX, simd)
    assert found is not None
    return found


def knob(knobs: ProductKnobs, name: str) -> Knob:
    return next(each for each in knobs.knobs if each.name == PREFIX + name)


def tiles(knobs: ProductKnobs) -> Iterator[tuple[int, int, int]]:
    """(columns, rows, unrolling) of every register tile."""
    chosen: dict[str, Value] = {}
    for columns in knobs.legal(knob(knobs, "reg_n"), chosen):
        chosen[f"{PREFIX}reg_n"] = columns
        for rows in knobs.legal(knob(knobs, "reg_m"), chosen):
            chosen[f"{PREFIX}reg_m"] = rows
            for unrolled in knobs.legal(knob(knobs, "reg_k"), chosen):
                yield int(columns), int(rows), int(unrolled)


@given(dimensions, dimensions, dimensions, machines, st.booleans())
@settings(max_examples=40, deadline=None)
def test_register_tiles_fit_the_registers_and_the_product(m: int, n: int, k: int, simd: Simd, window: bool) -> None:
    knobs = knobs_of(m, n, k, simd, window)
    found = list(tiles(knobs))
    assert found
    least = min(unrolled for _, _, unrolled in found)
    for columns, rows, unrolled in found:
        vectors, rest = divmod(columns, simd.lanes)
        assert rest == 0
        assert rows * vectors + vectors + 1 <= simd.registers  # accumulators, a row of B, an element of A
        assert rows * vectors * unrolled <= FMA_LIMIT or unrolled == least
        assert columns < knobs.size["n"] + simd.lanes
        assert rows <= knobs.size["m"]


@pytest.mark.parametrize("simd", MACHINES.values(), ids=MACHINES)
def test_large_products_can_fill_the_registers(simd: Simd) -> None:
    found = list(tiles(knobs_of(512, 512, 512, simd)))
    assert {columns // simd.lanes for columns, _, _ in found} == {1, 2, 3, 4}
    assert max(rows * columns // simd.lanes for columns, rows, _ in found) >= 0.75 * simd.registers


@given(dimensions, dimensions, dimensions, machines)
@settings(max_examples=20, deadline=None)
def test_a_sum_that_cannot_be_packed_is_unrolled_evenly(m: int, n: int, k: int, simd: Simd) -> None:
    for _, _, unrolled in tiles(knobs_of(m, n, k, simd, window=True)):
        assert k % unrolled == 0


def test_short_sums_can_be_unrolled_completely() -> None:
    assert knob(knobs_of(64, 64, 3), "reg_k").values == (1, 2, 3, 4, 8, 16)
    assert knob(knobs_of(64, 64, 17), "reg_k").values == (1, 2, 4, 8, 16)


def test_partial_register_tiles_are_masked_or_peeled_off() -> None:
    knobs = knobs_of(60, 64, 64, AVX512)
    choices = [knobs.legal(knob(knobs, "remainder"), {f"{PREFIX}reg_n": 32, f"{PREFIX}reg_m": rows}) for rows in (8, 6)]
    assert choices == [("mask", "peel"), ("mask",)]


def test_what_reads_sums_of_loops_is_never_packed() -> None:
    assert knob(knobs_of(64, 64, 64), "pack_a").values == PACKING
    assert knob(knobs_of(64, 64, 64, window=True), "pack_a").values == ("none",)
    assert knob(knobs_of(64, 64, 64, window=True), "pack_b").values == PACKING


def test_cache_tiles_are_powers_of_two_and_the_whole() -> None:
    found = knobs_of(100, 16, 7)
    assert knob(found, "tile_m").values == (16, 32, 64, 100)
    assert knob(found, "tile_n").values == (16,)
    assert knob(found, "tile_k").values == (7,)


def test_cache_loops_come_in_any_order_of_the_loops_that_there_are() -> None:
    found = knobs_of(64, 64, 64)
    assert [each.name for each in found.knobs if "order_" in each.name] == [f"{PREFIX}order_1", f"{PREFIX}order_2"]
    assert found.legal(knob(found, "order_1"), {}) == ["m", "n", "k"]
    assert found.legal(knob(found, "order_2"), {f"{PREFIX}order_1": "n"}) == ["m", "k"]


def test_what_is_no_product_has_none_of_these_knobs() -> None:
    assert ProductKnobs.of(product(1, 1, 64), PREFIX, AVX2) is None


def test_a_product_with_a_vector_has_none_either() -> None:
    assert ProductKnobs.of(product(1, 64, 64), PREFIX, AVX2) is None

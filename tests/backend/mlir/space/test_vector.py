"""How many elements of a map or a reduction are computed at once."""

from __future__ import annotations

import pytest

from mlopt.backend.mlir.payload.nest import Access, LoopNest
from mlopt.backend.mlir.simd import Simd
from mlopt.backend.mlir.space.vector import VectorKnobs

AVX2 = Simd(lanes=8, registers=16)
NEON = Simd(lanes=4, registers=32)
EACH = ((1, 0), (0, 1))


def knobs(
    sizes: tuple[int, int],
    reads: tuple[tuple[int, int], ...] = EACH,
    writes: tuple[tuple[int, int], ...] = EACH,
    sums: frozenset[int] = frozenset(),
    operation: str = "arith.addf",
    simd: Simd = AVX2,
) -> VectorKnobs:
    """Those of a nest of two loops that reads and writes one tensor each."""
    given, written = (
        Access(rows, tuple(sizes[row.index(1)] if 1 in row else 1 for row in rows), "f32") for rows in (reads, writes)
    )
    nest = LoopNest("map0", sizes, sums, (given,), (written,), (operation,))
    return VectorKnobs(nest, "map0.", simd)


def values(found: VectorKnobs) -> list[tuple[object, ...]]:
    return [knob.values for knob in found.knobs]


def test_steps_are_whole_vectors_no_wider_than_the_loop() -> None:
    assert values(knobs((4, 64))) == [(8, 16, 32, 64), (1, 2, 4)]
    assert values(knobs((4, 20))) == [(8, 16), (1, 2, 4)]
    assert values(knobs((4, 3))) == [(8,), (1, 2, 4)]
    assert values(knobs((4, 64), simd=NEON)) == [(4, 8, 16, 32), (1, 2, 4)]


def test_rows_divide_their_loop() -> None:
    assert values(knobs((6, 64)))[1] == (1, 2)
    assert values(knobs((7, 64)))[1] == (1,)
    assert values(knobs((1, 64)))[1] == (1,)


TURNED = ((0, 1), (1, 0))


def test_squares_cache_tiles_and_orders_are_offered_where_a_tensor_is_turned() -> None:
    found = knobs((32, 64), reads=TURNED)
    assert found.transposes
    assert (found.vector_loop, found.row_loop) == (1, 0)
    offered = {knob.name: knob.values for knob in found.knobs}
    assert offered["map0.rows"] == (1, 2, 4, 8, 16)
    assert offered["map0.tile_i"] == (16, 32)
    assert offered["map0.tile_j"] == (16, 32, 64)
    assert offered["map0.order_1"] == ("i", "j")
    assert not knobs((32, 64)).transposes


def test_no_more_rows_are_turned_at_once_than_make_a_square() -> None:
    assert values(knobs((32, 3), reads=TURNED))[1] == (1, 2, 4)
    assert values(knobs((32, 4), reads=TURNED))[1] == (1, 2, 4)
    assert values(knobs((32, 5), reads=TURNED))[1] == (1, 2, 4, 8)


def test_each_level_takes_one_of_the_loops_that_are_left() -> None:
    rows = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    given, written = Access(rows[::-1], (8, 6, 4), "f32"), Access(rows, (4, 6, 8), "f32")
    nest = LoopNest("map0", (4, 6, 8), frozenset(), (given,), (written,), ("arith.addf",))
    found = VectorKnobs(nest, "", AVX2)
    first, second = (knob for knob in found.knobs if knob.kind == "permutation")
    assert (first.name, second.name) == found.order.names == ("order_1", "order_2")
    assert second.needs == ("order_1",)
    assert found.legal(first, {}) == ["i", "j", "k"]
    assert found.legal(second, {"order_1": "j"}) == ["i", "k"]


def test_a_sum_of_vectors_may_take_several_at_once() -> None:
    found = knobs((12, 64), writes=((0, 1),), sums=frozenset({0}))
    assert (found.vector_loop, found.sum_loop, found.row_loop) == (1, 0, None)
    offered = {knob.name: knob.values for knob in found.knobs}
    assert offered["map0.unroll"] == (1, 2, 3, 4, 6)
    assert offered["map0.order_1"] == ("i", "j")


def window(taps: int = 3) -> VectorKnobs:
    """A sum within a window that slides along the first loop, of vectors along the second."""
    given = Access(((1, 0, 1), (0, 1, 0)), (24 + taps - 1, 64), "f32")
    written = Access(((1, 0, 0), (0, 1, 0)), (24, 64), "f32")
    nest = LoopNest("sum0", (24, 64, taps), frozenset({2}), (given,), (written,), ("arith.addf",))
    return VectorKnobs(nest, "", AVX2)


def transform(arithmetic: tuple[str, ...]) -> VectorKnobs:
    """A sum of 12 rows of 64, with a coefficient each."""
    rows, coefficients = Access(((1, 0), (0, 1)), (12, 64), "f32"), Access(((1, 0),), (12,), "f32", coefficients=True)
    written = Access(((0, 1),), (64,), "f32")
    nest = LoopNest("sum0", (12, 64), frozenset({0}), (rows, coefficients), (written,), arithmetic)
    return VectorKnobs(nest, "", AVX2)


def test_terms_within_a_window_are_written_out_whatever_it_slides_along() -> None:
    rows = ((1, 1),)
    given, written = Access(rows, (66,), "f32"), Access(((1, 0),), (64,), "f32")
    products = ("arith.mulf", "arith.addf")
    nest = LoopNest("sum0", (64, 3), frozenset({1}), (given, Access(((0, 1),), (3,), "f32")), (written,), products)
    assert VectorKnobs(nest, "", AVX2).written_out
    assert window().written_out


def test_only_terms_of_a_sum_of_products_need_not_be_written_out() -> None:
    assert not transform(("arith.mulf", "arith.addf")).written_out
    assert transform(("arith.subf", "arith.addf")).written_out
    assert knobs((12, 64), writes=((0, 1),), sums=frozenset({0})).written_out


def test_accumulators_of_a_window_fit_the_registers() -> None:
    found = window()
    (rows,) = (knob for knob in found.knobs if knob.name == "rows")
    assert found.legal(rows, {"width": 8}) == [1, 2, 3, 4, 6, 8]
    assert found.legal(rows, {"width": 32}) == [1, 2, 3]


def test_terms_that_are_written_out_are_not_too_many() -> None:
    found = window(taps=8)
    (unroll,) = (knob for knob in found.knobs if knob.name == "unroll")
    assert found.legal(unroll, {"width": 8, "rows": 4}) == [1, 2, 4, 8]
    assert found.legal(unroll, {"width": 64, "rows": 6}) == [1, 2]


def test_rows_are_those_of_the_result_in_memory() -> None:
    columns, channels = (0, 1, 0), (0, 0, 1)
    written = Access((channels, (1, 0, 0), columns), (4, 6, 16), "f32")
    nest = LoopNest("map0", (6, 16, 4), frozenset(), (written,), (written,), ("arith.addf",))
    found = VectorKnobs(nest, "", AVX2)
    assert (found.parallel, found.vector_loop, found.row_loop) == ((2, 0, 1), 1, 0)


def test_what_is_no_plain_combination_of_terms_is_summed_in_order() -> None:
    sums, written = frozenset({1}), Access(((1, 0),), (4,), "f32")
    nest = LoopNest(
        "sum0", (4, 64), sums, (Access(EACH, (4, 64), "f32"),), (written,), ("arith.select",), combines=False
    )
    assert VectorKnobs(nest, "", AVX2).vector_loop is None


def test_the_other_loop_is_the_row_where_a_transposed_tensor_is_written() -> None:
    turned = ((0, 1), (1, 0))
    found = knobs((64, 6), reads=turned, writes=turned)
    assert (found.vector_loop, found.row_loop) == (0, 1)


def test_sums_over_several_rows_at_once_are_kept_in_registers() -> None:
    found = knobs((24, 64), writes=((1, 0),), sums=frozenset({1}))
    assert (found.vector_loop, found.row_loop) == (1, 0)
    assert values(found) == [(8, 16, 32, 64), (1, 2, 3, 4, 6, 8)]
    rows = found.knobs[1]
    assert found.legal(rows, {"map0.width": 8}) == [1, 2, 3, 4, 6, 8]
    assert found.legal(rows, {"map0.width": 32}) == [1, 2, 3]  # of 4 vectors each, and 16 registers
    assert found.legal(rows, {"map0.width": 64}) == [1]


@pytest.mark.parametrize(
    "found",
    [knobs((4, 64), operation="tensor.extract"), knobs((4, 64), reads=((1, 0), (0, 2)), writes=((1, 0), (0, 2)))],
    ids=["no vector form", "strided"],
)
def test_what_cannot_be_vectorised_is_computed_element_by_element(found: VectorKnobs) -> None:
    assert found.vector_loop is None
    assert values(found)[0] == (1,)


def test_names_begin_with_the_nest_and_all_values_are_legal() -> None:
    found = knobs((4, 64))
    assert [knob.name for knob in found.knobs] == ["map0.width", "map0.rows"] == [found.width, found.rows]
    for knob in found.knobs:
        assert found.legal(knob, {}) == knob.values

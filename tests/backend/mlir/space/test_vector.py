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


def test_the_other_loop_is_the_row_where_a_transposed_tensor_is_written() -> None:
    turned = ((0, 1), (1, 0))
    found = knobs((64, 6), reads=turned, writes=turned)
    assert (found.vector_loop, found.row_loop) == (0, 1)


def test_a_sum_over_vectors_takes_one_row_at_a_time() -> None:
    found = knobs((4, 64), writes=((1, 0),), sums=frozenset({1}))
    assert (found.vector_loop, found.row_loop) == (1, None)
    assert values(found) == [(8, 16, 32, 64), (1,)]


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

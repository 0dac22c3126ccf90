"""Vectors that are put together of others' lanes."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from mlopt.backend.mlir.bindings import active, ir
from mlopt.backend.mlir.cost.lanes import EXTRACT, INSERT, SHUFFLE, Lanes
from mlopt.backend.mlir.cost.read import read
from mlopt.backend.mlir.cost.tree import Operation, Shape


@dataclass
class Vectors:
    """Writes operations and follows them; values are numbers from 1."""

    lanes: Lanes
    last: int = 100

    def put(self, name: str, operands: tuple[int, ...], size: int, *detail: int) -> int:
        self.last += 1
        self.lanes.put(Operation(name, self.last, operands, Shape(1, size, 32, True), detail))
        return self.last


def test_two_registers_that_are_interleaved_take_a_shuffle_for_each_pair_of_source_and_result() -> None:
    vectors = Vectors(Lanes())
    low = vectors.put(INSERT, (1, 99), 32, 16, 0)
    both = vectors.put(INSERT, (2, low), 32, 16, 16)
    mask = [lane + 16 * source for lane in range(16) for source in (0, 1)]
    mixed = vectors.put(SHUFFLE, (both, both), 32, 32, *mask)
    halves = [vectors.put(EXTRACT, (mixed,), 16, 32, at) for at in (0, 16)]
    assert [vectors.lanes.shuffles(half, 16) for half in halves] == [2, 2]
    assert [vectors.lanes.shuffles(half, 16) for half in halves] == [0, 0]  # made once, however often it is read


def test_the_second_operand_of_a_shuffle_comes_after_the_first() -> None:
    vectors = Vectors(Lanes())
    mixed = vectors.put(SHUFFLE, (1, 2), 4, 4, 4, 5, 6, 7)  # all of the second, in their places
    assert vectors.lanes.shuffles(mixed, 4) == 0
    mixed = vectors.put(SHUFFLE, (1, 2), 4, 4, 3, 7, 2, 3)
    assert vectors.lanes.shuffles(mixed, 4) == 2


@given(st.data())
def test_slices_that_are_taken_apart_and_put_back_move_nothing(data: st.DataObject) -> None:
    vectors, size = Vectors(Lanes()), 16
    value = 1
    for cut in data.draw(st.lists(st.integers(1, 15), max_size=5)):
        piece = vectors.put(EXTRACT, (value,), size - cut, size, cut)
        value = vectors.put(INSERT, (piece, value), size, size - cut, cut)
    assert vectors.lanes.shuffles(value, 8) == 0


@given(st.permutations(range(16)))
def test_a_permutation_and_its_inverse_cancel(mask: list[int]) -> None:
    vectors = Vectors(Lanes())
    there = vectors.put(SHUFFLE, (1, 1), 16, 16, *mask)
    back = vectors.put(SHUFFLE, (there, there), 16, 16, *(mask.index(lane) for lane in range(16)))
    assert vectors.lanes.shuffles(back, 16) == 0
    assert vectors.lanes.shuffles(there, 16) == (mask != sorted(mask))


def test_a_program_is_read_with_its_masks_and_offsets() -> None:
    with active():
        module = ir.Module.parse("""func.func @f(%a: memref<8xf32>, %b: memref<12xf32>) {
          %c0 = arith.constant 0 : index
          %v = vector.load %a[%c0] : memref<8xf32>, vector<8xf32>
          %w = vector.load %b[%c0] : memref<12xf32>, vector<12xf32>
          %i = vector.insert_strided_slice %v, %w {offsets = [4], strides = [1]} : vector<8xf32> into vector<12xf32>
          %s = vector.shuffle %i, %v [0, 12, 11] : vector<12xf32>, vector<8xf32>
          %e = vector.extract_strided_slice %s {offsets = [1], sizes = [2], strides = [1]}
            : vector<3xf32> to vector<2xf32>
          vector.store %e, %a[%c0] : memref<8xf32>, vector<2xf32>
          return
        }""")
        found = [each for each in read(module.operation).root.operations if each.name in (INSERT, EXTRACT, SHUFFLE)]
    assert [each.detail for each in found] == [(8, 4), (12, 0, 12, 11), (3, 1)]
    assert [each.shape.lanes for each in found] == [12, 3, 2]

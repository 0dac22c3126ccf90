"""Reading a program on buffers: loops, what they repeat, and how accesses move."""

from __future__ import annotations

import pytest

from mlopt.backend.mlir.bindings import active, ir
from mlopt.backend.mlir.cost.llvm import vectorized
from mlopt.backend.mlir.cost.read import read
from mlopt.backend.mlir.cost.tree import Loop, Tree


def tree(body: str, arguments: str = "%a: memref<64x32xf32>, %b: memref<64x32xf32>") -> Tree:
    """Of a function with this body, which may use some constants."""
    constants = "\n".join(f"%c{n} = arith.constant {n} : index" for n in (0, 1, 2, 8, 16, 32, 64))
    with active():
        text = f"func.func @f({arguments}) {{ {constants} {body} return }}"
        return read(ir.Module.parse(text).operation)


def innermost(loop: Loop) -> Loop:
    return innermost(loop.loops[-1]) if loop.loops else loop


def test_accesses_move_by_bytes_an_iteration_of_each_loop() -> None:
    found = tree("""
      scf.for %i = %c0 to %c64 step %c2 {
        scf.for %j = %c0 to %c32 step %c16 {
          %v = vector.load %a[%i, %j] : memref<64x32xf32>, vector<16xf32>
          vector.store %v, %b[%i, %c0] : memref<64x32xf32>, vector<16xf32>
        }
      }""")
    outer, inner = found.root.loops[0], innermost(found.root)
    assert (outer.trips, inner.trips) == (32.0, 2.0)
    load, store = inner.accesses
    assert load.steps == {outer.number: 2 * 128.0, inner.number: 64.0}
    assert store.steps == {outer.number: 2 * 128.0}
    assert (load.width, load.store, store.store) == (64, False, True)


def test_subscripts_are_followed_through_affine_maps() -> None:
    found = tree("""
      scf.for %i = %c0 to %c8 step %c1 {
        %row = affine.apply affine_map<(d0)[s0] -> (d0 * 4 + s0 + 1)>(%i)[%c2]
        %v = memref.load %a[%row, %i] : memref<64x32xf32>
      }""")
    (load,) = innermost(found.root).accesses
    assert load.steps == {1: 4 * 128.0 + 4.0}
    assert load.start == 3 * 128.0


def test_a_part_of_a_buffer_is_where_it_begins() -> None:
    found = tree("""
      scf.for %i = %c0 to %c8 step %c1 {
        %part = memref.subview %a[%i, 8] [4, 16] [2, 1]
          : memref<64x32xf32> to memref<4x16xf32, strided<[64, 1], offset: ?>>
        %v = memref.load %part[%c2, %i] : memref<4x16xf32, strided<[64, 1], offset: ?>>
      }""")
    (load,) = innermost(found.root).accesses
    assert load.buffer == tree_buffer(found, 64 * 32 * 4.0)
    assert load.start == 8 * 4.0 + 2 * 2 * 128.0
    assert load.steps == {1: 128.0 + 4.0}


def tree_buffer(found: Tree, size: float) -> int:
    return next(buffer for buffer, held in found.sizes.items() if held == size)


def test_a_loop_with_a_rest_has_its_mean_number_of_iterations() -> None:
    found = tree("""
      scf.for %i = %c0 to %c2 step %c1 {
        %left = affine.min affine_map<(d0) -> (d0 * -48 + 64, 48)>(%i)
        scf.for %j = %c0 to %left step %c1 {
          %v = memref.load %a[%j, %c0] : memref<64x32xf32>
        }
      }""")
    assert innermost(found.root).trips == (48 + 16) / 2


def test_a_loop_that_begins_later_has_its_mean_number_of_iterations() -> None:
    found = tree("""
      scf.for %i = %c0 to %c2 step %c1 {
        %first = affine.max affine_map<(d0) -> (d0 * 24 - 16, 4)>(%i)
        scf.for %j = %first to %c16 step %c1 {
          %v = memref.load %a[%j, %c0] : memref<64x32xf32>
        }
      }""")
    assert innermost(found.root).trips == 16 - (4 + 8) / 2


def test_parallel_loops_are_told_from_others() -> None:
    found = tree("""
      scf.forall (%i, %j) = (0, 0) to (64, 32) step (16, 8) {
        scf.for %k = %c0 to %c8 step %c1 {
          %v = memref.load %a[%i, %j] : memref<64x32xf32>
        }
      }""")
    rows, columns, inner = found.root.loops[0], found.root.loops[0].loops[0], innermost(found.root)
    assert [loop.parallel for loop in (rows, columns, inner)] == [True, True, False]
    assert [loop.trips for loop in (rows, columns, inner)] == [4, 4, 8]
    assert inner.accesses[0].steps == {rows.number: 16 * 128.0, columns.number: 8 * 4.0}


def test_what_a_program_claims_itself_is_known() -> None:
    found = tree("""
      %t = memref.alloc() : memref<8x4xf32>
      %v = memref.load %t[%c0, %c0] : memref<8x4xf32>
      memref.dealloc %t : memref<8x4xf32>""")
    (buffer,) = found.temporary
    assert found.sizes[buffer] == 8 * 4 * 4.0
    assert found.root.accesses[0].buffer == buffer


def test_values_handed_from_iteration_to_iteration_are_found() -> None:
    found = tree("""
      %zero = arith.constant dense<0.0> : vector<16xf32>
      %sum = scf.for %i = %c0 to %c64 step %c1 iter_args(%s = %zero) -> (vector<16xf32>) {
        %v = vector.load %a[%i, %c0] : memref<64x32xf32>, vector<16xf32>
        %t = arith.addf %s, %v : vector<16xf32>
        scf.yield %t : vector<16xf32>
      }""")
    loop = innermost(found.root)
    assert [shape.lanes for _, shape in loop.carried] == [16]
    assert loop.yields == (loop.operations[-1].result,)


def test_a_program_on_tensors_is_refused() -> None:
    with active(), pytest.raises((ValueError, LookupError)):
        read(ir.Module.parse("func.func @f(%a: tensor<4xf32>) { return }").operation)


POOL = """
  scf.for %i = %c0 to %c{points} step %c1 {{
    scf.for %tap = %c0 to %c2 step %c1 {{
      %x = affine.apply affine_map<(d0, d1) -> (d0 * 2 + d1)>(%i, %tap)
      %v = memref.load %a[%c0, %x] : memref<64x32xf32>
      %old = memref.load %b[%c0, %i] : memref<64x32xf32>
      %new = arith.maximumf %v, %old : f32
      memref.store %new, %b[%c0, %i] : memref<64x32xf32>
    }} {mark}
  }} {{loop_annotation = #llvm.loop_annotation<unroll = <disable = true>>}}"""
KEPT = "{loop_annotation = #llvm.loop_annotation<unroll = <disable = true>>}"


def test_short_loops_of_scalars_are_written_out_and_what_they_just_stored_is_not_loaded() -> None:
    outer = tree(POOL.format(points=64, mark="")).root.loops[0]
    assert outer.loops == []
    names = [operation.name for operation in outer.operations if operation.access]
    assert names == ["memref.load", "memref.load", "memref.store", "memref.load", "memref.store"]
    first, _, _, second, last = outer.accesses
    assert (first.start, second.start, last.start) == (0.0, 4.0, 0.0)
    assert first.steps == second.steps == {outer.number: 8.0}
    first_new, second_new = (operation for operation in outer.operations if operation.name == "arith.maximumf")
    assert first_new.result in second_new.operands
    assert [vectorized(outer, bits) for bits in (64, 128, 256, 512)] == [2, 4, 8, 8]


def test_loops_that_llvm_must_not_write_out_stay() -> None:
    outer = tree(POOL.format(points=64, mark=KEPT)).root.loops[0]
    assert [inner.trips for inner in outer.loops] == [2.0]
    assert not outer.loops[0].unrolled


@pytest.mark.parametrize(("points", "unrolled"), [(8, True), (32, False)])
def test_loops_of_scalars_are_written_out_while_their_code_stays_short(points: int, unrolled: bool) -> None:
    body = POOL.format(points=points, mark="").replace(KEPT, "")
    assert tree(body).root.loops[0].unrolled is unrolled


def test_affine_loops_are_read_as_any_others() -> None:
    found = tree("""
      affine.for %i = 0 to 64 step 2 {
        affine.for %j = 0 to min affine_map<(d0) -> (d0 + 2, 32)>(%i) {
          %v = affine.load %a[%i + 1, %j] : memref<64x32xf32>
          affine.store %v, %b[%i, %j] : memref<64x32xf32>
        }
      }""")
    outer, inner = found.root.loops[0], innermost(found.root)
    load, store = inner.accesses
    assert outer.trips == 32.0
    assert 20.0 < inner.trips < 26.0  # the lesser of 2, 4, ... and 32 on average
    assert load.steps == store.steps == {outer.number: 2 * 128.0, inner.number: 4.0}
    assert (load.start, store.start) == (128.0, 0.0)


def test_what_stands_for_loops_is_read_as_these() -> None:
    found = tree("""
      %zero = arith.constant 0.0 : f32
      linalg.fill ins(%zero : f32) outs(%b : memref<64x32xf32>)""")
    assert found.root.loops[0].trips == 64.0
    assert innermost(found.root).accesses[0].store
    tensors = "%t = tensor.empty() : tensor<4xf32> %c = linalg.copy ins(%t : tensor<4xf32>) outs(%t : tensor<4xf32>)"
    with pytest.raises(ValueError, match=r"nothing is known of linalg\.copy"):
        tree(
            f"{tensors} -> tensor<4xf32> %v = tensor.extract %c[%c0] : tensor<4xf32> "
            "memref.store %v, %b[%c0, %c0] : memref<64x32xf32>"
        )


@pytest.mark.parametrize(
    "loops",
    [
        "affine.parallel (%i, %j) = (0, 0) to (64, 32)",
        "scf.parallel (%i, %j) = (%c0, %c0) to (%c64, %c32) step (%c1, %c1)",
    ],
)
def test_parallel_loops_are_blocks_for_threads(loops: str) -> None:
    one = "%one = arith.constant 1.0 : f32 "
    found = tree(one + loops + " { memref.store %one, %a[%i, %j] : memref<64x32xf32> }")
    outer, inner = found.root.loops[0], innermost(found.root)
    assert [(loop.trips, loop.parallel) for loop in (outer, inner)] == [(64.0, True), (32.0, True)]
    assert inner.accesses[0].steps == {outer.number: 128.0, inner.number: 4.0}


def test_what_is_done_nobody_knows_how_often_cannot_be_read() -> None:
    with pytest.raises(ValueError, match=r"nothing is known of scf\.while"):
        tree("""
      scf.while : () -> () {
        %true = arith.constant true
        scf.condition(%true)
      } do {
        scf.yield
      }""")


@pytest.mark.parametrize(("flags", "ordered"), [("", 1), ("fastmath<reassoc>", 0), ("fastmath<nnan>", 1)])
def test_sums_within_vectors_keep_their_order_unless_they_allow_for_another(flags: str, ordered: int) -> None:
    found = tree(f"""
      %v = vector.load %a[%c0, %c0] : memref<64x32xf32>, vector<16xf32>
      %sum = vector.reduction <add>, %v {flags} : vector<16xf32> into f32
      memref.store %sum, %b[%c0, %c0] : memref<64x32xf32>""")
    (reduction,) = (each for each in found.root.operations if each.name == "vector.reduction")
    assert reduction.detail == (ordered, 0)


def test_sums_of_one_program_that_allow_for_different_orders_are_told_apart() -> None:
    found = tree("""
      %v = vector.load %a[%c0, %c0] : memref<64x32xf32>, vector<16xf32>
      %w = vector.reduction <add>, %v : vector<16xf32> into f32
      %x = vector.reduction <add>, %v fastmath<reassoc> : vector<16xf32> into f32
      %y = vector.reduction <maximumf>, %v : vector<16xf32> into f32""")
    details = [each.detail for each in found.root.operations if each.name == "vector.reduction"]
    assert details == [(1, 0), (0, 0), (0, 1)]


def test_masks_are_used_where_they_choose_what_is_read_and_written() -> None:
    found = tree("""
      %none = arith.constant dense<0.0> : vector<16xf32>
      %mask = vector.create_mask %c8 : vector<16xi1>
      %v = vector.maskedload %a[%c0, %c8], %mask, %none
        : memref<64x32xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
      vector.maskedstore %b[%c2, %c0], %mask, %v : memref<64x32xf32>, vector<16xi1>, vector<16xf32>""")
    mask, load, store = found.root.operations
    assert load.operands[0] == mask.result
    assert store.operands == (load.result, mask.result)
    read_from, written_to = found.root.accesses
    assert (read_from.start, read_from.store) == (8 * 4.0, False)
    assert (written_to.start, written_to.store) == (2 * 128.0, True)
    assert read_from.buffer != written_to.buffer

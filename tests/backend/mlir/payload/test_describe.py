"""What a program's loop nests iterate over, read and write."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlopt.backend.mlir.bindings import apply_named_sequence, ir
from mlopt.backend.mlir.payload.describe import read
from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.backend.mlir.payload.names import TAG
from mlopt.backend.mlir.payload.nest import Access, LoopNest
from mlopt.backend.mlir.payload.walk import operations
from mlopt.backend.mlir.transform.script import Script
from mlopt.core.errors import UserError
from mlopt.protocols import Workload
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.softmax.workload import Softmax


def nests(workload: Workload) -> dict[str, LoopNest]:
    module = parse(workload.source("mlir"))
    prepare(module)
    finish(module)
    return {nest.tag: nest for nest in read(module)}


ADD = "arith.addf %out, %in : f32"
UNKNOWN = '"mlopt.unknown"(%out, %in) : (f32, f32) -> f32'


def generic(maps: Sequence[str], shapes: Sequence[str], kinds: str, body: str = ADD) -> LoopNest:
    """The nest of one operation on two operands; `kinds` holds a p or an r for each loop."""
    loops = ", ".join(f"d{loop}" for loop in range(len(kinds)))
    written = ", ".join(f"affine_map<({loops}) -> ({each})>" for each in maps)
    iterators = ", ".join('"parallel"' if kind == "p" else '"reduction"' for kind in kinds)
    given, result = (f"tensor<{shape}f32>" for shape in shapes)
    (nest,) = read(
        ir.Module.parse(f"""
func.func @f(%x: {given}, %init: {result}) -> {result} {{
  %y = linalg.generic {{indexing_maps = [{written}], iterator_types = [{iterators}]}}
      ins(%x : {given}) outs(%init : {result}) {{
  ^bb0(%in: f32, %out: f32):
    %next = {body}
    linalg.yield %next : f32
  }} -> {result}
  return %y : {result}
}}""")
    )
    return nest


def access(*rows: tuple[int, ...]) -> Access:
    return Access(rows, (8,) * len(rows), "f32")


@pytest.mark.parametrize(("results", "consumers"), [("%z", ("reduce0",)), ("%z, %y", ()), ("%z, %row", ())])
def test_what_others_than_nests_read_has_no_consumers(results: str, consumers: tuple[str, ...]) -> None:
    """It has to be computed as a whole for them, whatever nests do."""
    kinds = {"%z": "tensor<4xf32>", "%y": "tensor<4x8xf32>", "%row": "tensor<32xf32>"}
    types = ", ".join(kinds[name] for name in results.split(", "))
    module = parse(f"""
func.func @f(%x: tensor<4x8xf32>) -> ({types}) {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %s = tensor.empty() : tensor<4xf32>
  %y = linalg.exp ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %row = tensor.collapse_shape %y [[0, 1]] : tensor<4x8xf32> into tensor<32xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%s : tensor<4xf32>) -> tensor<4xf32>
  %z = linalg.reduce {{ arith.addf }} ins(%y : tensor<4x8xf32>) outs(%clear : tensor<4xf32>) dimensions = [1]
  return {results} : {types}
}}""")
    for op in [op for op in operations(module.operation) if op.name == "tensor.collapse_shape"]:
        if not any(True for _ in op.results[0].uses):
            op.erase()
    script = Script()
    script.generalize(script.match(script.payload, "linalg.exp", "linalg.reduce"))
    apply_named_sequence(module, script.finish().body.operations[0], script.module)
    assert {nest.tag: nest.consumers for nest in read(module)}["map0"] == consumers


def test_a_matrix_product_has_three_loops_of_which_one_is_a_sum() -> None:
    product = nests(Matmul(m=3, n=5, k=7))["product0"]
    assert product.sizes == (3, 5, 7)
    assert product.reductions == {2}
    assert product.parallel == (0, 1)
    assert [each.rows for each in product.inputs] == [((1, 0, 0), (0, 0, 1)), ((0, 0, 1), (0, 1, 0))]
    assert [each.rows for each in product.outputs] == [((1, 0, 0), (0, 1, 0))]
    assert [each.shape for each in (*product.inputs, *product.outputs)] == [(3, 7), (7, 5), (3, 5)]
    assert {each.dtype for each in (*product.inputs, *product.outputs)} == {"f32"}
    assert product.operations == ("arith.mulf", "arith.addf")
    assert product.flops == 2 * 3 * 5 * 7


def test_a_fill_spreads_a_scalar() -> None:
    fill = nests(Matmul(m=3, n=5, k=7))["fill0"]
    assert fill.is_fill
    assert (fill.sizes, fill.reductions, fill.flops) == ((3, 5), frozenset(), 0)
    assert [each.rows for each in (*fill.inputs, *fill.outputs)] == [(), ((1, 0), (0, 1))]


def test_a_copy_is_no_fill() -> None:
    copy = LoopNest("map0", (8,), frozenset(), (access((1,)),), (access((1,)),), ())
    assert not copy.is_fill


def test_a_convolution_reads_sums_of_loops_and_strides_through_its_image() -> None:
    (product,) = (n for n in nests(Conv2d(n=2, c=3, h=9, w=8, f=5, kh=3, kw=2, stride=2)).values() if n.is_product)
    assert product.sizes == (2, 5, 4, 4, 3, 3, 2)  # n f oh ow c kh kw
    assert product.reductions == {4, 5, 6}
    image = product.inputs[0]
    assert image.rows[2:] == ((0, 0, 2, 0, 0, 1, 0), (0, 0, 0, 2, 0, 0, 1))
    assert not image.is_projection
    assert product.inputs[1].is_projection


def test_the_sizes_of_a_window_come_from_the_tensor_that_only_states_its_shape() -> None:
    pool = nests(Maxpool(n=2, c=3, h=8, w=11, k=3, stride=2))["reduce0"]
    assert pool.sizes == (6, 3, 11, 3)
    assert pool.reductions == {3}
    assert not pool.is_product


@given(st.permutations(range(3)), st.tuples(*[st.integers(1, 9)] * 3))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_loops_is_read(order: list[int], sizes: tuple[int, ...]) -> None:
    subscripts = ", ".join(f"d{loop}" for loop in order)
    nest = generic([subscripts, "d0"], ["".join(f"{sizes[loop]}x" for loop in order), f"{sizes[0]}x"], "prr")
    assert nest.sizes == sizes
    assert nest.inputs[0].rows == tuple(tuple(int(loop == each) for each in range(3)) for loop in order)


def test_a_constant_subscript_is_no_loop() -> None:
    nest = generic(["0, d0", "d0"], ["1x8x", "8x"], "p")
    assert nest.inputs[0].rows == ((0,), (1,))


@pytest.mark.parametrize("subscript", ["d0 floordiv 2", "d0 mod 8"])
def test_a_subscript_that_is_no_sum_of_loops_is_a_mistake(subscript: str) -> None:
    with pytest.raises(UserError, match="sums of loops"):
        generic([subscript, "d0"], ["8x", "16x"], "p")


def test_tags_say_the_kind_and_are_found_again_in_the_program() -> None:
    module = parse(Softmax(rows=3, cols=8).source("mlir"))
    prepare(module)
    finish(module)
    tags = [nest.tag for nest in read(module)]
    assert sorted(tags) == ["fill0", "fill1", "map0", "map1", "reduce0", "reduce1"]
    marked = [op for op in operations(module.operation) if TAG in op.attributes]
    assert [ir.StringAttr(op.attributes[TAG]).value for op in marked] == tags


def test_producers_and_consumers_are_linked() -> None:
    found = nests(Softmax(rows=3, cols=8))
    assert [each.producer for each in found["map1"].inputs] == ["map0", "reduce1"]
    assert found["map0"].consumers == ("reduce1", "map1")
    assert found["reduce1"].outputs[0].producer in ("fill0", "fill1")
    assert found["map1"].consumers == ()
    assert found["map0"].inputs[0].producer is None  # an argument


def test_both_products_of_attention_are_told_apart() -> None:
    found = nests(Attention(heads=2, kv_heads=2, seq=4, kv_seq=8, head_dim=4))
    assert [tag for tag, nest in found.items() if nest.is_product] == ["product0", "product1"]
    assert found["product0"].consumers == ("map0",)


@pytest.mark.parametrize(
    ("rows", "loop", "expected"),
    [
        (((1, 0), (0, 1)), 1, 1),
        (((1, 0), (0, 2)), 1, None),  # strided
        (((1, 1), (0, 0)), 1, None),  # together with another
        (((0, 1), (0, 1)), 1, None),  # a diagonal
        (((1, 0),), 1, None),  # not at all
    ],
)
def test_a_loop_may_be_a_subscript_alone(rows: tuple[tuple[int, ...], ...], loop: int, expected: int | None) -> None:
    assert access(*rows).plain(loop) == expected


@pytest.mark.parametrize(
    ("rows", "walks", "projection", "innermost"),
    [
        (((1, 0), (0, 1)), True, True, 1),
        (((0, 1), (1, 0)), True, True, 0),
        (((1, 0), (0, 2)), False, False, None),
        (((1, 1),), True, False, None),
        (((1, 0), (0, 0)), False, True, None),
        (((1, 0), (0, -1)), False, False, None),
        ((), False, True, None),
    ],
)
def test_how_an_access_moves(
    rows: tuple[tuple[int, ...], ...], walks: bool, projection: bool, innermost: int | None
) -> None:
    assert access(*rows).walks(1) == walks
    assert access(*rows).is_projection == projection
    assert access(*rows).innermost() == innermost


vectors = functools.partial(generic, kinds="pr")


def test_vectors_run_along_neighbouring_elements_of_what_is_largest() -> None:
    assert vectors(["d0, d1", "d0"], ["4x8x", "4x"]).vector_loop == 1
    assert vectors(["d1, d0", "d0"], ["8x4x", "4x"]).vector_loop == 0


def test_strides_diagonals_and_what_has_no_vector_form_are_not_vectorised() -> None:
    assert vectors(["d0, d1", "d0"], ["4x8x", "4x"]).vectorizable(1)
    strided, dense = (nests(Maxpool(n=1, c=2, h=8, w=9, k=3, stride=stride))["reduce1"] for stride in (2, 1))
    assert not strided.vectorizable(2)
    assert dense.vectorizable(2)
    assert not generic(["d0, d0", "d0"], ["4x4x", "4x"], "p").vectorizable(0)
    assert not vectors(["d0, d1", "d0"], ["4x8x", "4x"], body=UNKNOWN).vectorizable(1)


def test_a_diagonal_is_no_projection() -> None:
    straight, diagonal = (Access(rows, (4, 4), "f32") for rows in (((1, 0), (0, 1)), ((1, 0), (1, 0))))
    assert straight.is_projection
    assert not diagonal.is_projection


def test_every_loop_of_a_nest_of_many_has_a_letter() -> None:
    loops = [f"d{loop}" for loop in range(20)]
    nest = generic([", ".join(loops)] * 2, ["1x" * 20] * 2, "p" * 20, "arith.negf %in : f32")
    assert len(set(nest.letters.values())) == 20

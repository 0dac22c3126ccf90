"""Which keys a block of rows sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopt.backend.mlir.bindings import ir
from mlopt.backend.mlir.payload.algorithms.visibility import Affine, bounds, conditions
from mlopt.backend.mlir.payload.walk import operations

LOWEST = "%lowest = arith.constant 0xFF800000 : f32"


def masked(body: str) -> Any:
    """A linalg.generic over loops 0 and 1 that yields what `body` makes of %score."""
    module = ir.Module.parse(f"""
      #id = affine_map<(i, j) -> (i, j)>
      func.func @f(%a: tensor<4x8xf32>, %flag: i1) -> tensor<4x8xf32> {{
        {LOWEST}
        %c3 = arith.constant 3 : index
        %c2 = arith.constant 2 : index
        %empty = tensor.empty() : tensor<4x8xf32>
        %r = linalg.generic {{indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}}
            ins(%a : tensor<4x8xf32>) outs(%empty : tensor<4x8xf32>) {{
        ^bb0(%score: f32, %unused: f32):
          %i = linalg.index 0 : index
          %j = linalg.index 1 : index
          {body}
          linalg.yield %r : f32
        }} -> tensor<4x8xf32>
        return %r : tensor<4x8xf32>
      }}""")
    return module, next(op for op in operations(module.operation) if op.name == "linalg.generic")


@pytest.mark.parametrize(
    ("comparison", "chosen", "sums"),
    [
        ("arith.cmpi sge, %i, %j", "%score, %lowest", [((1, -1), 0)]),
        ("arith.cmpi sgt, %i, %j", "%score, %lowest", [((1, -1), -1)]),
        ("arith.cmpi sle, %i, %j", "%score, %lowest", [((-1, 1), 0)]),
        ("arith.cmpi slt, %i, %c3", "%score, %lowest", [((-1, 0), 2)]),
        ("arith.cmpi slt, %i, %j", "%lowest, %score", [((1, -1), 0)]),
        ("arith.cmpi eq, %i, %j", "%score, %lowest", []),
        ("arith.cmpi ult, %i, %j", "%score, %lowest", []),
        ("arith.cmpi sge, %i, %j", "%score, %score", []),
    ],
)
def test_a_comparison_is_a_sum_that_is_not_negative(
    comparison: str, chosen: str, sums: list[tuple[tuple[int, ...], int]]
) -> None:
    module, op = masked(f"%seen = {comparison} : index\n %r = arith.select %seen, {chosen} : f32")
    assert conditions(op, 2) == tuple(Affine(*each) for each in sums)
    assert module


def test_arithmetic_on_loops_and_several_conditions_are_followed() -> None:
    module, op = masked("""
      %twice = arith.muli %i, %c2 : index
      %shifted = arith.addi %twice, %c3 : index
      %back = arith.subi %shifted, %j : index
      %word = arith.index_cast %back : index to i64
      %limit = arith.constant 5 : i64
      %near = arith.cmpi slt, %word, %limit : i64
      %before = arith.cmpi sge, %shifted, %j : index
      %both = arith.andi %near, %before : i1
      %inner = arith.select %both, %score, %lowest : f32
      %early = arith.cmpi sle, %j, %c3 : index
      %r = arith.select %early, %inner, %lowest : f32""")
    assert conditions(op, 2) == (Affine((0, -1), 3), Affine((-2, 1), 1), Affine((2, -1), 3))
    assert module


def test_what_is_no_comparison_of_loops_hides_nothing() -> None:
    for body in (
        "%r = arith.select %flag, %score, %lowest : f32",
        "%square = arith.muli %i, %i : index\n %s = arith.cmpi sge, %square, %j : index\n"
        "%r = arith.select %s, %score, %lowest : f32",
        "%r = arith.addf %score, %score : f32",
    ):
        module, op = masked(body)
        assert conditions(op, 2) == ()
        assert module


@given(
    st.lists(st.tuples(st.integers(-2, 2), st.sampled_from([-3, -1, 0, 1, 2]), st.integers(-20, 20)), max_size=3),
    st.integers(0, 30),
    st.integers(1, 8),
    st.integers(1, 6),
    st.integers(1, 5),
)
@settings(max_examples=200, deadline=None)
def test_bounds_leave_out_no_visible_key_and_no_more_blocks_than_one_condition_hides(
    found: list[tuple[int, int, int]], start: int, rows: int, blocks: int, step: int
) -> None:
    extent = blocks * step
    sums = [Affine((row, key), constant) for row, key, constant in found]
    lower, upper = bounds(sums, [ir.AffineExpr.get_constant(start)], [rows], extent, step)
    low = max(ir.AffineConstantExpr(each).value for each in lower)
    high = min(ir.AffineConstantExpr(each).value for each in upper)
    assert low % step == 0
    i, j = np.arange(start, start + rows)[:, None], np.arange(extent)[None]
    holds = [a * i + b * j + c >= 0 for a, b, c in found]
    visible = np.logical_and.reduce([np.ones((rows, extent), bool), *holds]).any(axis=0)
    assert all(low <= key < high for key in np.flatnonzero(visible))
    for each, (_, key, _) in zip(holds, found, strict=True):
        if key:
            seen = each.any(axis=0).reshape(blocks, step).any(axis=1)
            within = [low <= block * step < high for block in range(blocks)]
            assert not any(inside and not some for inside, some in zip(within, seen, strict=True))

"""Padding is a loop nest: cut, split and merged with its neighbours' loops as others are, and right at every edge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopt.backend.mlir.bindings import ir, new_context
from mlopt.backend.mlir.machine_code import compile_llvm
from mlopt.backend.mlir.naive import lower
from mlopt.backend.mlir.payload.describe import read
from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.backend.mlir.payload.nest import LoopNest
from mlopt.backend.mlir.payload.walk import operations
from mlopt.backend.mlir.program import bind
from mlopt.core.errors import UserError


def program(shape: list[int], low: list[int], high: list[int]) -> str:
    """Twice what a padded tensor holds."""
    wide = [size + before + after for size, before, after in zip(shape, low, high, strict=True)]
    source, result = ("x".join(map(str, [*each, "f32"])) for each in (shape, wide))
    places = ", ".join(f"%p{axis}: index" for axis in range(len(shape)))
    return f"""
    func.func @f(%x: tensor<{source}>) -> tensor<{result}> {{
      %number = arith.constant 3.0 : f32
      %wide = tensor.pad %x low{low} high{high} {{
      ^bb0({places}):
        tensor.yield %number : f32
      }} : tensor<{source}> to tensor<{result}>
      %empty = tensor.empty() : tensor<{result}>
      %y = linalg.add ins(%wide, %wide : tensor<{result}>, tensor<{result}>)
        outs(%empty : tensor<{result}>) -> tensor<{result}>
      return %y : tensor<{result}>
    }}"""


def finished(text: str) -> Any:
    module = parse(text)
    prepare(module)
    finish(module)
    return module


def padding(text: str) -> LoopNest:
    return next(nest for nest in read(finished(text)) if nest.inside)


def test_a_padding_is_a_nest_that_others_read() -> None:
    nest = padding(program([4, 5], [1, 0], [2, 3]))
    assert nest.inside == ((1, 5), (0, 5))
    assert nest.sizes == (7, 8)
    assert nest.consumers == ("map1",)


def test_a_padding_alone_is_a_program_unless_nothing_is_padded() -> None:
    text = """func.func @f(%x: tensor<3xf32>) -> tensor<HIGHxf32> {
      %z = arith.constant 1.0 : f32
      %y = tensor.pad %x low[0] high[MARGIN] {
      ^bb0(%i: index):
        tensor.yield %z : f32
      } : tensor<3xf32> to tensor<HIGHxf32>
      return %y : tensor<HIGHxf32>
    }"""
    assert padding(text.replace("HIGH", "5").replace("MARGIN", "2")).sizes == (5,)
    with pytest.raises(UserError, match="nothing to optimise"):
        finished(text.replace("HIGH", "3").replace("MARGIN", "0"))


def test_each_place_of_a_margin_may_have_a_number_of_its_own() -> None:
    module = finished("""func.func @f(%x: tensor<3x4xf32>) -> tensor<6x6xf32> {
      %y = tensor.pad %x low[1, 2] high[2, 0] {
      ^bb0(%i: index, %j: index):
        %ten = arith.constant 10 : index
        %tens = arith.muli %i, %ten : index
        %place = arith.addi %tens, %j : index
        %whole = arith.index_cast %place : index to i32
        %number = arith.sitofp %whole : i32 to f32
        tensor.yield %number : f32
      } : tensor<3x4xf32> to tensor<6x6xf32>
      return %y : tensor<6x6xf32>
    }""")
    lower(module)
    x, output = np.full((3, 4), -1, np.float32), np.empty((6, 6), np.float32)
    bind(compile_llvm(module, 0), "f", (x, output))()
    i, j = np.indices((6, 6))
    expected = np.where((i >= 1) & (i < 4) & (j >= 2), -1, 10 * i + j)
    np.testing.assert_array_equal(output, expected)


def test_dimensions_without_margins_are_joined() -> None:
    assert padding(program([2, 3, 4, 5], [0, 0, 1, 1], [0, 0, 1, 1])).sizes == (6, 6, 7)


@pytest.mark.parametrize("axis", range(3))
def test_dimensions_with_margins_are_not_joined(axis: int) -> None:
    low = [int(each == axis) for each in range(3)]
    assert len(padding(program([2, 3, 4], low, [0, 0, 0])).sizes) == (3 if axis == 1 else 2)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_every_element_is_what_it_was(data: st.DataObject) -> None:
    margins = st.lists(st.integers(0, 2), min_size=3, max_size=3)
    shape = data.draw(st.lists(st.integers(1, 4), min_size=3, max_size=3))
    low, high = data.draw(margins), data.draw(margins)
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    expected = 2 * np.pad(x, list(zip(low, high, strict=True)), constant_values=3)
    output = np.empty_like(expected)
    context = new_context()
    with context, ir.Location.unknown(context):
        module = finished(program(shape, low, high))
        assert "tensor.pad" not in {op.name for op in operations(module.operation)}
        lower(module)
        bind(compile_llvm(module, 0), "f", (x, output))()
    np.testing.assert_array_equal(output, expected)

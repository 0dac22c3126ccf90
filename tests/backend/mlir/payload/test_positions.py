"""What is loaded where constants and a loop's iteration say: positions in even steps are subscripts, others tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlopt.backend.mlir.bindings import ir, new_context
from mlopt.backend.mlir.machine_code import compile_llvm
from mlopt.backend.mlir.naive import lower
from mlopt.backend.mlir.payload.frontend import parse
from mlopt.backend.mlir.payload.positions import Steps, name_positions
from mlopt.backend.mlir.payload.walk import operations
from mlopt.backend.mlir.program import bind
from mlopt.protocols import Array

X = np.arange(5 * 7, dtype=np.float32).reshape(5, 7)

FLOORED = """
  %c = arith.constant {divisor} : f32
  %whole = arith.index_cast %{loop} : index to i64
  %wide = arith.sitofp %whole : i64 to f32
  %divided = arith.divf %wide, %c : f32
  %floor = math.floor %divided : f32
  %back = arith.fptosi %floor : f32 to i64
  %p = arith.index_cast %back : i64 to index"""
"""As PyTorch's importer writes an enlarged image."""
DIVIDED = "%c = arith.constant {divisor} : index \n %p = arith.divui %{loop}, %c : index"
BACKWARD = "%c = arith.constant {divisor} : index \n %p = arith.subi %c, %{loop} : index"
CLAMPED = "%c = arith.constant {divisor} : index \n %p = arith.minui %{loop}, %c : index"


def program(steps: str, rows: int = 10, columns: int = 7, subscripts: str = "%p, %j", inputs: str = "") -> Any:
    """A function of X, and of whole numbers for each row, whose result has X at these subscripts."""
    kind = f"tensor<{rows}x{columns}xf32>"
    return parse(f"""
func.func @f(%x: tensor<5x7xf32>, %n: tensor<{rows}xi64>) -> {kind} {{
  {inputs}
  %empty = tensor.empty() : {kind}
  %y = linalg.generic
      {{indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>],
        iterator_types = ["parallel", "parallel"]}}
      ins(%{"k" if inputs else "n"} : tensor<{rows}xi64>) outs(%empty : {kind}) {{
  ^bb0(%in: i64, %out: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    {steps}
    %load = tensor.extract %x[{subscripts}] : tensor<5x7xf32>
    %twice = arith.addf %load, %load : f32
    linalg.yield %twice : f32
  }} -> {kind}
  return %y : {kind}
}}""")


def loads(module: Any) -> int:
    return sum(op.name == "tensor.extract" for op in operations(module.operation))


def computed(module: Any) -> Array:
    """What the naive program makes of X."""
    (kind,) = ir.FunctionType(ir.TypeAttr(module.body.operations[0].attributes["function_type"]).value).results
    output = np.full(kind.shape, np.nan, np.float32)
    numbers = np.zeros(kind.shape[0], np.int64)
    lower(module)
    bind(compile_llvm(module, 0), "f", (X, numbers, output))()
    return output


def named(module: Any) -> Any:
    name_positions(module)
    assert module.operation.verify()
    return module


@given(st.integers(-9, 9), st.integers(-5, 5), st.integers(1, 6), st.integers(1, 30))
def test_even_steps_are_recognised(offset: int, factor: int, length: int, count: int) -> None:
    positions = offset + factor * (np.arange(count) // length)
    steps = Steps.of(positions)
    assert steps is not None
    assert np.array_equal(steps.offset + steps.factor * (np.arange(count) // steps.length), positions)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=7))
def test_nothing_else_is_taken_for_even_steps(numbers: list[int]) -> None:
    positions, counts = np.array(numbers), np.arange(len(numbers))
    even = any(
        np.array_equal(positions, numbers[0] + factor * (counts // length))
        for factor in range(-3, 4)
        for length in range(1, len(numbers) + 1)
    )
    assert (Steps.of(positions) is not None) == even


@pytest.mark.parametrize(
    ("steps", "rows", "subscript"),
    [
        (FLOORED.format(divisor="2.0", loop="i"), 10, "d0 floordiv 2"),
        (FLOORED.format(divisor="3.0", loop="i"), 14, "d0 floordiv 3"),
        (FLOORED.format(divisor="0.5", loop="i"), 3, "d0 * 2"),
        (DIVIDED.format(divisor=4, loop="i"), 20, "d0 floordiv 4"),
        (BACKWARD.format(divisor=4, loop="i"), 5, "-d0 + 4"),
        ("%p = arith.constant 3 : index", 6, "3"),
        ("%c = arith.constant 1 : index \n %p = arith.addi %i, %c : index", 4, "d0 + 1"),
        ("%c = arith.constant 0 : index \n %p = arith.addi %i, %c : index", 3, "d0"),  # not of all rows
    ],
)
def test_positions_in_even_steps_are_subscripts(steps: str, rows: int, subscript: str) -> None:
    expected = computed(program(steps, rows))
    module = named(program(steps, rows))
    assert loads(module) == 0
    assert f"(d0, d1) -> ({subscript}, d1)>" in str(module)
    assert np.array_equal(computed(module), expected)


@pytest.mark.parametrize(
    "steps",
    [FLOORED.format(divisor="1.5", loop="i"), CLAMPED.format(divisor=4, loop="i")],
    ids=["in steps of two lengths", "clamped"],
)
def test_other_positions_are_read_from_tables(steps: str) -> None:
    expected = computed(program(steps, 7))
    module = named(program(steps, 7))
    assert loads(module) == 1
    names = [op.name for op in operations(module.operation)]
    assert not {"arith.divf", "arith.minui"}.intersection(names)
    assert str(module).count("dense<") == 1  # of rows alone
    assert np.array_equal(computed(module), expected)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(-5, 4), min_size=1, max_size=9))
def test_positions_that_follow_from_constants_are_read_as_the_program_says(rows: list[int]) -> None:
    """Negative ones count from the end, as importers write it."""
    constant = f"%k = arith.constant dense<{rows}> : tensor<{len(rows)}xi64>"
    steps = """
    %zero = arith.constant 0 : i64
    %five = arith.constant 5 : i64
    %negative = arith.cmpi slt, %in, %zero : i64
    %behind = arith.addi %in, %five : i64
    %row = arith.select %negative, %behind, %in : i64
    %p = arith.index_cast %row : i64 to index"""
    with new_context() as context, ir.Location.unknown(context):
        module = named(program(steps, len(rows), inputs=constant))
        assert "arith.cmpi" not in [op.name for op in operations(module.operation)]
        assert np.array_equal(computed(module), 2 * X[rows])


@pytest.mark.parametrize(
    ("steps", "subscripts"),
    [
        ("%p = arith.index_cast %in : i64 to index", "%p, %j"),
        (
            "%s = arith.addi %i, %j : index \n %c = arith.constant 2 : index \n %p = arith.divui %s, %c : index",
            "%p, %j",
        ),
        ("%w = arith.fptosi %out : f32 to i64 \n %p = arith.index_cast %w : i64 to index", "%p, %j"),
        (DIVIDED.format(divisor=2, loop="i"), "%j, %p"),
        (BACKWARD.format(divisor=2, loop="i"), "%p, %j"),
    ],
    ids=["of an argument", "of two loops", "of what is computed", "beyond the end", "before the beginning"],
)
def test_what_cannot_be_told_beforehand_is_left(steps: str, subscripts: str) -> None:
    module = program(steps, 4, 6, subscripts)
    before = str(module)
    assert str(named(module)) == before

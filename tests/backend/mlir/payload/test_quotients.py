"""What is read at quotients and remainders of loops: by loops that are split, or else looked up."""

from __future__ import annotations

import numpy as np
import pytest

from mlopt.backend.mlir.bindings import ir
from mlopt.backend.mlir.machine_code import compile_llvm
from mlopt.backend.mlir.naive import lower
from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.backend.mlir.payload.quotients import look_up_quotients
from mlopt.backend.mlir.payload.walk import operations
from mlopt.backend.mlir.program import bind

SHAPE = (12, 10)
X = np.arange(12 * 10, dtype=np.float32).reshape(SHAPE)


def program(subscripts: str) -> ir.Module:
    """Twice X at these subscripts over the loops of a tensor of its shape."""
    kind = "tensor<12x10xf32>"
    return parse(f"""
func.func @f(%x: {kind}) -> {kind} {{
  %empty = tensor.empty() : {kind}
  %y = linalg.generic {{indexing_maps = [affine_map<(i, j) -> ({subscripts})>, affine_map<(i, j) -> (i, j)>],
                       iterator_types = ["parallel", "parallel"]}}
      ins(%x : {kind}) outs(%empty : {kind}) {{
  ^bb0(%in: f32, %out: f32):
    %twice = arith.addf %in, %in : f32
    linalg.yield %twice : f32
  }} -> {kind}
  return %y : {kind}
}}""")


SPLIT = [
    "i floordiv 2, j",
    "i, j floordiv 5",
    "i floordiv 3, j mod 2",
    "i mod 4 + (i floordiv 4) * 2, j",
    "i floordiv 2 + 3, j",
]
LOOKED_UP = [
    "i floordiv 5, j",
    "(i + 1) floordiv 2, j",
    "i floordiv 2 + i mod 3, j",
    "i ceildiv 2, j",
    "i floordiv 2, (i + j) mod 10",
]


@pytest.mark.parametrize("subscripts", [*SPLIT, *LOOKED_UP])
def test_what_is_read_is_what_the_subscripts_say(subscripts: str) -> None:
    module = program(subscripts)
    look_up_quotients(module, "test")
    assert module.operation.verify()
    lower(module)
    output = np.full(SHAPE, np.nan, np.float32)
    bind(compile_llvm(module, 0), "f", (X, output))()
    python = subscripts.replace("floordiv", "//").replace("mod", "%").replace("i ceildiv 2", "(i + 1) // 2")
    places = dict(zip("ij", np.indices(SHAPE), strict=True))
    assert np.array_equal(output, 2 * X[eval(python, places)])


@pytest.mark.parametrize("subscripts", SPLIT)
def test_loops_that_are_divided_evenly_are_split_and_load_as_other_nests_do(subscripts: str) -> None:
    module = program(subscripts)
    look_up_quotients(module, "test")
    assert "tensor.extract" not in [op.name for op in operations(module.operation)]
    prepare(module)
    (nest,) = finish(module)
    assert "arith.addf" in nest.operations  # the copy is merged into its reader
    assert all(operation.startswith("arith.") for operation in nest.operations)


@pytest.mark.parametrize("subscripts", LOOKED_UP)
def test_others_are_looked_up(subscripts: str) -> None:
    module = program(subscripts)
    look_up_quotients(module, "test")
    assert "tensor.extract" in [op.name for op in operations(module.operation)]

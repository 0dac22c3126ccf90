"""Kernels of one function, element by element, in vectors: how they are made, and how far off they are."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlopt.backend.mlir.bindings import PassManager, apply_named_sequence, ir
from mlopt.backend.mlir.lowering import TO_LLVM
from mlopt.backend.mlir.machine_code import compile_llvm
from mlopt.backend.mlir.payload.vector_math import expand
from mlopt.backend.mlir.program import MlirKernel

Vector = NDArray[np.float32]
ULPS = 4
LANES = 8
LENGTH = 1 << 20
INSTRUCTIONS = {"fma", "fabs", "floor", "sqrt", "copysign"}
"""The intrinsics that are vector instructions. Of others, such as exp, LLVM makes a call for each element."""
VECTORIZED = f"""
module attributes {{transform.with_named_sequence}} {{
  transform.named_sequence @__transform_main(%module: !transform.any_op) {{
    %generic = transform.structured.match ops{{["linalg.generic"]}} in %module
      : (!transform.any_op) -> !transform.any_op
    %tile, %loop = transform.structured.tile_using_for %generic tile_sizes [{LANES}]
      : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.structured.vectorize %tile : !transform.any_op
    transform.yield
  }}
}}"""
LOWERING = (
    "builtin.module(one-shot-bufferize{bufferize-function-boundaries "
    "function-boundary-type-conversion=identity-layout-map},canonicalize,cse,canonicalize,"
    f"convert-vector-to-scf,convert-vector-to-llvm,{','.join(TO_LLVM)})"
)


def payload(body: str, count: int = 1, element: str = "f32", result: str = "") -> Any:
    """The parsed kernel of %value, which `body` computes of %a0, %a1, ..., an element each of `count` arrays.

    It is of another element type if `result` names one.
    """
    other = result or element
    tensor, out, memref = f"tensor<{LENGTH}x{element}>", f"tensor<{LENGTH}x{other}>", f"memref<{LENGTH}x{other}>"
    arguments = "".join(f"%x{i}: {tensor}, " for i in range(count))
    arrays, types = (", ".join(each) for each in ([f"%x{i}" for i in range(count)], [tensor] * count))
    elements = "".join(f"%a{i}: {element}, " for i in range(count))
    return ir.Module.parse(f"""
#same = affine_map<(i) -> (i)>
func.func @kernel({arguments}%out: {memref}) attributes {{llvm.emit_c_interface}} {{
  %init = bufferization.to_tensor %out restrict writable : {memref} to {out}
  %y = linalg.generic {{indexing_maps = [{"#same, " * count}#same], iterator_types = ["parallel"]}}
      ins({arrays} : {types}) outs(%init : {out}) {{
    ^bb0({elements}%b: {other}):
      {body}
      linalg.yield %value : {other}
  }} -> {out}
  bufferization.materialize_in_destination %y in restrict writable %out : ({out}, {memref}) -> ()
  return
}}""")


def lowered(module: Any) -> Any:
    """A parsed kernel, expanded, in the LLVM dialect, in vectors of LANES elements."""
    expand(module)
    script = ir.Module.parse(VECTORIZED)
    apply_named_sequence(module, script.body.operations[0], script)
    PassManager.parse(LOWERING).run(module.operation)
    return module


def evaluator(module: Any) -> Callable[..., Vector]:
    """A kernel in the LLVM dialect, on vectors of any length."""
    kernel = MlirKernel(compile_llvm(module, level=2), "kernel", threads=0)

    def evaluate(*inputs: Vector) -> Vector:
        parts = []
        for start in range(0, len(inputs[0]), LENGTH):
            given, out = [np.ones(LENGTH, np.float32) for _ in inputs], np.empty(LENGTH, np.float32)
            for padded, x in zip(given, inputs, strict=True):
                part = x[start : start + LENGTH]
                padded[: len(part)] = part
            kernel.bind(given, [out])()
            parts.append(out[: len(part)])
        return np.concatenate(parts)

    return evaluate


@functools.cache
def everywhere() -> Vector:
    """Every 1021st number of the whole range, and the special ones."""
    bits = np.arange(0, 1 << 32, 1021, dtype=np.uint32)
    values = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0], np.float32)
    return np.concatenate([bits.view(np.float32), values])


def around(x: float, count: int = 100_000) -> Vector:
    """The `count` numbers nearest to `x` and of its sign."""
    bits = int(np.float32(abs(x)).view(np.uint32))
    near = np.arange(max(0, bits - count // 2), bits + count // 2, dtype=np.uint32).view(np.float32)
    return np.copysign(near, np.float32(x))


def errors(computed: Vector, exact: NDArray[np.float64]) -> NDArray[np.float64]:
    """In units of the last place of the correctly rounded result; infinite where a special value is missed."""
    rounded = exact.astype(np.float32)
    regular = np.isfinite(rounded) & np.isfinite(computed)
    same = (computed == rounded) | (np.isnan(computed) & np.isnan(rounded))
    ulps = np.where(same, 0.0, np.inf)
    ulps[regular] = np.abs(computed[regular] - exact[regular]) / np.spacing(np.abs(rounded[regular]))
    return ulps

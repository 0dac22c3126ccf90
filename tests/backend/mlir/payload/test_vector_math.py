"""Vector math: within 4 ulp of a float64 reference over the whole range of float32, without a scalar call."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

from mlopt.backend.mlir.bindings import PassManager, apply_named_sequence, ir
from mlopt.backend.mlir.lowering import TO_LLVM
from mlopt.backend.mlir.machine_code import compile_llvm
from mlopt.backend.mlir.payload.vector_math import expand
from mlopt.backend.mlir.program import MlirKernel

Vector = NDArray[np.float32]
ULPS = 4
LANES = 8
LENGTH = 1 << 20
REFERENCES: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "erf": special.erf,
    "rsqrt": lambda x: 1 / np.sqrt(x),
}
INSTRUCTIONS = {"fma", "fabs", "sqrt", "copysign"}
"""The intrinsics that are vector instructions. Of others, such as exp, LLVM makes a call for each element."""
EDGES = {  # where a function leaves 0, or reaches its limit, infinity or a pole
    "exp": (-103.97, -87.34, 88.72),
    "exp2": (-150.0, -126.0, 128.0),
    "expm1": (-17.33, 88.72),
    "log": (1.0,),
    "log2": (1.0,),
    "log1p": (-1.0, 1.0),
    "tanh": (-9.01, 9.01),
    "erf": (-3.92, 3.92),
    "rsqrt": (1.0,),
}
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


def payload(operation: str, element: str = "f32", result: str = "") -> Any:
    """The parsed kernel y[i] = operation(x[i]), of another element type if `result` names one."""
    other = result or element
    tensor, out, memref = f"tensor<{LENGTH}x{element}>", f"tensor<{LENGTH}x{other}>", f"memref<{LENGTH}x{other}>"
    to = f" to {result}" if result else ""
    return ir.Module.parse(f"""
#same = affine_map<(i) -> (i)>
func.func @kernel(%x: {tensor}, %out: {memref}) attributes {{llvm.emit_c_interface}} {{
  %init = bufferization.to_tensor %out restrict writable : {memref} to {out}
  %y = linalg.generic {{indexing_maps = [#same, #same], iterator_types = ["parallel"]}}
      ins(%x : {tensor}) outs(%init : {out}) {{
    ^bb0(%a: {element}, %b: {other}):
      %value = {operation} %a : {element}{to}
      linalg.yield %value : {other}
  }} -> {out}
  bufferization.materialize_in_destination %y in restrict writable %out : ({out}, {memref}) -> ()
  return
}}""")


def vectorized(name: str) -> Any:
    """The expanded kernel of a function in the LLVM dialect, in vectors of LANES elements."""
    return lowered(payload(f"math.{name}"))


def lowered(module: Any) -> Any:
    expand(module)
    script = ir.Module.parse(VECTORIZED)
    apply_named_sequence(module, script.body.operations[0], script)
    PassManager.parse(LOWERING).run(module.operation)
    return module


def evaluator(name: str) -> Callable[[Vector], Vector]:
    kernel = MlirKernel(compile_llvm(vectorized(name), level=2), "kernel", threads=0)

    def evaluate(x: Vector) -> Vector:
        parts = []
        for start in range(0, len(x), LENGTH):
            part = x[start : start + LENGTH]
            padded, out = np.ones(LENGTH, np.float32), np.empty(LENGTH, np.float32)
            padded[: len(part)] = part
            kernel.bind([padded], [out])()
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


@pytest.mark.parametrize("name", REFERENCES)
@np.errstate(all="ignore")
def test_a_function_is_within_4_ulp_everywhere(name: str) -> None:
    near = [around(x) for x in (0.0, -0.0, *EDGES[name])]
    binades = np.random.default_rng(0).uniform(-110, 90, 500_000).astype(np.float32)
    x = np.concatenate([everywhere(), *near, binades])
    exact = REFERENCES[name](x.astype(np.float64))
    ulps = errors(evaluator(name)(x), exact)
    worst = int(np.argmax(ulps))
    assert ulps[worst] <= ULPS, f"{name}({x[worst]!r}) is {ulps[worst]} ulp from {exact[worst]!r}"


@pytest.mark.parametrize("name", ["expm1", "log1p", "tanh", "erf"])
def test_an_odd_sign_of_zero_is_kept(name: str) -> None:
    values = evaluator(name)(np.array([0.0, -0.0], np.float32))
    assert list(np.signbit(values)) == [False, True]
    assert not values.any()


def test_rsqrt_has_a_pole_of_the_sign_of_zero() -> None:
    assert list(evaluator("rsqrt")(np.array([0.0, -0.0], np.float32))) == [np.inf, -np.inf]


@pytest.mark.parametrize(("name", "at"), [("exp", 0.0), ("exp2", 0.0), ("log", 1.0), ("log2", 1.0)])
def test_what_is_exact_stays_exact(name: str, at: float) -> None:
    (value,) = evaluator(name)(np.array([at], np.float32))
    assert value == REFERENCES[name](at)


@pytest.mark.parametrize("name", REFERENCES)
def test_it_stays_in_vectors_and_nothing_is_called(name: str) -> None:
    text = str(vectorized(name))
    assert f"vector<{LANES}xf32>" in text
    assert set(re.findall(r"llvm\.intr\.(\w+)", text)) <= INSTRUCTIONS
    assert re.findall(r"llvm\.call @(\w+)", text) == ["kernel"]  # by its own C interface


def test_only_operations_that_the_library_has_on_float32_are_replaced() -> None:
    for operation, element in (("math.exp", "f64"), ("math.sin", "f32"), ("math.sqrt", "f32")):
        module = payload(operation, element)
        before = str(module)
        expand(module)
        assert str(module) == before


def test_an_expanded_program_keeps_its_function_and_no_other() -> None:
    module = payload("math.exp")
    expand(module)
    (function,) = module.body.operations
    assert ir.StringAttr(function.attributes["sym_name"]).value == "kernel"
    assert "llvm.emit_c_interface" in function.attributes
    assert "math.exp " not in str(module)
    assert "call" not in str(module)


def converted(operation: str, x: NDArray[Any], given: str, wanted: str) -> NDArray[Any]:
    module = lowered(payload(operation, given, wanted))
    assert re.findall(r"llvm\.(?:fptrunc|fpext|call @(?!kernel))", str(module)) == []
    padded, out = np.zeros(LENGTH, x.dtype), np.empty(LENGTH, "uint16" if wanted == "bf16" else "float32")
    padded[: len(x)] = x
    MlirKernel(compile_llvm(module, level=2), "kernel", threads=0).bind([padded], [out])()
    return out[: len(x)]


@np.errstate(all="ignore")
def test_bfloat16_is_the_nearest_and_the_even_one_from_halfway() -> None:
    bits = np.arange(0, 1 << 32, 8209, dtype=np.uint32)
    halfway = np.arange(0, 1 << 32, 1 << 16, dtype=np.uint32)[:, None] + np.array(
        [0, 0x7FFF, 0x8000, 0x8001], np.uint32
    )
    x = np.concatenate([bits, halfway.ravel()]).view(np.float32)
    computed = converted("arith.truncf", x, "f32", "bf16").view("bfloat16").astype(np.float32)
    assert np.array_equal(computed, x.astype("bfloat16").astype(np.float32), equal_nan=True)


def test_bfloat16_that_is_no_number_stays_none_of_its_sign() -> None:
    x = np.array([0x7F800001, 0xFF800001, 0x7FFFFFFF, 0xFFFFFFFF], np.uint32).view(np.float32)
    assert list(converted("arith.truncf", x, "f32", "bf16")) == [0x7FC0, 0xFFC0, 0x7FFF, 0xFFFF]


def test_every_bfloat16_begins_the_float32_that_it_is() -> None:
    bits = np.arange(1 << 16, dtype=np.uint16)
    assert np.array_equal(converted("arith.extf", bits, "bf16", "f32").view(np.uint32), bits.astype(np.uint32) << 16)

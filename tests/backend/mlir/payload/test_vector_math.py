"""Vector math: within 4 ulp of a float64 reference over the whole range of float32, without a scalar call."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special
from vectors import INSTRUCTIONS, LANES, LENGTH, ULPS, around, errors, evaluator, everywhere, lowered, payload

from mlopt.backend.mlir.bindings import ir
from mlopt.backend.mlir.machine_code import compile_llvm
from mlopt.backend.mlir.payload.vector_math import expand
from mlopt.backend.mlir.program import MlirKernel

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
    "sin": np.sin,
    "cos": np.cos,
    "atan": np.arctan,
}
NEAREST = 16367173.0 * 2.0**72
"""Of all float32, this one is nearest to a multiple of pi / 2."""
EDGES = {  # where a function leaves 0, reaches its limit, infinity or a pole, or is computed in another way
    "exp": (-103.97, -87.34, 88.72),
    "exp2": (-150.0, -126.0, 128.0),
    "expm1": (-17.33, 88.72),
    "log": (1.0,),
    "log2": (1.0,),
    "log1p": (-1.0, 1.0),
    "tanh": (-9.01, 9.01),
    "erf": (-3.92, 3.92),
    "rsqrt": (1.0,),
    "sin": (np.pi, -100 * np.pi, NEAREST, *(2.0**power for power in (46, 67, 88, 109))),
    "cos": (np.pi / 2, 99.5 * np.pi, -NEAREST, *(2.0**power for power in (46, 67, 88, 109))),
    "atan": (1.0, -1.0),
}


def unary(name: str, element: str = "f32", result: str = "") -> Any:
    """The parsed kernel of an operation, to another element type if `result` names one."""
    to = f" to {result}" if result else ""
    return payload(f"%value = {name} %a0 : {element}{to}", element=element, result=result)


def vectorized(name: str) -> Any:
    return lowered(unary(f"math.{name}"))


@pytest.mark.parametrize("name", REFERENCES)
@np.errstate(all="ignore")
def test_a_function_is_within_4_ulp_everywhere(name: str) -> None:
    near = [around(x) for x in (0.0, -0.0, *EDGES[name])]
    binades = np.random.default_rng(0).uniform(-110, 90, 500_000).astype(np.float32)
    x = np.concatenate([everywhere(), *near, binades])
    exact = REFERENCES[name](x.astype(np.float64))
    ulps = errors(evaluator(vectorized(name))(x), exact)
    worst = int(np.argmax(ulps))
    assert ulps[worst] <= ULPS, f"{name}({x[worst]!r}) is {ulps[worst]} ulp from {exact[worst]!r}"


@pytest.mark.parametrize("name", ["expm1", "log1p", "tanh", "erf", "sin", "atan"])
def test_an_odd_sign_of_zero_is_kept(name: str) -> None:
    values = evaluator(vectorized(name))(np.array([0.0, -0.0], np.float32))
    assert list(np.signbit(values)) == [False, True]
    assert not values.any()


def test_rsqrt_has_a_pole_of_the_sign_of_zero() -> None:
    assert list(evaluator(vectorized("rsqrt"))(np.array([0.0, -0.0], np.float32))) == [np.inf, -np.inf]


@pytest.mark.parametrize(("name", "at"), [("exp", 0.0), ("exp2", 0.0), ("log", 1.0), ("log2", 1.0), ("cos", 0.0)])
def test_what_is_exact_stays_exact(name: str, at: float) -> None:
    (value,) = evaluator(vectorized(name))(np.array([at], np.float32))
    assert value == REFERENCES[name](at)


@pytest.mark.parametrize("name", REFERENCES)
def test_it_stays_in_vectors_and_nothing_is_called(name: str) -> None:
    text = str(vectorized(name))
    assert f"vector<{LANES}xf32>" in text
    assert set(re.findall(r"llvm\.intr\.(\w+)", text)) <= INSTRUCTIONS
    assert re.findall(r"llvm\.call @(\w+)", text) == ["kernel"]  # by its own C interface


def test_only_operations_that_the_library_has_on_float32_are_replaced() -> None:
    for operation, element in (("math.exp", "f64"), ("math.tan", "f32"), ("math.sqrt", "f32")):
        module = unary(operation, element)
        before = str(module)
        expand(module)
        assert str(module) == before


def test_an_expanded_program_keeps_its_function_and_no_other() -> None:
    module = unary("math.exp")
    expand(module)
    (function,) = module.body.operations
    assert ir.StringAttr(function.attributes["sym_name"]).value == "kernel"
    assert "llvm.emit_c_interface" in function.attributes
    assert "math.exp " not in str(module)
    assert "call" not in str(module)


def converted(operation: str, x: NDArray[Any], given: str, wanted: str) -> NDArray[Any]:
    module = lowered(unary(operation, given, wanted))
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

"""What a user's program should compute, on numpy and the MLIR bindings alone: the program itself, in float64."""

import ctypes
import functools
import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

DRAWS = 3
MARGIN = 8.0
"""Deviations that are allowed: of the noise, which has 0.6 of its size as deviation."""
POOLED = 64
"""Elements, at least, over which a deviation is averaged: one is known from few draws."""
JITTER = 2.0**-40
"""Of the inputs, relative: far less than the noise, and enough to make it another one."""


def reference(
    *inputs: Array, program: str, entry: str, pipeline: str, constants: Sequence[str], wide: bool, **_: Any
) -> tuple[Array, ...]:
    """The results in float64 or complex128: of `program`, loops on buffers, which `pipeline` takes to LLVM.

    It reads the arrays in the files `constants`, too, after the inputs.
    """
    given = (*(_widened(inputs) if wide else inputs), *_loaded(tuple(constants), wide))
    return _run(program, entry, pipeline, given)


def tolerance(
    *inputs: Array, noisy: str | None, units: Sequence[float], fallback: float, **known: Any
) -> tuple[Array, ...]:
    """The error allowed in each element, from runs of the program `noisy`, which rounds more coarsely than kernels.

    It is MARGIN times the sum of two deviations, those of the element itself and of its neighbours on average, and
    2 units (of which there is one a result, in `units`; 0 for whole numbers) of the element for the last rounding.
    Without such a program it is `fallback` units of the row's magnitude.
    Results that are whole numbers must be exact, unless the noise changes them.
    """
    exact = reference(*inputs, **known)
    if noisy is None:
        sizes = map(_size, exact)
        return tuple(fallback * unit * (size + _pooled(size)) for size, unit in zip(sizes, units, strict=True))
    rng = np.random.default_rng(0)
    squares = [np.zeros(value.shape) for value in exact]
    for _ in range(DRAWS):
        jittered = [x + x * JITTER * rng.uniform(-1, 1, x.shape) if _inexact(x) else x for x in _widened(inputs)]
        given = (*jittered, *_loaded(tuple(known["constants"]), True))
        disturbed = _run(noisy, known["entry"], known["pipeline"], given)
        for square, value, other in zip(squares, exact, disturbed, strict=True):
            with np.errstate(invalid="ignore"):  # infinity less infinity
                square += np.square(_size(other - value))
    deviations = [np.sqrt(square / DRAWS) for square in squares]
    return tuple(
        MARGIN * (own + _pooled(own)) + 2.0 * unit * _size(value) * bool(own.any())
        for own, value, unit in zip(deviations, exact, units, strict=True)
    )


def _size(values: Array) -> Array:
    """Magnitudes; 0 for what is no finite number."""
    return np.where(np.isfinite(values), np.abs(values), 0.0)


def _pooled(x: Array) -> Array:
    """The root mean square over as many of the last axes as hold enough elements, broadcastable to x."""
    axes = list(range(x.ndim))
    while axes and np.prod([x.shape[axis] for axis in axes[1:]]) >= POOLED:
        axes.pop(0)
    return np.asarray(np.sqrt(np.mean(np.square(x), axis=tuple(axes), keepdims=True)))


def _inexact(x: Array) -> bool:
    return bool(np.issubdtype(x.dtype, np.inexact))


def _widened(arrays: Sequence[Array]) -> tuple[Array, ...]:
    """The arrays in float64 or complex128, whole numbers as they are; uint16 is the bits of bfloat16."""
    wide = {**dict.fromkeys(("bfloat16", "float16", "float32"), "float64"), "complex64": "complex128"}
    numbers = [(a.astype(np.uint32) << 16).view(np.float32) if a.dtype == np.uint16 else a for a in arrays]
    return tuple(array.astype(wide.get(str(array.dtype), array.dtype)) for array in numbers)


@functools.lru_cache(maxsize=2)
def _loaded(files: tuple[str, ...], wide: bool) -> tuple[Array, ...]:
    """The arrays in these files, of which there may be copies beside this one."""
    copies = (Path(__file__).with_name(Path(file).name) for file in files)
    arrays = [np.load(copy if copy.exists() else file) for copy, file in zip(copies, files, strict=True)]
    return _widened(arrays) if wide else tuple(arrays)


def _run(program: str, entry: str, pipeline: str, inputs: Sequence[Array]) -> tuple[Array, ...]:
    engine, kinds = _compiled(program, entry, pipeline)
    outputs = [np.zeros(shape, dtype) for shape, dtype in kinds[len(inputs) :]]
    describe = _bindings("runtime").get_ranked_memref_descriptor
    arrays = [np.require(array, requirements="C") for array in inputs] + outputs
    engine.invoke(entry, *(ctypes.pointer(ctypes.pointer(describe(array))) for array in arrays))
    return tuple(x.astype(np.complex128 if np.iscomplexobj(x) else np.float64) for x in outputs)


@functools.lru_cache(maxsize=4)
def _compiled(program: str, entry: str, pipeline: str) -> tuple[Any, list[tuple[tuple[int, ...], str]]]:
    """Machine code, and shapes and dtypes of its arguments: first what it reads, then what it writes."""
    ir = _bindings("ir")
    with ir.Context() as context, ir.Location.unknown():
        context.enable_multithreading(False)
        module = ir.Module.parse(program)
        functions = [op for op in module.body.operations if "function_type" in op.attributes]
        function = next(op for op in functions if op.regions[0].blocks)  # others are declared, such as erf of libm
        kinds = map(ir.MemRefType, ir.FunctionType(ir.TypeAttr(function.attributes["function_type"]).value).inputs)
        arguments = [(tuple(kind.shape), _dtype(str(kind.element_type))) for kind in kinds]
        _bindings("passmanager").PassManager.parse(pipeline).run(module.operation)
        return _bindings("execution_engine").ExecutionEngine(module, opt_level=3), arguments


def _dtype(element: str) -> str:
    names = {"bf16": "bfloat16", "f16": "float16", "f32": "float32", "f64": "float64"}
    names |= {"complex<f32>": "complex64", "complex<f64>": "complex128", "i1": "bool", "index": "int64"}
    if element == "bf16":
        importlib.import_module("ml_dtypes")  # numpy then knows it by its name
    return names.get(element, element.replace("i", "int"))


def _bindings(module: str) -> Any:
    find = importlib.util.find_spec
    package = "mlir" if find("mlir") and find("mlir.ir") else "torch_mlir"
    return importlib.import_module(f"{package}.{module}")

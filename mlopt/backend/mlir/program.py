"""A compiled MLIR program, and the kernel that it becomes in this process."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...protocols import Array, Calibration
from . import openmp
from .bindings import ExecutionEngine, ir, new_context, ranked_memref_descriptor
from .code_size import executable_bytes, object_code
from .constants import load
from .machine_code import compile_llvm
from .memory import keep_freed
from .naive import lower
from .target import HOST, Target, calibrated, describe, name

if TYPE_CHECKING:
    from .cost.model import Analysis


@dataclass(frozen=True)
class MlirProgram:
    """A transformed program, and the machine code that it becomes when it is first loaded."""

    generate: Callable[[], Any]
    """Makes the machine code, in an execution engine. Raises CompileError."""
    entry: str
    optimized: Any
    """The transformed module, before it was lowered to the LLVM dialect."""
    threads: int
    """0 for a program without parallel loops."""
    stage_seconds: Mapping[str, float]
    constants: Sequence[str] = ()
    """The files of what the function takes between the inputs and the outputs."""
    target: Target = HOST
    """The CPU that it is meant for."""

    @property
    def ir(self) -> str:
        return str(self.optimized)

    def simulate(self) -> Mapping[str, float]:
        return self._analysis.cost.metrics

    def calibrated(self, calibration: Calibration) -> MlirProgram:
        return replace(self, target=calibrated(self.target, calibration))

    def ir_features(self) -> Mapping[str, float]:
        from .cost.features import features

        return features(self._analysis)

    @property
    def simulated_on(self) -> str:
        return name(self.target)

    @functools.cached_property
    def _analysis(self) -> Analysis:
        from .cost.model import analyse

        return analyse(self.optimized, describe(self.target), max(1, self.threads))

    def load(self) -> MlirKernel:
        return MlirKernel(self._engine, self.entry, self.threads, [load(file) for file in self.constants])

    def code_bytes(self) -> int | None:
        return executable_bytes(self._code) if isinstance(self._engine, ExecutionEngine) else None

    def code_digest(self) -> str:
        return hashlib.sha256(self._code).hexdigest()[:32]

    @functools.cached_property
    def _code(self) -> bytes:
        """The object file; where `mlir-opt` made the code, the shared library."""
        return object_code(self._engine) if isinstance(self._engine, ExecutionEngine) else self._engine.content

    @functools.cached_property
    def _engine(self) -> Any:
        return self.generate()


class MlirKernel:
    """A function of the execution engine, called through its C interface: inputs, constants, outputs."""

    def __init__(self, engine: Any, entry: str, threads: int, constants: Sequence[Array] = ()) -> None:
        self._engine = engine
        self._entry = entry
        self._threads = threads
        self._constants = constants
        keep_freed()
        if threads:
            openmp.use_threads(threads)

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> Callable[[], None]:
        return bind(self._engine, self._entry, (*inputs, *self._constants, *outputs))

    def overhead(self) -> float:
        return _call_overhead()

    def rest(self) -> None:
        if self._threads:
            openmp.rest()


def bind(engine: Any, entry: str, arrays: Sequence[Array]) -> Callable[[], None]:
    """A call of a compiled function on the memory of `arrays`; keeps both the code and the memory alive.

    Shapes are static, so that the function reads nothing of a descriptor but the address: its tensors may have other
    dimensions, or pairs of floats for complex numbers.
    """
    function = engine.lookup(entry)
    descriptors = [ctypes.pointer(ctypes.pointer(_descriptor(array))) for array in arrays]
    arguments = (ctypes.c_void_p * len(descriptors))(*(ctypes.cast(d, ctypes.c_void_p).value for d in descriptors))

    def call(keep: Any = (engine, descriptors, arrays)) -> None:
        function(arguments)

    return call


def _descriptor(array: Array) -> Any:
    """A memref descriptor of an array, with one dimension more for the parts of complex numbers."""
    is_complex = array.dtype.kind == "c"
    return ranked_memref_descriptor(array[..., np.newaxis].view(array.real.dtype) if is_complex else array)


@functools.cache
def _call_overhead() -> float:
    """Seconds that a bound call of a function without a body takes: median over 1,000 calls."""
    context = new_context()
    with context, ir.Location.unknown(context):
        module = ir.Module.parse("func.func @empty() attributes { llvm.emit_c_interface } { return }")
        lower(module)
        engine = compile_llvm(module, level=3)
    call = bind(engine, "empty", ())
    samples = []
    for _ in range(1000):
        start = time.perf_counter()
        call()
        samples.append(time.perf_counter() - start)
    return statistics.median(samples)

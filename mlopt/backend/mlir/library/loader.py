"""The kernel beside this file, for Python: `load()` gives a function of numpy arrays.

Needs numpy and, for a kernel on several threads, an OpenMP runtime (`pip install intel-openmp`, or LLVM's libomp).
The files of the same name with the endings .py and .json belong together with the shared library lib*.so.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve()
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt."""

ALIGNMENT = 64
"""Bytes: outputs begin at a cache line, as where the kernel was measured."""


def load() -> Kernel:
    """The kernel. Raises RuntimeError where a file, an OpenMP runtime or a feature of the CPU is missing."""
    if not HERE.with_suffix(".json").is_file():
        raise RuntimeError(f"{HERE.with_suffix('.json')} is missing; it belongs beside {HERE.name}")
    facts = json.loads(HERE.with_suffix(".json").read_text())
    _check_cpu(facts)
    library = HERE.with_name(f"lib{facts['name']}.so")
    if not library.is_file():
        raise RuntimeError(f"{library} is missing; make it with: cc -shared -o {library.name} {facts['name']}.o -lm")
    if facts["threads"] > 1:
        _load_openmp()
    if facts["allocates"]:
        _keep_memory()
    return Kernel(facts, getattr(ctypes.CDLL(str(library)), facts["name"]))


class Kernel:
    """Computes on C-contiguous arrays of the shapes and dtypes in `inputs` and `outputs`, and no others."""

    def __init__(self, facts: Any, function: Any) -> None:
        self.name: str = facts["name"]
        self.inputs = [(tuple(spec["shape"]), _dtype(spec["dtype"])) for spec in facts["inputs"]]
        self.outputs = [(tuple(spec["shape"]), _dtype(spec["dtype"])) for spec in facts["outputs"]]
        self._output_alignment: int = facts["output_alignment"]
        self._function = function
        function.restype = None
        function.argtypes = [ctypes.c_void_p] * (len(self.inputs) + len(self.outputs))

    def __call__(self, *inputs: Any, out: Any = None) -> Any:
        """The output, or a tuple of them where there are several; `out` (likewise) is memory for them.

        Raises TypeError or ValueError for arrays that the kernel does not take, and for outputs that overlap others.
        """
        if len(inputs) != len(self.inputs):
            raise TypeError(f"{self.name} takes {len(self.inputs)} inputs, not {len(inputs)}")
        for number, (array, spec) in enumerate(zip(inputs, self.inputs, strict=True)):
            _check(f"input {number}", array, *spec)
        if out is None:
            outputs = tuple(_empty(*spec) for spec in self.outputs)
        else:
            outputs = tuple(out) if isinstance(out, (tuple, list)) else (out,)
            self._check_outputs(inputs, outputs)
        self._function(*(array.ctypes.data for array in (*inputs, *outputs)))
        return outputs[0] if len(self.outputs) == 1 else outputs

    def _check_outputs(self, inputs: Any, outputs: Any) -> None:
        if len(outputs) != len(self.outputs):
            raise TypeError(f"{self.name} has {len(self.outputs)} outputs, not {len(outputs)}")
        others = list(inputs)
        for number, (array, spec) in enumerate(zip(outputs, self.outputs, strict=True)):
            _check(f"output {number}", array, *spec)
            if not array.flags.writeable:
                raise ValueError(f"output {number} is read-only")
            if array.ctypes.data % self._output_alignment:
                raise ValueError(f"output {number} must begin at a multiple of {self._output_alignment} bytes")
            if any(np.may_share_memory(array, other) for other in others):
                raise ValueError(f"output {number} overlaps another array")
            others.append(array)


def _dtype(name: str) -> Any:
    if name == "bfloat16":
        try:
            import ml_dtypes  # noqa: F401  numpy then knows it by its name
        except ImportError:
            raise RuntimeError("arrays of bfloat16 need ml_dtypes (pip install ml_dtypes)") from None
    return np.dtype(name)


def _check(what: str, array: Any, shape: Any, dtype: Any) -> None:
    wanted = f"{what} must be a C-contiguous numpy array of {dtype} with shape {shape}"
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{wanted}, not {type(array).__name__}")
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"{wanted}, not {array.dtype} with shape {array.shape}")
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise ValueError(f"{wanted}; np.ascontiguousarray makes one")


def _empty(shape: Any, dtype: Any) -> Any:
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def _check_cpu(facts: Any) -> None:
    lines = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    flags = next((set(value.split()) for name, _, value in lines if name.strip() in ("flags", "Features")), set())
    missing = [feature for feature in facts["cpu_features"] if feature not in flags]
    if platform.machine() != facts["machine"]:
        raise RuntimeError(f"{facts['name']} is compiled for {facts['machine']}, and this is {platform.machine()}")
    if missing:
        raise RuntimeError(f"{facts['name']} is compiled for a CPU with {', '.join(missing)}, which this one lacks")


def _load_openmp() -> None:
    """Make an OpenMP runtime's functions known to the library, unless the process has one of this kind already."""
    if hasattr(ctypes.CDLL(None), "__kmpc_fork_call"):
        return
    installed = [Path(sys.prefix) / "lib" / name for name in ("libiomp5.so", "libomp.so")]
    paths = [str(path) for path in installed if path.is_file()]
    for path in (*paths, *filter(None, map(ctypes.util.find_library, ("iomp5", "omp5", "omp")))):
        ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
        return
    raise RuntimeError("this kernel runs on several threads and needs an OpenMP runtime: pip install intel-openmp")


def _keep_memory() -> None:
    """Let glibc keep what the kernel frees for its next call, instead of asking the system for it each time."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        libc.mallopt(M_MMAP_THRESHOLD, 32 << 20)
        libc.mallopt(M_TRIM_THRESHOLD, 256 << 20)

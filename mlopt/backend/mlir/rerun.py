"""Run the kernel in this folder: transform payload.mlir by schedule.mlir, compile, check the result, print the seconds.

Needs numpy, the MLIR Python bindings (`pip install torch-mlir`, or a build of MLIR), the programs in record.json where
it names some, and, for more than one thread, an OpenMP runtime (`pip install intel-openmp`, or LLVM's libomp).
Exit code 0 when the result is right, 1 when it is wrong.
"""

import ctypes
import ctypes.util
import importlib
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt."""
REPETITIONS = 200
SECONDS = 2.0
SPOILT = {"f": np.nan, "c": complex(np.nan, np.nan), "i": -1, "u": 0x7FFF}
"""What stands in the outputs before the kernel runs, by numpy's kind of dtype; of bfloat16, the bits of a NaN."""


def bindings(module: str) -> Any:
    find = importlib.util.find_spec
    package = "mlir" if find("mlir") and find("mlir.ir") else "torch_mlir"
    return importlib.import_module(f"{package}.{module}")


def openmp_library() -> str:
    for name in ("libiomp5.so", "libomp.so"):
        if (Path(sys.prefix) / "lib" / name).is_file():
            return str(Path(sys.prefix) / "lib" / name)
    for name in ("iomp5", "omp5", "omp"):
        if found := ctypes.util.find_library(name):
            return found
    sys.exit("this kernel runs on several threads and needs an OpenMP runtime: pip install intel-openmp")


def keep_freed() -> None:
    """Let glibc keep the memory of temporaries for the next call, as where the kernel was measured."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        libc.mallopt(M_MMAP_THRESHOLD, 32 << 20)
        libc.mallopt(M_TRIM_THRESHOLD, 256 << 20)


def pin(runtime: Any, threads: int) -> None:
    """Keep every thread on a core of its own, from the last one down, as where the kernel was measured."""
    cores = sorted(os.sched_getaffinity(0), reverse=True)

    def pin_one(_: object) -> None:
        number = runtime.omp_get_thread_num()
        os.sched_setaffinity(0, cores[number : number + 1])

    if threads <= len(cores):
        runtime.GOMP_parallel(ctypes.CFUNCTYPE(None, ctypes.c_void_p)(pin_one), None, threads, 0)


def compile_kernel(record: Any, arrays: Sequence[Any]) -> Callable[[], None]:
    """The kernel as a call on these buffers, which it keeps alive.

    Its shapes are static: it reads nothing of a descriptor but the address, and its tensors may have other dimensions,
    or pairs of floats for complex numbers.
    """
    ir = bindings("ir")
    describe = bindings("runtime").get_ranked_memref_descriptor
    parts = [a[..., np.newaxis].view(a.real.dtype) if np.iscomplexobj(a) else a for a in arrays]
    pointers = [ctypes.pointer(describe(part)) for part in parts]
    libraries = []
    if record["threads"] > 1:
        libraries.append(openmp_library())
        runtime = ctypes.CDLL(libraries[0])
        runtime.omp_set_num_threads(record["threads"])
        pin(runtime, record["threads"])
    with ir.Context(), ir.Location.unknown():
        payload = ir.Module.parse((HERE / "payload.mlir").read_text())
        for function in payload.body.operations:
            function.attributes["llvm.emit_c_interface"] = ir.UnitAttr.get()
        if record["driver"] == "mlir-opt":
            return call_library(record, str(payload), libraries, (pointers, arrays))
        script = ir.Module.parse((HERE / "schedule.mlir").read_text())
        interpreter = bindings("dialects.transform.interpreter")
        interpreter.apply_named_sequence(payload, script.body.operations[0], script)
        bindings("passmanager").PassManager.parse(record["pipeline"]).run(payload.operation)
        engine = bindings("execution_engine").ExecutionEngine(payload, opt_level=record["level"], shared_libs=libraries)
    places = [ctypes.pointer(pointer) for pointer in pointers]
    arguments = (ctypes.c_void_p * len(places))(*(ctypes.cast(p, ctypes.c_void_p).value for p in places))
    function = engine.lookup(record["entry"])

    def call(keep: Any = (engine, places, arrays)) -> None:
        function(arguments)

    return call


def call_library(record: Any, text: str, libraries: Sequence[str], buffers: Any) -> Callable[[], None]:
    """The same, by the tools that the record names, as a shared library."""
    code = text.encode()
    for program, *_ in (*record["commands"], record["link"]):
        if shutil.which(program) is None:
            sys.exit(f"this kernel is made by {program}, which cannot be run here")
    for command in record["commands"]:
        code = subprocess.run(command, input=code, stdout=subprocess.PIPE, check=True, cwd=HERE).stdout
    with tempfile.TemporaryDirectory() as folder:
        kernel = Path(folder) / "kernel"
        kernel.with_suffix(".o").write_bytes(code)
        files = [kernel.with_suffix(".so"), kernel.with_suffix(".o"), *libraries]
        subprocess.run([*record["link"], *map(str, files)], check=True)
        function = ctypes.CDLL(str(files[0]))[f"_mlir_ciface_{record['entry']}"]
    function.argtypes, function.restype = [ctypes.c_void_p] * len(buffers[0]), None
    arguments = [ctypes.cast(pointer, ctypes.c_void_p) for pointer in buffers[0]]

    def call(keep: Any = buffers) -> None:
        function(*arguments)

    return call


def storage(dtype: str) -> Any:
    """The dtype of an array in memory: bfloat16, which numpy does not know, is held as its bits, booleans as bytes."""
    return np.dtype({"bfloat16": "uint16", "bool": "int8"}.get(dtype, dtype))


def draw(rng: Any, shape: Sequence[int], dtype: str) -> Any:
    """Normally distributed numbers; complex ones vary in both parts, whole ones are cut off, bfloat16 is rounded.

    Booleans say which are positive.
    """
    parts = rng.standard_normal((2, *shape))
    if dtype == "bool":
        return parts[0] > 0
    if dtype == "bfloat16":
        bits = parts[0].astype(np.float32).view(np.uint32)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    return (parts[0] + 1j * parts[1] if np.dtype(dtype).kind == "c" else parts[0]).astype(dtype)


def aligned(array: Any) -> Any:
    """A copy of `array` whose memory begins at a cache line, a large one at a huge page, as where it was measured."""
    alignment, least = (1 << 21, 1 << 22) if array.nbytes >= 1 << 20 else (64, 0)
    memory = np.empty(max(array.nbytes + alignment, least), np.uint8)
    start = -memory.ctypes.data % alignment
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def main() -> int:
    record = json.loads((HERE / "record.json").read_text())
    sys.path.insert(0, str(HERE))
    expected = importlib.import_module("reference")
    rng = np.random.default_rng(0)
    inputs = [aligned(draw(rng, **spec)) for spec in record["inputs"]]
    kinds = [storage(spec["dtype"]) for spec in record["outputs"]]
    shapes = [spec["shape"] for spec in record["outputs"]]
    outputs = [aligned(np.full(s, SPOILT[k.kind], k)) for s, k in zip(shapes, kinds, strict=True)]
    keep_freed()
    constants = [aligned(np.load(HERE / name)) for name in record["constants"]]
    call = compile_kernel(record, [*inputs, *constants, *outputs])
    call()
    known = record["parameters"]
    values, errors = expected.reference(*inputs, **known), expected.tolerance(*inputs, **known)
    for spec, output, value, allowed in zip(record["outputs"], outputs, values, errors, strict=True):
        if spec["dtype"] == "bfloat16":
            output = (output.astype(np.uint32) << 16).view(np.float32)
        with np.errstate(invalid="ignore"):  # infinity less infinity
            near = np.abs(output - value) <= allowed
        if not np.all(near | (output == value) | (np.isnan(output) & np.isnan(value))):
            print("wrong result")
            return 1
    samples: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(samples) < REPETITIONS and time.perf_counter() < end:
        start = time.perf_counter()
        call()
        samples.append(time.perf_counter() - start)
    print(f"{statistics.median(samples):.9f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

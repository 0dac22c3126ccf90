"""Libraries do what their README says, in C and in Python, where there is neither mlopt nor MLIR."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import programs
import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.library.compile import compile_object
from mlopt.backend.mlir.library.link import COMPILERS
from mlopt.backend.mlir.library.write import MlirLibrary
from mlopt.backend.mlir.lowering import library_lowering
from mlopt.backend.mlir.space.stores import STORES, STREAMED, USUAL_CACHE
from mlopt.core.errors import CompileError, InvalidSchedule, UserError
from mlopt.core.fingerprint import cache_bytes
from mlopt.core.schedule import Schedule
from mlopt.evaluator.correctness import DISTRIBUTIONS, case, empty
from mlopt.protocols import Array, Workload
from mlopt.testing.space import walks
from mlopt.workloads.contraction.workload import Contraction
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.mlir_file.workload import MlirFile
from mlopt.workloads.mlp.workload import Mlp
from mlopt.workloads.relu.workload import Relu

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")
NAMES = ("matmul", "parallel", "contraction", "gated", "integers", "double", "weighted", "masked", "halves")
"""`gated` has two outputs, the input of `double` has no dimensions, `weighted` has constants, `masked` has booleans."""
STRICT = "-std=c11 -Wall -Wextra -Wpedantic -Werror -Wl,-z,text"
CALL = """
import sys
sys.modules.update(mlopt=None, torch=None, torch_mlir=None, mlir=None)
sys.path.insert(0, sys.argv[1])
import importlib, numpy
kernel = importlib.import_module(sys.argv[2]).load()
inputs = numpy.load(sys.argv[3])
outputs = kernel(*(inputs[name] for name in sorted(inputs)))
numpy.savez(sys.argv[4], *(outputs if isinstance(outputs, tuple) else [outputs]))
"""
Facts = dict[str, Any]


def make(name: str, folder: Path) -> Workload:
    """A small workload; the user's own programs are written to `folder`."""
    if name in ("matmul", "parallel"):
        return Matmul(32, 48, 40)
    if name == "contraction":
        return Contraction(spec="tij,tjk->tik", sizes={"t": 2, "i": 4, "j": 8, "k": 8})
    (folder / f"{name}.mlir").write_text(getattr(programs, name.upper()))
    return MlirFile(str(folder / f"{name}.mlir"))


def library(name: str, workload: Workload) -> MlirLibrary:
    """The library of some schedule, which runs on two threads if it is to be parallel, else on one."""
    backend = Mlir(threads=2 if name == "parallel" else 1)
    found = (backend.library(workload, schedule, None) for schedule in walks(backend.space(workload)))
    return next(made for made in found if made.code.threads == backend.thread_count)


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[MlirLibrary, Path]]:
    """Each library, and the folder that it was written to."""
    found = {}
    for name in NAMES:
        made = library(name, make(name, tmp_path_factory.mktemp("program")))
        found[name] = made, tmp_path_factory.mktemp(name)
        notes = made.write(found[name][1], "Made by a test.")
        assert bool(notes) == (not any(map(shutil.which, COMPILERS)))
    return found


def commands(folder: Path) -> list[str]:
    """What the README tells to do with gcc."""
    lines = map(str.strip, (folder / "README.md").read_text().splitlines())
    return [line for line in lines if line.startswith("gcc ")]


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, timeout=60)


def copy(folder: Path, target: Path) -> Path:
    """A copy to be changed."""
    return shutil.copytree(folder, target / "copy")


def change(folder: Path, **facts: Any) -> None:
    """Let the loader read other facts."""
    file = next(folder.glob("*.json"))
    file.write_text(json.dumps({**json.loads(file.read_text()), **facts}))


def isolated(program: str, *words: Any) -> subprocess.CompletedProcess[str]:
    """A Python program in a bare interpreter."""
    return subprocess.run(
        [sys.executable, "-I", "-c", program, *map(str, words)],
        cwd="/",
        env={},
        capture_output=True,
        text=True,
        timeout=60,
    )


def load(folder: Path, name: str, before: str = "") -> str:
    """How loading ends: the last line that it prints, of the error if there is one."""
    done = isolated(f"{before}\nimport sys; sys.path.insert(0, sys.argv[1]); import {name}; {name}.load()", folder)
    return (done.stderr.strip().splitlines() or [""])[-1]


@pytest.mark.parametrize("name", NAMES)
def test_its_kernel_is_right_before_it_is_written(libraries: Mapping[str, tuple[MlirLibrary, Path]], name: str) -> None:
    made, _ = libraries[name]
    kernel, outputs = made.load(), [empty(spec) for spec in made.workload.outputs]
    for number in range(len(DISTRIBUTIONS)):
        case(made.workload, 0, number).check(kernel, outputs)
    kernel.rest()


@pytest.mark.parametrize("name", ["rotated", "multiplied"])
def test_complex_constants_are_a_part_of_it(tmp_path: Path, name: str) -> None:
    made = library(name, make(name, tmp_path))
    case(made.workload, 0, 0).check(made.load(), [empty(spec) for spec in made.workload.outputs])


@needs_gcc
@pytest.mark.parametrize("name", NAMES)
def test_the_example_in_c_is_right(
    libraries: Mapping[str, tuple[MlirLibrary, Path]], tmp_path: Path, name: str
) -> None:
    folder = copy(libraries[name][1], tmp_path)
    by_object, by_library, _ = commands(folder)
    for command in (by_object, by_library):
        assert (done := shell(f"{command} {STRICT}", folder)).returncode == 0, done.stderr
        done = shell("./example", folder)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("right, ")
        (folder / "example").unlink()


@needs_gcc
def test_the_example_keeps_threads_on_cores_of_their_own_unless_told_otherwise(
    libraries: Mapping[str, tuple[MlirLibrary, Path]], tmp_path: Path
) -> None:
    folder = copy(libraries["parallel"][1], tmp_path)
    assert shell(commands(folder)[0], folder).returncode == 0
    bound, free = (shell(f"{word} OMP_DISPLAY_ENV=true ./example", folder) for word in ("", "OMP_PROC_BIND=false"))
    assert "OMP_PROC_BIND='false'" not in bound.stdout + bound.stderr
    assert "OMP_PROC_BIND='false'" in free.stdout + free.stderr


@needs_gcc
@pytest.mark.parametrize("name", ["matmul", "contraction", "integers"])
def test_the_example_sees_a_wrong_result(
    libraries: Mapping[str, tuple[MlirLibrary, Path]], tmp_path: Path, name: str
) -> None:
    folder = copy(libraries[name][1], tmp_path)
    (folder / "wrong.c").write_text(f"void {name}(void *a, void *b, int *c) {{ (void)a; (void)b; *c = 0x41414141; }}")
    done = shell(commands(folder)[0].replace(f"{name}.o", "wrong.c") + " && ./example", folder)
    assert (done.returncode, done.stdout.split(",")[0]) == (1, "wrong")
    assert done.stderr.count("instead of") >= 15


@needs_gcc
def test_the_readme_tells_how_the_shared_library_is_made(
    libraries: Mapping[str, tuple[MlirLibrary, Path]], tmp_path: Path
) -> None:
    folder = copy(libraries["matmul"][1], tmp_path)
    (folder / "libmatmul.so").unlink()
    assert shell(commands(folder)[2], folder).returncode == 0
    assert load(folder, "matmul") == ""


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
@pytest.mark.parametrize("name", ["contraction", "integers"])
def test_the_header_is_c_plus_plus_too(
    libraries: Mapping[str, tuple[MlirLibrary, Path]], tmp_path: Path, name: str
) -> None:
    folder = libraries[name][1]
    (tmp_path / "user.cpp").write_text(f'#include "{name}.h"\nint main() {{ {name}(nullptr, nullptr, nullptr); }}')
    done = shell(f"g++ -Werror -Wall -I{folder} user.cpp {folder / name}.o -o user", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@needs_gcc
@pytest.mark.parametrize("name", NAMES)
def test_python_needs_neither_mlopt_nor_mlir(
    libraries: Mapping[str, tuple[MlirLibrary, Path]], tmp_path: Path, name: str
) -> None:
    made, folder = libraries[name]
    known = case(made.workload, 0, 0)
    np.savez(tmp_path / "in.npz", *known.inputs)
    done = isolated(CALL, folder, made.signature.symbol, tmp_path / "in.npz", tmp_path / "out.npz")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz") as outputs:
        known.compare([outputs[f"arr_{number}"] for number in range(len(made.workload.outputs))])


@needs_gcc
@pytest.mark.parametrize("name", ["bfloat16", "small_floats"])
def test_numbers_of_bfloat16_are_the_upper_halves_of_floats(tmp_path: Path, name: str) -> None:
    """Beside those of float16, in one function, too."""
    made = library(name, Matmul(16, 32, 16, "bf16") if name == "bfloat16" else make(name, tmp_path))
    made.write(tmp_path, "Made by a test.")
    for command in commands(tmp_path):
        assert (done := shell(f"{command} {STRICT}", tmp_path)).returncode == 0, done.stderr
    done = shell("./example", tmp_path)
    assert (done.returncode, done.stdout[:5]) == (0, "right"), done.stderr
    assert load(tmp_path, made.signature.symbol) == ""


def test_without_numpys_bfloat16_the_loader_says_what_it_needs(tmp_path: Path) -> None:
    made = library("bfloat16", Matmul(16, 32, 16, "bf16"))
    made.write(tmp_path, "Made by a test.")
    last = load(tmp_path, made.signature.symbol, "import sys; sys.modules.update(ml_dtypes=None)")
    assert last == "RuntimeError: arrays of bfloat16 need ml_dtypes (pip install ml_dtypes)"


def test_a_program_without_parallel_loops_needs_no_openmp() -> None:
    assert compile_object("func.func @f(%x: memref<4xf32>) { return }", "f", 2, library_lowering(2)).threads == 1


PASSES = """
before:
  - pass: one-shot-bufferize
    options: {bufferize-function-boundaries: true, function-boundary-type-conversion: identity-layout-map}
  - pass: buffer-results-to-out-params
    options: {hoist-static-allocs: true, modify-public-functions: true}
  - {pass: convert-linalg-to-affine-loops, op: func.func}
passes:
  - {pass: affine-parallelize, op: func.func}
after:
  - lower-affine
  - convert-scf-to-openmp
  - finalize-memref-to-llvm
  - convert-scf-to-cf
  - convert-to-llvm
  - reconcile-unrealized-casts
"""


def test_a_kernel_made_by_passes_says_how_many_threads_it_runs_on(tmp_path: Path) -> None:
    (tmp_path / "passes.yaml").write_text(PASSES)
    backend, workload = Mlir(threads=2, pipeline_space=str(tmp_path / "passes.yaml")), Matmul(16, 24, 8)
    made = backend.library(workload, walks(backend.space(workload))[0], None)
    made.code.write(tmp_path / "matmul.o")
    assert made.code.threads == 2
    assert b"__kmpc_push_num_threads" in (tmp_path / "matmul.o").read_bytes()
    outputs = [empty(spec) for spec in workload.outputs]
    kernel = made.load()
    case(workload, 0, 0).check(kernel, outputs)
    kernel.rest()


def test_what_does_not_lower_is_a_compile_error() -> None:
    with pytest.raises(CompileError, match="library: "):
        compile_object('func.func @f(%x: memref<4xf32>) { "my.own"() : () -> () return }', "f", 1, library_lowering(1))


def test_the_header_says_what_a_caller_must_know(libraries: Mapping[str, tuple[MlirLibrary, Path]]) -> None:
    header = (libraries["parallel"][1] / "matmul.h").read_text()
    for text in (
        "Made by a test.",
        "float input0[32][40]",
        "float input1[40][48]",
        "float output0[32][48]",
        "Threads: 2, of an OpenMP runtime",
        "void matmul(const float *input0, const float *input1, float *output0);",
        platform.machine(),
    ):
        assert text in header
    assert "Threads: the caller's alone" in (libraries["matmul"][1] / "matmul.h").read_text()


def test_what_is_said_of_its_origin_does_not_end_the_comment(
    libraries: Mapping[str, tuple[MlirLibrary, Path]], tmp_path: Path
) -> None:
    libraries["matmul"][0].write(tmp_path, "On a CPU */ int evil; /* of mine.")
    assert (tmp_path / "matmul.h").read_text().count("*/") == 1


def test_the_function_can_be_given_a_name() -> None:
    backend, workload = Mlir(threads=1), Matmul(4, 4, 4)
    schedule = walks(backend.space(workload))[0]
    assert backend.library(workload, schedule, "product").code.symbol == "product"
    with pytest.raises(UserError, match="--name=int cannot be"):
        backend.library(workload, schedule, "int")


def test_a_schedule_that_is_not_in_the_space_has_no_library() -> None:
    with pytest.raises(InvalidSchedule):
        Mlir(threads=1).library(Matmul(4, 4, 4), Schedule(), None)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"cpu_features": ["fma9", "avx1024"]}, "compiled for a CPU with fma9, avx1024, which this one lacks"),
        ({"machine": "z80"}, f"compiled for z80, and this is {platform.machine()}"),
        ({"name": "other"}, "libother.so is missing; make it with: cc -shared -o libother.so other.o -lm"),
    ],
)
def test_where_it_cannot_run_the_loader_refuses(
    libraries: Mapping[str, tuple[MlirLibrary, Path]], tmp_path: Path, facts: Facts, line: str
) -> None:
    folder = copy(libraries["matmul"][1], tmp_path)
    change(folder, **facts)
    assert line in load(folder, "matmul")
    assert load(folder, "matmul").startswith("RuntimeError: ")


def test_without_its_facts_the_loader_refuses(
    libraries: Mapping[str, tuple[MlirLibrary, Path]], tmp_path: Path
) -> None:
    folder = copy(libraries["matmul"][1], tmp_path)
    (folder / "matmul.json").unlink()
    assert load(folder, "matmul").endswith("matmul.json is missing; it belongs beside matmul.py")


NO_OPENMP = "import sys, ctypes.util; sys.prefix = '/nowhere'; ctypes.util.find_library = lambda name: None"


@needs_gcc
def test_only_a_parallel_kernel_needs_an_openmp_runtime(libraries: Mapping[str, tuple[MlirLibrary, Path]]) -> None:
    assert load(libraries["matmul"][1], "matmul", NO_OPENMP) == ""
    assert "needs an OpenMP runtime: pip install" in load(libraries["parallel"][1], "matmul", NO_OPENMP)


FAULTS = """
import resource, sys
sys.path.insert(0, sys.argv[1])
import mlp, numpy
kernel = mlp.load()
inputs = [numpy.ones(*spec) for spec in kernel.inputs]
out = numpy.ones(*kernel.outputs[0])
faults = []
for _ in range(20):
    kernel(*inputs, out=out)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
print(faults[-1] - faults[9])
"""


@needs_gcc
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what other C libraries do is theirs")
def test_the_memory_of_temporaries_is_kept_between_calls(tmp_path: Path) -> None:
    made = library("mlp", Mlp(256, 256, 256))
    made.write(tmp_path, "")
    assert made.code.allocates
    assert int(isolated(FAULTS, tmp_path).stdout) < 50
    change(tmp_path, allocates=False)
    assert int(isolated(FAULTS, tmp_path).stdout) > 500


def test_a_program_without_temporaries_allocates_nothing() -> None:
    assert not compile_object("func.func @f(%x: memref<4xf32>) { return }", "f", 1, library_lowering(1)).allocates


@pytest.fixture
def kernel(libraries: Mapping[str, tuple[MlirLibrary, Path]], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The kernel of a matrix product, as the loader in this process gives it."""
    folder = libraries["matmul"][1]
    if not (folder / "libmatmul.so").exists():
        pytest.skip("there is no C compiler")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "matmul", raising=False)
    import matmul  # type: ignore[import-not-found]

    return matmul.load()


A, B, C = (np.ones(shape, np.float32) for shape in ((32, 40), (40, 48), (32, 48)))


def test_it_computes_into_memory_that_it_is_given(kernel: Any) -> None:
    out = np.zeros((32, 48), np.float32)
    assert kernel(A, B, out=out) is out
    assert (out == 40.0).all()
    assert kernel(A, B, out=[out])[0, 0] == 40.0


def test_it_takes_arrays_that_begin_anywhere(kernel: Any) -> None:
    def shifted(array: Array) -> Array:
        memory = np.empty(array.nbytes + 128, np.uint8)
        start = -memory.ctypes.data % 64 + 4
        copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
        copy[...] = array
        return copy

    out = shifted(C)
    assert out.ctypes.data % 8
    assert (kernel(shifted(A), shifted(B), out=out) == 40.0).all()


def test_what_is_stored_past_the_caches_must_begin_at_a_cache_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 2 * cache_bytes().get("L2", USUAL_CACHE) // 4
    workload, backend = Relu(shape=(size,)), Mlir(threads=1)
    hint = next(iter(backend.space(workload).hints()))
    made = backend.library(workload, Schedule.of({**hint, STORES: STREAMED}), "streamed")
    made.write(tmp_path, "Made by a test.")
    assert "Outputs must begin at a multiple of 64 bytes" in (tmp_path / "streamed.h").read_text()
    if objdump := shutil.which("objdump"):
        code = subprocess.run([objdump, "-d", tmp_path / "streamed.o"], capture_output=True, text=True).stdout
        assert platform.machine() != "x86_64" or ("movnt" in code and ("mfence" in code or "lock" in code))
    if not (tmp_path / "libstreamed.so").exists():
        pytest.skip("there is no C compiler")
    monkeypatch.syspath_prepend(str(tmp_path))
    import streamed  # type: ignore[import-not-found]

    memory = np.empty(4 * size + 128, np.uint8)
    start = -memory.ctypes.data % 64
    x = np.random.default_rng(0).standard_normal(size, np.float32)
    kernel = streamed.load()
    out = memory[start : start + 4 * size].view(np.float32)
    assert (kernel(x, out=out) == np.maximum(x, 0)).all()
    with pytest.raises(ValueError, match="must begin at a multiple of 64 bytes"):
        kernel(x, out=memory[start + 4 : start + 4 + 4 * size].view(np.float32))


def test_its_output_begins_at_a_cache_line(kernel: Any) -> None:
    assert all(kernel(A, B).ctypes.data % 64 == 0 for _ in range(4))


READ_ONLY = C.copy()
READ_ONLY.flags.writeable = False
SHARED = np.ones(4000, np.float32)


@pytest.mark.parametrize(
    ("inputs", "out", "line"),
    [
        ((A,), None, "matmul takes 2 inputs, not 1"),
        ((A, B.tolist()), None, "input 1 must be a C-contiguous numpy array of float32 with shape (40, 48), not list"),
        ((A.astype(np.float64), B), None, "input 0 must be .* not float64 with shape (32, 40)"),
        ((A.T, B), None, "input 0 must be .* not float32 with shape (40, 32)"),
        ((A, np.asfortranarray(B)), None, "input 1 must be .* np.ascontiguousarray makes one"),
        ((A.astype(">f4"), B), None, "input 0 must be .* not >f4 with shape (32, 40)"),
        ((A, B), (C, C), "matmul has 1 outputs, not 2"),
        ((A, B), C.T, "output 0 must be .* not float32 with shape (48, 32)"),
        ((A, B), READ_ONLY, "output 0 is read-only"),
        ((SHARED[:1280].reshape(32, 40), B), SHARED[1279 : 1279 + 1536].reshape(32, 48), "output 0 overlaps another"),
    ],
)
def test_what_it_does_not_take_is_one_clear_line(kernel: Any, inputs: Any, out: Any, line: str) -> None:
    pattern = line.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises((TypeError, ValueError), match=pattern):
        kernel(*inputs, out=out)


def test_outputs_must_not_overlap_each_other(
    libraries: Mapping[str, tuple[MlirLibrary, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, folder = libraries["gated"]
    if not (folder / "libgated.so").exists():
        pytest.skip("there is no C compiler")
    monkeypatch.syspath_prepend(str(folder))
    import gated  # type: ignore[import-not-found]

    out = np.zeros((6, 24), np.float32)
    with pytest.raises(ValueError, match="output 1 overlaps"):
        gated.load()(*case(made.workload, 0, 0).inputs, out=(out, out))


def test_without_a_compiler_there_is_object_code_and_a_note(
    libraries: Mapping[str, tuple[MlirLibrary, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    notes = libraries["matmul"][0].write(tmp_path, "")
    assert notes == [
        "there is no C compiler (cc, gcc, clang), so there is no libmatmul.so; README.md says how to make it"
    ]
    assert {file.name for file in tmp_path.iterdir()} == {
        "matmul.h",
        "matmul.o",
        "matmul.py",
        "matmul.json",
        "example.c",
        "README.md",
    }


def test_a_compiler_that_fails_is_quoted(
    libraries: Mapping[str, tuple[MlirLibrary, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "cc").write_text("#!/bin/sh\necho no disk >&2\nexit 1\n")
    (tmp_path / "bin" / "cc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    assert "cc: no disk, so there is no libmatmul.so" in libraries["matmul"][0].write(tmp_path, "")[0]


@needs_gcc
def test_several_kernels_can_be_linked_together(
    libraries: Mapping[str, tuple[MlirLibrary, Path]], tmp_path: Path
) -> None:
    objects = [next(libraries[name][1].glob("*.o")) for name in ("parallel", "contraction", "gated")]
    assert shell(f"gcc -shared -o all.so {' '.join(map(str, objects))}", tmp_path).stderr == ""

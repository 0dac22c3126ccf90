"""From vectors and loops on buffers to the LLVM dialect: what is the same for every schedule."""

from __future__ import annotations

NAIVE_LEVEL, SCHEDULED_LEVEL = 3, 2
"""LLVM's levels of optimisation. A schedule leaves level 3 nothing to gain, and there it may compile for seconds."""

SLICED = "mlopt.sliced"
"""The attribute of functions that have slices of vectors, which a pass of their own is for."""
_SLICES = "convert-vector-to-llvm"

_ADDRESSES = ("expand-strided-metadata", "lower-affine")
"""Writes out how addresses are computed."""

EXPANSIONS = "func.func(math-expand-ops{ops=clampf,fpowi})"
"""Makes arithmetic of what nothing else lowers well: products of powers whose exponent is a whole number."""

SMALL_FLOATS = (
    "func.func(arith-emulate-unsupported-floats{source-types=bf16,f16 target-type=f32})",
    "func.func(math-extend-to-supported-types)",
)
"""Makes arithmetic on float32 of that on smaller numbers, which are widened before and rounded after it."""

COMPLEX_PARTS = "func.func(convert-complex-to-standard)"
"""Makes arithmetic on their parts of operations on complex numbers, for most of which there is no other lowering."""

CALLED = ("math.acosh", "math.asinh", "math.atanh", "math.cbrt", "math.erf", "math.erfc")
"""What LLVM has no operation for."""
_CALLS = ("func.func(convert-math-to-llvm)", "convert-math-to-libm")
"""Has the C library called for each element of it."""

_REST = (
    "finalize-memref-to-llvm",  # before control flow: OpenMP's scopes must be gone when loops become blocks
    "convert-scf-to-cf",
    "convert-to-llvm",
    "reconcile-unrealized-casts",
)

TO_LLVM = (*_ADDRESSES, *_REST)
_SLICED_TO_LLVM = (*_ADDRESSES, _SLICES, *_REST)
"""Slices come after addresses: what they turn into is many operations, which those passes would walk over."""

_OPENMP = ("func.func(scf-forall-to-parallel)", "convert-scf-to-openmp")
_PLAIN = ("func.func(scf-forall-to-for)",)

_CAPTURES = ("canonicalize{max-iterations=1 region-simplify=disabled}",)
"""Lets OpenMP's regions capture addresses and constants, not descriptors: LLVM could not look through these, since each
region becomes a function that takes them through memory."""


def calls_library(program: str) -> bool:
    """Whether a program, as text, computes something that the C library is called for."""
    return any(f"{name} " in program for name in CALLED)


def lowering(parallel: bool, sliced: bool = True, calls: bool = False) -> str:
    """The pass pipeline after a schedule; `parallel` hands scf.forall to OpenMP, else it becomes a plain loop.

    What has no slices of vectors, by its mark, can be spared the pass for them, which takes milliseconds; `calls` says
    whether the C library is called.

    Vectors are not canonicalised: it would take the flat ones that a schedule ends in apart, element by element.
    """
    down = (*(_CALLS if calls else ()), *(_SLICED_TO_LLVM if sliced else TO_LLVM))
    return pipeline(*_OPENMP, *down, *_CAPTURES) if parallel else pipeline(*_PLAIN, *down)


PLAIN_POINTERS = "convert-func-to-llvm{use-bare-ptr-memref-call-conv=true}"
"""Makes functions take plain pointers; to be run while buffers are still buffers."""


def library_lowering(threads: int, calls: bool = False) -> str:
    """As `lowering`, to a function that takes plain pointers and asks OpenMP itself for so many threads."""
    called = _CALLS if calls else ()
    if threads == 1:
        return pipeline(*_PLAIN, *called, PLAIN_POINTERS, *_SLICED_TO_LLVM)
    threaded = (_OPENMP[0], f"{_OPENMP[1]}{{num-threads={threads}}}")
    return pipeline(*threaded, *called, PLAIN_POINTERS, *_SLICED_TO_LLVM, *_CAPTURES)


def pipeline(*passes: str) -> str:
    return f"builtin.module({','.join(passes)})"


NAIVE_BUFFERS = pipeline(
    "one-shot-bufferize{bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map"
    " allow-return-allocs-from-loops}",
    "buffer-results-to-out-params{hoist-static-allocs modify-public-functions}",
    "buffer-deallocation-pipeline",
)

NAIVE_LOOPS = pipeline(
    "func.func(convert-linalg-to-loops)",
    *SMALL_FLOATS,
    EXPANSIONS,
    COMPLEX_PARTS,
    *_CALLS,
)

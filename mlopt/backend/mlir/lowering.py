"""From vectors and loops on buffers to the LLVM dialect: what is the same for every schedule."""

from __future__ import annotations

TO_LLVM = (
    "expand-strided-metadata",
    "lower-affine",
    "convert-vector-to-llvm{enable-x86=true}",
    "convert-ub-to-llvm",
    "finalize-memref-to-llvm",
    "convert-scf-to-cf",
    "convert-openmp-to-llvm",
    "convert-arith-to-llvm",
    "convert-index-to-llvm",
    "convert-func-to-llvm",
    "convert-cf-to-llvm",
    "reconcile-unrealized-casts",
    "symbol-dce",
)


def lowering(parallel: bool) -> str:
    """The pass pipeline after a schedule; `parallel` hands scf.forall to OpenMP, else it becomes a plain loop.

    There is no canonicalisation: it would take the flat vectors that a schedule ends in apart, element by element.
    """
    loops = ("func.func(scf-forall-to-parallel)", "convert-scf-to-openmp") if parallel else ("func.func(scf-forall-to-for)",)
    return _pipeline(*loops, "func.func(convert-vector-to-scf{full-unroll=true target-rank=1})", *TO_LLVM)


def _pipeline(*passes: str) -> str:
    return f"builtin.module({','.join(passes)})"


NAIVE = _pipeline(
    "one-shot-bufferize{bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map}",
    "buffer-results-to-out-params{hoist-static-allocs modify-public-functions}",
    "buffer-deallocation-pipeline",
    "func.func(convert-linalg-to-loops)",
    *TO_LLVM,
)
"""The naive program: the payload as written, as loops over scalars; LLVM's optimiser is all that improves it."""

"""The naive program: the payload as written, as loops over scalars; LLVM's optimiser is all that improves it."""

from __future__ import annotations

from typing import Any

from .bindings import PassManager, ir, linalg
from .lowering import NAIVE_BUFFERS, NAIVE_LOOPS, TO_LLVM, pipeline
from .payload.names import NARROW
from .payload.results import own_results
from .payload.vector_math import expand
from .payload.walk import operations


def lower_to_loops(module: Any) -> None:
    """From tensors to loops on buffers, in place; results are written to arguments. Needs an active context."""
    own_results(module)
    PassManager.parse(NAIVE_BUFFERS).run(module.operation)
    for op in [op for op in operations(module.operation) if op.name == "memref.copy"]:
        with ir.InsertionPoint(op), op.location:
            linalg.copy(op.operands[0], outs=[op.operands[1]])  # else LLVM's way is a call to a library
        op.erase()
    PassManager.parse(NAIVE_LOOPS).run(module.operation)
    expand(module, (NARROW,))  # LLVM would call a library for bfloat16


def lower(module: Any) -> None:
    """From tensors to the LLVM dialect, in place. Needs an active context."""
    lower_to_loops(module)
    PassManager.parse(pipeline(*TO_LLVM)).run(module.operation)

"""Machine code in this process, of a module in the LLVM dialect; and the reason, where LLVM has none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .bindings import ExecutionEngine
from .payload.walk import symbol

STDERR = 2


def compile_llvm(module: Any, level: int, libraries: Sequence[str] = (), relocatable: bool = False) -> Any:
    """An execution engine for a module in the LLVM dialect, optimised at this level for this CPU.

    Code that is `relocatable` may be linked into a library. Raises RuntimeError with LLVM's reason, in a line.
    """

    functions = [op for op in module.body.operations if op.operation.name == "llvm.func" and op.regions[0].blocks]

    def make() -> tuple[Any, bool]:
        asked = {"enable_pic": True} if relocatable else {}  # older bindings do not know it
        engine = ExecutionEngine(module, opt_level=level, shared_libs=list(libraries), **asked)
        # It compiles when it is asked for any function, and then all of them.
        return engine, not functions or bool(engine.raw_lookup(symbol(functions[0])))

    with _diagnostics(module.context) as diagnostics:
        try:
            engine, complete = make()
        except RuntimeError as error:
            raise RuntimeError(diagnostics[0] if diagnostics else str(error)) from error
    if not complete:
        with _stderr() as said:
            make()  # once more: what was wrong stands on stderr alone, which is nobody else's now
        raise RuntimeError(said[0] if said else "LLVM makes no code of it, and does not say why")
    return engine


@contextmanager
def _diagnostics(context: Any) -> Iterator[list[str]]:
    """The errors that a context reports meanwhile, in a line each; they are printed nowhere."""
    messages: list[str] = []

    def hear(diagnostic: Any) -> bool:
        if "ERROR" in str(diagnostic.severity):
            messages.append(" ".join(diagnostic.message.split()))
        return True

    handler = context.attach_diagnostic_handler(hear)
    try:
        yield messages
    finally:
        handler.detach()


@contextmanager
def _stderr() -> Iterator[list[str]]:
    """The lines that this process, code in C++ included, writes to stderr meanwhile; they are filled in at the end."""
    lines: list[str] = []
    kept, memory = os.dup(STDERR), os.memfd_create("stderr")
    os.dup2(memory, STDERR)
    try:
        yield lines
    finally:
        os.dup2(kept, STDERR)
        written = os.pread(memory, os.fstat(memory).st_size, 0).decode(errors="replace")
        lines += filter(None, map(str.strip, written.splitlines()))
        os.close(kept)
        os.close(memory)

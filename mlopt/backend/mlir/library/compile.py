"""From a program in MLIR to position-independent object code, with a function that takes plain pointers."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....core.errors import CompileError
from ....protocols import Array
from .. import openmp
from ..bindings import PassManager, ir, new_context
from ..dialect import Asked
from ..lowering import SCHEDULED_LEVEL
from ..machine_code import compile_llvm
from ..payload.frontend import entry_point, first_line
from ..payload.walk import entry, operations
from ..payload.walk import symbol as symbol_of
from ..program import MlirKernel
from .embed import embed


@dataclass(frozen=True)
class ObjectCode:
    """Machine code for this CPU: `void symbol(inputs..., outputs...)`."""

    symbol: str
    threads: int
    """1 where no loop is parallel: then there is no call of OpenMP either."""
    allocates: bool
    """Whether it has temporaries on the heap."""
    streams: bool
    """Whether it stores past the caches, for which outputs must begin at a cache line."""
    engine: Any

    def load(self) -> PointerKernel:
        return PointerKernel(self.engine, self.symbol, self.threads if self.threads > 1 else 0)

    def write(self, file: Path) -> None:
        """The very code that `load` runs."""
        self.engine.dump_to_object_file(str(file))


class PointerKernel(MlirKernel):
    """A function that takes its arrays as plain pointers: inputs first, then outputs."""

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> Callable[[], None]:
        arrays = (*inputs, *outputs)
        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._engine.raw_lookup(self._entry))
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
        arguments = (ctypes.c_void_p * len(pointers))(*map(ctypes.addressof, pointers))

        def call(keep: Any = (self, pointers, arrays)) -> None:
            function(arguments)

        return call


def compile_object(optimized: str, symbol: str, threads: int, lowering: str, driver: Asked | None = None) -> ObjectCode:
    """The machine code of a transformed program, as text, whose entry point is to be called `symbol`.

    `lowering` is the pass pipeline to a function that takes plain pointers; `driver` carries it out, by default the
    bindings, in memory.

    Raises CompileError.
    """
    context = new_context()
    with context, ir.Location.unknown(context):
        try:
            module = ir.Module.parse(optimized)
            embed(module)
            _prepare(module, symbol)
            if driver is None:
                PassManager.parse(lowering).run(module.operation)
            else:
                module = ir.Module.parse(driver.ask(str(module), lowering))
            lowered = list(operations(module.operation))
            if not any(op.name == "omp.parallel" for op in lowered):
                threads = 1
            allocates = any(op.name == "llvm.func" and symbol_of(op) == "malloc" for op in lowered)
            streams = any("nontemporal" in op.attributes for op in lowered if op.name == "llvm.store")
            if streams:
                _fence(lowered)
            libraries = [openmp.library_path()] if threads > 1 else []
            engine = compile_llvm(module, SCHEDULED_LEVEL, libraries, relocatable=True)
        except (ir.MLIRError, ValueError, RuntimeError) as error:
            raise CompileError(f"library: {first_line(error)}") from error
    return ObjectCode(symbol, threads, allocates, streams, engine)


def _prepare(module: Any, symbol: str) -> None:
    """Rename the entry point, and have no wrappers made for descriptors of buffers."""
    ir.SymbolTable.replace_all_symbol_uses(entry_point(module), symbol, module.operation)
    ir.SymbolTable.set_symbol_name(entry(module), symbol)
    for function in module.body.operations:
        if "llvm.emit_c_interface" in function.attributes:
            del function.attributes["llvm.emit_c_interface"]


def _fence(lowered: Sequence[Any]) -> None:
    """Let what was stored past the caches be seen by other threads before whatever a caller stores next.

    Threads of OpenMP are safe already: their last barrier counts with locked instructions.
    """
    for op in lowered:
        if op.name == "llvm.return":
            ir.InsertionPoint(op).insert(ir.Operation.parse("llvm.fence seq_cst"))

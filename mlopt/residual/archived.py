"""What an archive holds for a residual to learn from: measurements of MLIR programs on a CPU like this one.

A context has the program's text and the thread count, which is all that is needed to build its schedules once more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..archive.context import Content
from ..archive.store import Store
from ..backend.mlir.backend import Mlir
from ..core.errors import UserError
from ..core.fingerprint import CPU, hardware
from ..core.trial import Trial
from ..protocols import TensorSpec
from ..workloads.base import FolderWorkload

MLIR = f"{Mlir.__module__}.{Mlir.__qualname__}"
MOST = 1000
"""Measurements of one context: the latest."""


@dataclass(frozen=True)
class ArchivedProgram(FolderWorkload):
    """A workload as far as an archive tells of it."""

    title: str
    text: str
    inputs_of: tuple[TensorSpec, ...]

    @property
    def name(self) -> str:
        return self.title

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        return self.inputs_of

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return ()

    @property
    def flops(self) -> int:
        return 0

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What tells programs apart whose inputs are alike."""
        return {"program": hashlib.sha256(self.text.encode()).hexdigest()[:8]}

    def source(self, language: str) -> str:
        return self.text


def studies(store: Store) -> Iterator[tuple[ArchivedProgram, Mlir, Iterator[Trial]]]:
    """Programs, what builds them, and what was measured of them on a CPU like this one, with this build of MLIR.

    Raises UserError where the archive cannot be read.
    """
    for held in store.contexts():
        known = held.context.known
        if held.best is not None and (found := _rebuilt(known)) is not None:
            yield (*found, store.trials(held.context, most=MOST))


def _rebuilt(known: Content) -> tuple[ArchivedProgram, Mlir] | None:
    identity, here = known.backend.model_extra or {}, hardware()
    text = identity.get("program")
    if known.backend.name != MLIR or not isinstance(text, str):
        return None
    if any(known.fingerprint.get(key) != here[key] for key in CPU):
        return None
    try:
        operands = tuple(TensorSpec(tuple(each.shape), each.dtype) for each in known.workload.inputs)
        program, backend = ArchivedProgram(known.workload.name, text, operands), Mlir(known.threads)
    except UserError:  # more threads than there are cores, or dtypes that nobody knows
        return None
    # Another build of MLIR, another driver, a space of passes or another target: what it made is not made here.
    return (program, backend) if backend.identity(program) == identity else None

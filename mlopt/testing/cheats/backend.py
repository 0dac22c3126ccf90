"""Who makes honest kernels cheat."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.schedule import Schedule
from ...protocols import Array, Backend, Kernel, Program, Roofline, Space, Workload
from .cheat import Call, Cheat, Memory
from .early import Early
from .gallery import CHEATS


@dataclass(frozen=True)
class CheatingKernel:
    """An honest kernel, bound by a cheat."""

    kernel: Kernel
    cheat: Cheat
    memory: Memory

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> Call:
        return self.cheat(self.kernel, inputs, outputs, self.memory)

    def overhead(self) -> float:
        return self.kernel.overhead()

    def rest(self) -> None:
        self.kernel.rest()
        self.memory.things.pop("end", lambda: None)()


@dataclass(frozen=True)
class CheatingProgram:
    """An honest program whose kernels cheat."""

    program: Program
    cheat: Cheat

    @property
    def ir(self) -> str:
        return self.program.ir

    @property
    def stage_seconds(self) -> Mapping[str, float]:
        return self.program.stage_seconds

    def load(self) -> Kernel:
        kernel = self.program.load()
        if isinstance(self.cheat, Early) and "end" not in self._memory.things:
            self.cheat.begin(self._memory)
        return CheatingKernel(kernel, self.cheat, self._memory)

    @functools.cached_property
    def _memory(self) -> Memory:
        return Memory()


@dataclass(frozen=True)
class CheatingBackend:
    """A backend whose kernels cheat in the way that `CHEATS` has under `cheat`; the naive one, too."""

    backend: Backend
    cheat: str

    @property
    def preload(self) -> tuple[str, ...]:
        return self.backend.preload

    @property
    def thread_count(self) -> int:
        return self.backend.thread_count

    def space(self, workload: Workload) -> Space:
        return self.backend.space(workload)

    def build(self, workload: Workload, schedule: Schedule | None) -> Program:
        return CheatingProgram(self.backend.build(workload, schedule), CHEATS[self.cheat])

    def export(self, workload: Workload, schedule: Schedule, directory: Path) -> None:
        self.backend.export(workload, schedule, directory)

    def roofline(self) -> Roofline:
        return self.backend.roofline()

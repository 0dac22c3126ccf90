"""A Triton kernel in one configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import UserError
from ...protocols import Kernel, Workload
from .ahead import Launch
from .cuda import Cuda
from .device import DeviceKernel
from .host import of_this_machine, present
from .kernel_file import Source, given, verified_on
from .target import Gpu


@dataclass(frozen=True)
class TritonProgram:
    """What a call launches, compiled for a GPU, which need not be at hand."""

    workload: Workload
    source: Source
    config: Mapping[str, Any]
    launches: Sequence[Launch]
    gpu: Gpu
    stage_seconds: Mapping[str, float]

    @property
    def ir(self) -> str:
        """The kernels after all of Triton's own passes, before LLVM."""
        return "\n".join(launch.kernel.asm["ttgir"] for launch in self.launches)

    def simulate(self) -> Mapping[str, float]:
        from .cost.model import simulate

        return simulate(self.launches, self.gpu)

    def code_bytes(self) -> int | None:
        return sum(len(launch.kernel.asm.get("cubin") or launch.kernel.asm["hsaco"]) for launch in self.launches)

    def small(self) -> Sequence[Workload]:
        """The workload in the sizes that its file wants this configuration verified on."""
        return verified_on(self.source, self.config, self.workload)

    def interpreted(self) -> Iterator[tuple[Workload, Kernel]]:
        """The same kernel on the sizes that its file wants it verified on."""
        from .interpreter import interpreted

        for small in self.small():
            yield small, interpreted(self.source, self.config, given(small))

    def launcher(self) -> Callable[[Sequence[Any]], Sequence[Any]]:
        """The launcher as it is called on the GPU here. Raises UserError where that is not the target."""
        here = [gpu for gpu in present() if gpu.arch == self.gpu.arch]
        if not here:
            others = " and ".join(gpu.name for gpu in present())
            choice = f"leave target out for {others}, or " if others else ""
            raise UserError(f"the target is a GPU that is not here: {choice}choose evaluator=simulation")
        known = {**given(self.workload), "multiprocessors": of_this_machine(here).multiprocessors}
        return self.source.load(None).launcher(self.config, known)

    def load(self) -> Kernel:
        return DeviceKernel(self.launcher(), Cuda())

"""PyTorch on a backend's device as a baseline: the vendor's libraries, and what TorchInductor makes of the function."""

from __future__ import annotations

from dataclasses import dataclass

from ..evaluator.threads import Threads
from ..protocols import DeviceBackend, Inputs, Workload
from .contender import Prepared, Skipped, prepared
from .pytorch import eager


@dataclass(frozen=True)
class DevicePytorchContender:
    """The workload's eager function on the device; if `compiled`, by TorchInductor, which tunes its own kernels too."""

    workload: Workload
    backend: DeviceBackend
    compiled: bool
    inputs: Inputs

    @property
    def name(self) -> str:
        return "torch_compile" if self.compiled else "torch"

    @property
    def preload(self) -> tuple[str, ...]:
        return ()

    def prepare(self) -> Prepared:
        try:
            import torch
        except ImportError:
            raise Skipped("PyTorch is not installed") from None
        function = eager(self.workload)
        if self.compiled:
            function = torch.compile(function, dynamic=False, fullgraph=True, mode="max-autotune-no-cudagraphs")
        kernel = self.backend.on_device(torch.no_grad()(function))
        return prepared(lambda: kernel, self.workload, self.inputs, Threads(None))

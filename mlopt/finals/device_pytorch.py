"""PyTorch on a backend's device as a baseline: the vendor's libraries, and what TorchInductor makes of the function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..protocols import DeviceBackend, Inputs, LibraryWorkload, Workload
from .contender import Prepared, Skipped, prepared, settle
from .pytorch import eager


@dataclass(frozen=True)
class DevicePytorchContender:
    """The workload's eager function on the device; if `compiled`, by TorchInductor, which tunes its own kernels too."""

    workload: Workload
    backend: DeviceBackend
    compiled: bool
    inputs: Inputs
    library: str | None = None
    """The one that computes it, of those that PyTorch has for the workload; None leaves the choice to PyTorch."""

    @property
    def name(self) -> str:
        return "torch_compile" if self.compiled else f"torch_{self.library}" if self.library else "torch"

    @property
    def preload(self) -> tuple[str, ...]:
        return ()

    def prepare(self) -> Prepared:
        try:
            import torch
        except ImportError:
            raise Skipped("PyTorch is not installed") from None
        settle(self.backend)
        function = self._function()
        if self.compiled:
            function = torch.compile(function, dynamic=False, fullgraph=True, mode="max-autotune-no-cudagraphs")
        kernel = self.backend.on_device(torch.no_grad()(function))
        return prepared(lambda: kernel, self.workload, self.backend, self.inputs)

    def _function(self) -> Callable[..., Any]:
        if self.library is not None and isinstance(self.workload, LibraryWorkload):
            return self.workload.eager_by(self.library)
        return eager(self.workload)

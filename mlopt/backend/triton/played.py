"""A GPU that is played, for files that ask for one where there is none; `rerun.py` has a copy beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from unittest import mock


@dataclass(frozen=True)
class Played:
    """What Triton, and files with kernels, ask drivers and PyTorch for; there is no device behind it."""

    place: str = "cpu"
    """The device of PyTorch's where tensors are."""
    runtime: str = "cuda"
    arch: int | str = 90
    warp: int = 32
    """Threads."""
    multiprocessors: int = 3
    """So few that persistent programs have several tiles each."""
    shared_bytes: int = 232448
    """Of one block."""
    registers: int = 65536

    def get_active_torch_device(self) -> Any:
        import torch

        return torch.device(self.place)

    def get_current_device(self) -> Played:
        return self  # compiled kernels are kept by device

    def get_current_stream(self, device: Played) -> int:
        return 0

    def get_current_target(self) -> Any:
        from triton.backends.compiler import GPUTarget

        return GPUTarget(self.runtime, self.arch, self.warp)

    @property
    def utils(self) -> Played:
        return self

    def get_device_properties(self, device: object) -> Mapping[str, int]:
        return {
            "multiprocessor_count": self.multiprocessors,
            "max_shared_mem": self.shared_bytes,
            "max_num_regs": self.registers,
            "warpSize": self.warp,
        }

    @property
    def capability(self) -> tuple[int, int]:
        """As CUDA has it, or ROCm: of gfx942 that is 9, 4."""
        if isinstance(self.arch, int):
            return self.arch // 10, self.arch % 10
        return int(self.arch[3:-2]), int(self.arch[-2], 16)

    def told_by_pytorch(self) -> Mapping[str, Any]:
        """What `torch.cuda` has of it, by name."""
        major, minor = self.capability
        properties = SimpleNamespace(
            name="a GPU that is played",
            major=major,
            minor=minor,
            multi_processor_count=self.multiprocessors,
            shared_memory_per_block_optin=self.shared_bytes,
            regs_per_multiprocessor=self.registers,
            warp_size=self.warp,
        )
        return {
            "is_available": lambda: True,
            "device_count": lambda: 1,
            "current_device": lambda: 0,
            "get_device_capability": lambda device=None: self.capability,
            "get_device_properties": lambda device=None: properties,
            "synchronize": lambda device=None: None,
            "device": lambda device: contextlib.nullcontext(),
            "device_of": lambda tensor: contextlib.nullcontext(),
        }


@contextlib.contextmanager
def playing(gpu: Played) -> Iterator[None]:
    """Within it this is Triton's GPU and PyTorch's, on which its tensors say that they are."""
    import torch
    from triton.runtime import driver

    active = driver._active
    driver.set_active(gpu)
    try:
        with mock.patch.multiple(torch.cuda, **gpu.told_by_pytorch()), _pretence(gpu.place):
            yield
    finally:
        driver._active = active


def _pretence(place: str) -> Any:
    """Within it tensors that are meant to be on a GPU are at `place`."""
    import torch
    from torch.overrides import TorchFunctionMode

    class Pretence(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = dict(kwargs or {})
            if function == torch.Tensor.is_cuda.__get__:  # type: ignore[attr-defined]
                return True
            if str(kwargs.get("device")).startswith("cuda"):
                kwargs["device"] = place
            return function(*args, **kwargs)

    return Pretence()

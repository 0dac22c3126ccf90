"""The GPUs that PyTorch computes on, by the names that the driver has for them, and their clock."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...core.errors import UserError
from .clocks import clocks

SCRATCH_BYTES = 256 << 20
"""More than the second cache of any GPU holds."""

MOST_FILLS = 64
"""How often the scratch is filled before a call at most."""


class Cuda:
    """The GPU that is PyTorch's current one: NVIDIA's, or AMD's under the same name.

    Before a call it is busy filling its caches, so that the launch is on its way when the clock starts. Where the
    launch has taken longer than that, the GPU has waited for it, and is kept busy for twice as long the next time.
    """

    name = "cuda"

    def __init__(self) -> None:
        self._fills = 1

    def timed(self, call: Callable[[], Sequence[Any]]) -> tuple[Sequence[Any], float]:
        import torch

        idle, begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(3))  # type: ignore[no-untyped-call]
        start = time.perf_counter()
        idle.record()
        for _ in range(self._fills):
            self._scratch.zero_()
        begin.record()
        results = call()
        launching = time.perf_counter() - start
        end.record()
        end.synchronize()
        if launching > idle.elapsed_time(begin) / 1e3:
            self._fills = min(2 * self._fills, MOST_FILLS)
        return results, begin.elapsed_time(end) / 1e3

    def clocks(self) -> Mapping[str, float]:
        import torch

        return clocks(_identity(torch.cuda.current_device()))

    def lost(self) -> bool:
        import torch

        try:
            torch.cuda.synchronize()
        except RuntimeError:
            return True
        return False

    def release(self) -> None:
        import torch

        vars(self).pop("_scratch", None)
        torch.cuda.empty_cache()

    @functools.cached_property
    def _scratch(self) -> Any:
        import torch

        return torch.empty(SCRATCH_BYTES, dtype=torch.int8, device=self.name)


def use(identity: str) -> None:
    """Make the GPU that the driver knows by this name PyTorch's current one."""
    import torch

    torch.cuda.set_device(_number(identity))


def place(identity: str) -> str:
    """What PyTorch calls the GPU that the driver knows by this name."""
    return f"{Cuda.name}:{_number(identity)}"


def _number(identity: str) -> int:
    """PyTorch's number of it; its current one where it knows none by this name. Raises UserError if it has none."""
    import torch

    if not (count := torch.cuda.device_count()):
        raise UserError(f"PyTorch {torch.__version__} cannot use the GPU: install another, or set evaluator=simulation")
    for number in range(count):
        if _identity(number) == identity:
            return number
    return int(torch.cuda.current_device())


def _identity(number: int) -> str:
    import torch

    return f"GPU-{torch.cuda.get_device_properties(number).uuid}"

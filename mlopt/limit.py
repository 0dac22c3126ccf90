"""The least time that any kernel can take on this machine: who claims less did not compute, or the clock was wrong.

The roofline is no such limit. Its bandwidth is that of memory, and what lies in a cache from the call before is read
much faster; its operations are those of the textbook, and some algorithms need fewer. The limit takes what no kernel
does without (`protocols.BoundedWorkload`): the operations of the best algorithm known, at the peak of the cores in use,
and bytes from the fastest cache, or from memory as far as all caches together cannot hold them.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .core.errors import WrongResult
from .core.fingerprint import all_cache_bytes, cpu_flags
from .protocols import BoundedWorkload, Roofline, Workload

MARGIN = 2.0
"""How much faster a kernel may be all the same. A peak that was measured while clocks were low is off by less, and a
core that reads two vectors a cycle may write one beside them: half as much again."""

TILES = 8
"""Products in a matrix unit (AMX) by those in vectors of the same type."""


def least_seconds(roofline: Roofline, workload: Workload) -> float:
    """The time that no correct kernel stays below, in seconds, MARGIN included."""
    if isinstance(workload, BoundedWorkload):
        flops, nbytes = workload.least_flops, workload.least_bytes
    else:
        flops, nbytes = 0, sum(math.prod(t.shape) * np.dtype(t.dtype).itemsize for t in workload.outputs)
    least = max(
        flops / (roofline.flops_per_second * _narrow(workload)),
        nbytes / roofline.cache_bytes_per_second,
        max(0, nbytes - (all_cache_bytes() or nbytes)) / roofline.bytes_per_second,
    )
    return least / MARGIN


def _narrow(workload: Workload) -> float:
    """How many products of the workload's narrowest type a core makes in the time of one in float32, at most."""
    width = min((np.dtype(t.dtype).itemsize for t in (*workload.operands, *workload.outputs)), default=4)
    if width >= 4:
        return 1.0
    return 4.0 / width * (TILES if any(flag.startswith("amx") for flag in cpu_flags()) else 1)


@dataclass
class Limit:
    """What a study holds its times against; `measure` tells the peaks, and measures them anew where the seconds that it
    is given prove them too low."""

    workload: Workload
    measure: Callable[[float], Roofline]
    roofline: Roofline | None = None
    """As far as known; without it nothing is found too fast."""
    _anew: bool = False
    """Whether the peaks have been measured anew, which is done once a study."""

    def learn(self, fastest: float = math.inf) -> Roofline:
        """The peaks, measured anew where `fastest` seconds prove them too low. Raises whatever measuring does."""
        self.roofline = self.measure(fastest)
        return self.roofline

    def broken(self, seconds: float) -> bool:
        """Whether no kernel can be that fast, by peaks that were measured anew before the first was called so."""
        if self.roofline is None or seconds >= least_seconds(self.roofline, self.workload):
            return False
        if not self._anew:
            self._anew = True
            with contextlib.suppress(Exception):  # the known peaks stand
                self.learn(seconds)
        return seconds < least_seconds(self.roofline, self.workload)

    def error(self, seconds: float) -> WrongResult:
        """What is wrong with a kernel that is too fast."""
        assert self.roofline is not None
        least = least_seconds(self.roofline, self.workload)
        return WrongResult(f"{seconds:.3g} s a call: whoever computes this here needs {least:.3g} s at least")

"""Whether a kernel that was found is still as fast here as it was said to be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.schedule import Schedule
from ..core.statistics import Estimate
from ..finals.contender import KernelContender
from ..finals.interleaved import measure
from ..page.render import quantity
from ..protocols import Backend, Inputs, Workload

KERNEL, NAIVE = "kernel", "naive"


@dataclass(frozen=True, slots=True)
class Stored:
    """What was said of a kernel."""

    seconds: float
    high: float
    """The upper end of its interval, in seconds."""
    naive: float | None
    """What the naive program took beside it, in seconds, if that is known."""
    here: bool
    """Whether it was measured on a machine like this one."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """What has become of it."""

    holds: bool
    reason: str
    """One line."""


def guard(
    workload: Workload, backend: Backend, schedule: Schedule, inputs: Inputs, stored: Stored, tolerance: float
) -> Guarded:
    """Build, verify and time a kernel beside the naive program, and judge it by what was said.

    On a machine like the one that it was measured on, its time counts: it holds unless all of its interval lies above
    the stored one's by more than `tolerance`, a share. On another one its speed relative to the naive program does.
    """
    contenders = [
        KernelContender(name, backend, workload, chosen, inputs) for name, chosen in ((KERNEL, schedule), (NAIVE, None))
    ]
    courses, absent = measure(contenders, np.random.default_rng(0))
    if KERNEL in absent:
        return Guarded(False, f"the kernel does not come out right any more: {absent[KERNEL]}")
    now = courses[KERNEL].estimate
    if stored.here:
        return _by_time(now, stored, tolerance)
    if stored.naive is None or NAIVE in absent:
        return Guarded(False, "it was measured on another machine, and there is no naive program to compare it with")
    return _by_speedup(now, courses[NAIVE].estimate, stored, tolerance)


def _by_time(now: Estimate, stored: Stored, tolerance: float) -> Guarded:
    holds = now.low <= stored.high * (1.0 + tolerance)
    return Guarded(
        holds, f"a call takes {quantity(now.seconds)}, and took {quantity(stored.seconds)}: {_times(now, stored)}"
    )


def _by_speedup(now: Estimate, naive: Estimate, stored: Stored, tolerance: float) -> Guarded:
    assert stored.naive is not None
    before, ratio = stored.naive / stored.seconds, naive.seconds / now.seconds
    holds = naive.high / now.low * (1.0 + tolerance) >= before
    return Guarded(holds, f"on another machine, it is {ratio:.4g} times as fast as naive, and was {before:.4g} times")


def _times(now: Estimate, stored: Stored) -> str:
    ratio = now.seconds / stored.seconds
    return f"{abs(ratio - 1.0):.1%} {'slower' if ratio > 1.0 else 'faster'}"

"""Whether times taken here can be trusted: a kernel against itself, and against a twin that is slower by 3 %."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..core.comparison import ERROR_RATE, MARGIN
from ..core.schedule import Schedule
from ..finals.against_itself import against_itself
from ..finals.contender import KernelContender
from ..protocols import Backend, Space, Workload
from .finding import Finding, State

SLOWDOWN = 0.03
QUIET = "end what else runs on the machine, give whole cores (docker --cpuset-cpus), and repeat"


def measuring() -> Iterator[Finding]:
    """On a matrix product, on all cores."""
    from ..backend.mlir.backend import Mlir
    from ..workloads.matmul.workload import Matmul

    try:
        from ..backend.mlir import bindings  # noqa: F401
    except ModuleNotFoundError:
        mend = "pip install torch-mlir (for backend=mlir)"
        yield Finding("measuring", State.ABSENT, "not tried: MLIR bindings make the kernel", mend)
        return
    yield from compare(Mlir(), Matmul(256, 256, 256), np.random.default_rng(0))


def compare(backend: Backend, workload: Workload, rng: np.random.Generator) -> Iterator[Finding]:
    """The first schedule of the backend's space, twice, in the finals."""
    contender = KernelContender("", backend, workload, _first(backend.space(workload)), "warm")
    same, slowed = against_itself(contender, rng, SLOWDOWN)
    detail = f"the second took {same.ratio - 1.0:+.1%} (p = {same.p:.2g})"
    if same.winner is None:
        yield Finding("a kernel against itself", State.OK, f"no winner, as it must be: {detail}")
    else:
        detail = f"a winner was called, which may be so once in {1 / ERROR_RATE:.0f} times: {detail}"
        yield Finding("a kernel against itself", State.LIMITED, detail, QUIET)
    detail = f"the twin took {slowed.ratio - 1.0:+.1%} (p = {slowed.p:.2g}); up to {MARGIN:.2%} count as equal"
    if slowed.winner == 0:
        yield Finding(f"a slowdown of {SLOWDOWN:.0%}", State.OK, f"seen: {detail}")
    else:
        yield Finding(f"a slowdown of {SLOWDOWN:.0%}", State.LIMITED, f"lost in noise: {detail}", QUIET)


def _first(space: Space) -> Schedule:
    schedule = Schedule()
    while options := space.options(schedule):
        schedule = schedule.then(options[len(options) // 2])
    return schedule

"""Triton's own autotuner, given a workload's launcher in the place of a kernel, configurations of it, and some time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlopt.backend.triton.kernel_file import OPTIONS
from mlopt.core.schedule import Schedule

Call = Callable[[], object]

Benchmark = Callable[..., Sequence[float]]
"""Milliseconds of a call: its median and other quantiles, as `triton.testing.do_bench` takes them."""


class Launcher:
    """What `triton.autotune` takes for a kernel: it is run by the names and values of a configuration.

    A kernel itself would not do, since the grid, the variant and the descriptors of tensors follow from knobs as well.
    """

    arg_names: Sequence[str] = ()

    def __init__(self, calls: Mapping[Schedule, Call]) -> None:
        self._calls = {tuple(schedule.values().items()): call for schedule, call in calls.items()}
        self._names = list(next(iter(calls)).values())

    @staticmethod
    def fn() -> None:
        """The function whose name the decorator would print."""

    def run(self, **config: Any) -> None:
        self._calls[tuple((name, config[name]) for name in self._names)]()


def autotuned(calls: Mapping[Schedule, Call], seconds: float, benchmark: Benchmark | None = None) -> Schedule:
    """The schedule that `triton.autotune` chooses of those that `calls` launch, timed by Triton's own benchmark.

    It tries them in order and knows no limit: what it has not begun after so many seconds counts as infinitely slow.
    """
    import triton
    from triton.runtime import driver

    end = time.perf_counter() + seconds
    measure: Benchmark = benchmark or driver.active.get_benchmarker()

    def in_time(call: Call, quantiles: Sequence[float]) -> Sequence[float]:
        late = time.perf_counter() > end
        return [math.inf] * len(quantiles) if late else measure(call, quantiles=quantiles)

    schedules = {_config(schedule): schedule for schedule in calls}
    tuner = triton.autotune(list(schedules), key=[], do_bench=in_time)(Launcher(calls))
    tuner.run()
    return schedules[tuner.best_config]


def _config(schedule: Schedule) -> Any:
    """The schedule as a `triton.Config`."""
    import triton

    values = schedule.values()
    options = {name: values.pop(name) for name in OPTIONS if name in values}
    return triton.Config(values, **options)

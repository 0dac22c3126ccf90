"""Triton's own autotuner, given launchers in the place of a kernel: which configuration it chooses."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...core.schedule import Schedule
from .kernel_file import as_decorators_take_it

Call = Callable[[], object]

Benchmark = Callable[..., Sequence[float]]
"""Milliseconds of a call: its median and other quantiles, as `triton.testing.do_bench` takes them."""


class Launcher:
    """What `triton.autotune` takes for a kernel: it is run by the names and values of a configuration.

    A kernel itself would not do, since the grid, the variant and the descriptors of tensors follow from knobs as well.
    """

    arg_names: Sequence[str] = ()

    def __init__(self, calls: Mapping[Any, Call]) -> None:
        """Calls by their configurations, as `triton.Config`."""
        self._calls = [(config.all_kwargs(), call) for config, call in calls.items()]

    @staticmethod
    def fn() -> None:
        """The function whose name the decorator would print."""

    def run(self, **config: Any) -> None:
        next(call for known, call in self._calls if known == config)()


def autotuned(calls: Mapping[Schedule, Call], seconds: float, benchmark: Benchmark | None = None) -> Schedule:
    """The schedule that `triton.autotune` chooses of those that `calls` launch, timed by Triton's own benchmark.

    It tries them in order and knows no limit: what it has not begun after so many seconds counts as infinitely slow,
    and so does what cannot be launched.
    """
    import triton
    from triton.runtime import driver

    end = time.perf_counter() + seconds
    measure: Benchmark = benchmark or driver.active.get_benchmarker()

    def in_time(call: Call, quantiles: Sequence[float]) -> Sequence[float]:
        never = [math.inf] * len(quantiles)
        if time.perf_counter() > end:
            return never
        try:
            return measure(call, quantiles=quantiles)
        except Exception:  # Triton's decorator ends with some of these
            return never

    schedules = {triton.Config(**as_decorators_take_it(schedule.values())): schedule for schedule in calls}
    launcher = Launcher({config: calls[schedule] for config, schedule in schedules.items()})
    tuner = triton.autotune(list(schedules), key=[], do_bench=in_time)(launcher)
    tuner.run()
    return schedules[tuner.best_config]

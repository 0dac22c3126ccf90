"""How far a schedule carries: the best one of a study, on workloads of neighbouring sizes and dtypes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import numpy as np

from ..core.errors import summary
from ..finals.baselines import pytorch
from ..finals.contender import Contender, KernelContender
from ..finals.interleaved import measure
from ..protocols import Backend, Inputs, Workload
from ..search.vary import Vary

SMALLEST = 4
"""Integers below this are no sizes: strides, windows."""
MOST = 12
"""Neighbours that are measured."""
KERNEL = "kernel"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What became of the schedule on one neighbouring workload."""

    name: str
    """The key that differs, with its value."""
    seconds: float | None
    """What a call takes; None where it does not come out right."""
    torch: float | None
    """What PyTorch's eager call takes, in seconds, where there is one."""
    adapted: int
    """Decisions that had to change to be legal there."""
    reason: str = ""
    """Why there is no time."""

    @property
    def speedup(self) -> float | None:
        """Over PyTorch."""
        return None if self.seconds is None or self.torch is None else self.torch / self.seconds


def neighbours(keys: Mapping[str, Any], constructor: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Workloads beside the one with `keys`: each size halved and doubled, each other dtype; its name, and its keys."""
    for key, value in keys.items():
        if isinstance(value, int) and not isinstance(value, bool) and value >= SMALLEST:
            for size in (value // 2, value * 2):
                yield f"{key}={size}", {**keys, key: size}
        elif isinstance(value, list) and value and all(isinstance(each, int) for each in value):
            for last in (value[-1] // 2, value[-1] * 2):
                yield f"{key}={[*value[:-1], last]}", {**keys, key: [*value[:-1], last]}
        elif isinstance(value, str):
            for other in _choices(constructor, key) if key == "dtype" else ():
                if other != value:
                    yield f"{key}={other}", {**keys, key: other}


def _choices(constructor: Any, key: str) -> Sequence[str]:
    """The values that a constructor takes for `key`, where its annotation lists them."""
    parameter = inspect.signature(constructor, eval_str=True).parameters.get(key)
    literal = parameter is not None and get_origin(parameter.annotation) is Literal
    return get_args(parameter.annotation) if parameter is not None and literal else ()


def tried(name: str, workload: Workload, backend: Backend, decisions: Mapping[str, Any], inputs: Inputs) -> Neighbour:
    """Measure a schedule on a workload beside PyTorch; what is not legal there becomes the nearest that is."""
    schedule = Vary(backend.space(workload), np.random.default_rng(0)).repair(decisions)
    adapted = sum(decisions.get(knob) != value for knob, value in schedule.values().items())
    contenders: list[Contender] = [
        pytorch(workload, backend, inputs, compiled=False),
        KernelContender(KERNEL, backend, workload, schedule, inputs),
    ]
    courses, absent = measure(contenders, np.random.default_rng(0))
    times = {each: course.estimate.seconds for each, course in courses.items()}
    reason = summary(absent[KERNEL]) if KERNEL in absent else ""
    return Neighbour(name, times.get(KERNEL), times.get("torch"), adapted, reason)

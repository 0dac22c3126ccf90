"""The finals of a study: its best schedules meet the baselines, and none is believed that no machine could be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..core.trial import Trial
from ..limit import Limit
from ..protocols import Backend, Inputs, Roofline, Workload
from .baselines import with_baselines
from .interleaved import Absent, Course, measure


@dataclass(frozen=True, slots=True)
class Meeting:
    """What came of it."""

    courses: Mapping[str, Course]
    """The turns of who came through, by name."""
    absent: Absent
    """Who has no time, and why; the roofline, too, where it could not be measured."""
    roofline: Roofline | None


def meet(
    finalists: Mapping[str, Trial],
    workload: Workload,
    backend: Backend,
    inputs: Inputs,
    rng: np.random.Generator,
    seconds: float,
    limit: Limit,
) -> Meeting:
    """Let finalists, by their names and the most promising first, meet the baselines within `seconds`.

    The machine's peaks are looked at again, by who was the fastest; a finalist beyond `limit` has no time.
    """
    seconds -= max(trial.compile_seconds or 0.0 for trial in finalists.values())  # the best is compiled once more then
    schedules = {name: trial.schedule for name, trial in finalists.items()}
    contenders = with_baselines(schedules, workload, backend, inputs, limited=math.isfinite(seconds))
    courses, absent = measure(contenders, rng, seconds)
    roofline = None
    try:
        roofline = limit.learn(min((course.estimate.seconds for course in courses.values()), default=math.inf))
    except Exception as error:  # a yardstick is missing, the result is not
        absent["roofline"] = error
    for name in finalists.keys() & courses.keys():
        if limit.broken(reached := courses[name].estimate.seconds):
            absent[name] = limit.error(reached)
            del courses[name]
    return Meeting(courses, absent, roofline)

"""The finals of a study: its best schedules meet the baselines, and none is believed that no machine could be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..core.errors import WrongResult
from ..core.judged import finalist
from ..core.trial import Trial
from ..limit import Limit
from ..protocols import Backend, Inputs, Roofline, Workload
from .baselines import with_baselines
from .interleaved import Absent, Course, measure
from .selection import finalists

FINALISTS = 5
MEETINGS = 3
"""Of so many finalists each, at most: others meet only while all who have met were found wrong."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """What came of it."""

    finalists: Mapping[str, Trial]
    """Who met, by name; after several meetings all who did."""
    courses: Mapping[str, Course]
    """The turns of who came through, by name."""
    absent: Absent
    """Who has no time, and why; the roofline, too, where it could not be measured."""
    roofline: Roofline | None


def meet(
    trials: Sequence[Trial],
    workload: Workload,
    backend: Backend,
    inputs: Inputs,
    rng: np.random.Generator,
    seconds_left: Callable[[], float],
    limit: Limit,
) -> Meeting | None:
    """Let the most promising trials meet the baselines within the seconds left; None where no trial was timed.

    Where all of them are found wrong, the next ones meet: behind many kernels that only look fast there may be an
    honest one.
    """
    met: dict[str, Trial] = {}
    wrong: Absent = {}
    meeting = None
    for _ in range(MEETINGS):
        chosen = finalists([trial for trial in trials if finalist(trial.trial) not in met], FINALISTS)
        if not chosen:
            break
        named = {finalist(trial.trial): trial for trial in chosen}
        meeting = _meet(named, workload, backend, inputs, rng, seconds_left(), limit)
        met |= named
        if not all(isinstance(meeting.absent.get(name), WrongResult) for name in named):
            break
        wrong |= {name: meeting.absent[name] for name in named}
    return meeting and Meeting(met, meeting.courses, {**wrong, **meeting.absent}, meeting.roofline)


def _meet(
    named: Mapping[str, Trial],
    workload: Workload,
    backend: Backend,
    inputs: Inputs,
    rng: np.random.Generator,
    seconds: float,
    limit: Limit,
) -> Meeting:
    """One meeting of finalists by their names, the most promising first.

    The machine's peaks are looked at again, by who was the fastest; a finalist beyond `limit` has no time.
    """
    seconds -= max(trial.compile_seconds or 0.0 for trial in named.values())  # the best is compiled once more then
    schedules = {name: trial.schedule for name, trial in named.items()}
    contenders = with_baselines(schedules, workload, backend, inputs, limited=math.isfinite(seconds))
    courses, absent = measure(contenders, rng, seconds)
    roofline = None
    try:
        roofline = limit.learn(min((course.estimate.seconds for course in courses.values()), default=math.inf))
    except Exception as error:  # a yardstick is missing, the result is not
        absent["roofline"] = error
    for name in named.keys() & courses.keys():
        if limit.broken(reached := courses[name].estimate.seconds):
            absent[name] = limit.error(reached)
            del courses[name]
    return Meeting(named, courses, absent, roofline)

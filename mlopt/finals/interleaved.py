"""The interleaved run: every contender in its own process, one turn each a round, in shuffled order.

What changes during the run (clocks, neighbours on the machine) hits all contenders alike, so that turns of one round
can be compared in pairs (`core.comparison`). While one is timed, the others' processes are stopped. A turn's median is
one observation, since calls within a turn are not independent; turns are in different memory (`places.py`), so that
they are. Every contender is verified before its first turn and after its last one. Where the run's seconds are limited
(`timetable.py`), who was not is in no result.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from ..core.comparison import FEWEST_PAIRS
from ..core.fingerprint import available_cores
from ..core.statistics import Estimate
from ..core.trial import WorkerClosed
from ..evaluator.timing import HOPELESS
from ..executor import device
from ..executor.worker import Worker
from .contender import Contender, Prepare, Turn, Verify
from .timetable import OutOfTime, Timetable

PREPARE_SECONDS = CHECK_SECONDS = 300.0
TURN_DEADLINE_SECONDS = 300.0

FEWEST_ROUNDS, MOST_ROUNDS = 15, 240
"""Turns of a kernel of 25 us on two threads differ by 3 %: 60 pairs of them show a difference of 3 % in six cases of
ten, 120 in nine, 240 always."""
SECONDS = 20.0
"""Time after which no further round begins, once there are FEWEST_ROUNDS."""

PRECISION = 0.005
"""Relative half-width of the intervals at which the run ends. Nobody asks for so much of those that take HOPELESS times
as long as the fastest: they leave after FEWEST_ROUNDS."""

SLOW_SECONDS = 0.3
"""A contender whose turns take longer than this leaves as soon as its observations can call a winner."""

SLOW_TOTAL_SECONDS = 60.0
"""A slow one has no further turn that would not end within this, whatever the number of its observations."""


Absent = dict[str, Exception]
"""Contenders that have no time, by name, and what kept them from it."""


def measure(
    contenders: Sequence[Contender], rng: np.random.Generator, seconds: float = math.inf
) -> tuple[dict[str, Course], Absent]:
    """Each contender's turns by its name, and for those that have no time the reason.

    They get ready in the order given, as many at once as there are cores. The run ends after `seconds`, whatever then
    is still under way: who is not through has no time, but OutOfTime.
    """
    timetable = Timetable(seconds)
    # The pool ends last: when interrupted, it waits for works that end with their workers.
    with ThreadPoolExecutor(available_cores()) as pool, ExitStack() as stack:
        workers = {c.name: Worker(("numpy", "mlopt.finals.contender", *c.preload)) for c in contenders}
        for worker in workers.values():
            stack.callback(worker.close)
        stack.enter_context(timetable.until_the_end(workers.values))
        absent = _prepare(contenders, workers, pool, timetable)
        present = [c for c in contenders if c.name not in absent]
        courses = _rounds(present, workers, rng, absent, timetable)
        for name in sorted(courses.keys() - absent.keys(), key=lambda name: courses[name].estimate.seconds):
            _verify(name, workers[name], absent)
    return {name: course for name, course in courses.items() if name not in absent}, absent


@dataclass(frozen=True, slots=True)
class Course:
    """The turns of one contender so far, one a round."""

    medians: list[float] = field(default_factory=list)
    """One observation a turn, in seconds."""
    lasted: list[float] = field(default_factory=list)
    """How long each turn took as a whole, in seconds."""

    @property
    def estimate(self) -> Estimate:
        return Estimate.of(self.medians)

    @property
    def slow(self) -> bool:
        return min(self.lasted, default=0.0) > SLOW_SECONDS

    def over(self, slow_seconds: float) -> bool:
        """Whether there is no further turn before the others' are over too; a slow one has `slow_seconds` for all."""
        long = sum(self.lasted) + min(self.lasted, default=0.0) > slow_seconds
        return self.slow and (long or len(self.medians) >= FEWEST_PAIRS)


def _prepare(
    contenders: Sequence[Contender], workers: Mapping[str, Worker], pool: ThreadPoolExecutor, timetable: Timetable
) -> Absent:
    """Get all ready, side by side; who could not."""
    ready: set[str] = set()

    def prepare(contender: Contender) -> Exception | None:
        worker = workers[contender.name]
        try:
            worker.run(Prepare(contender), PREPARE_SECONDS)
        except WorkerClosed:
            return OutOfTime("there was no time left to get it ready")
        except Exception as error:  # whatever a baseline raises, the others go on
            worker.close()
            return error
        ready.add(contender.name)
        worker.pause()
        return None

    with timetable.until_ready(lambda: (worker for name, worker in workers.items() if name not in ready)):
        reasons = list(zip(contenders, pool.map(prepare, contenders), strict=True))
    return {contender.name: reason for contender, reason in reasons if reason is not None}


def _rounds(
    contenders: Sequence[Contender],
    workers: Mapping[str, Worker],
    rng: np.random.Generator,
    absent: Absent,
    timetable: Timetable,
) -> Mapping[str, Course]:
    """Every contender's turns; who is lost on the way is added to `absent`."""
    courses = {contender.name: Course() for contender in contenders}
    near, end = set(courses), time.monotonic() + SECONDS
    slow_seconds = timetable.slow_seconds(SLOW_TOTAL_SECONDS)
    for number in range(MOST_ROUNDS):
        if not timetable.has_turn(0.0):
            break
        running = [name for name in courses if name in near - absent.keys() and not courses[name].over(slow_seconds)]
        # The first round is in the order given: if it is the only one, it is those that matter most who have a turn.
        order = rng.permutation(len(running)) if number else range(len(running))
        try:
            with device.alone(timetable.timed):
                for name in (running[i] for i in order):
                    if timetable.has_turn(max(courses[name].lasted, default=0.0)):
                        _turn(name, workers[name], courses[name], absent)
        except device.Busy:
            break
        if number + 1 < FEWEST_ROUNDS:
            continue
        near = contending({name: course for name, course in courses.items() if course.medians and name not in absent})
        precise = all(courses[name].estimate.precision <= PRECISION for name in near)
        if precise or time.monotonic() > end:
            break
    for name in courses.keys() - absent.keys():
        if not courses[name].medians:
            absent[name] = OutOfTime("there was no time left for a turn of it")
    return courses


def _turn(name: str, worker: Worker, course: Course, absent: Absent) -> None:
    """Time a contender once more; one that fails is added to `absent`."""
    start = time.monotonic()
    worker.resume()
    try:
        samples = worker.run(Turn(name), TURN_DEADLINE_SECONDS)
    except WorkerClosed:
        absent[name] = OutOfTime("there was no time left for its turn to end")
        return
    except Exception as error:
        absent[name] = error
        worker.close()
        return
    worker.pause()
    course.medians.append(statistics.median(samples))
    course.lasted.append(time.monotonic() - start)


def contending(courses: Mapping[str, Course]) -> set[str]:
    """Who is neither slow nor far behind the fastest that is not."""
    seconds = {name: course.estimate.seconds for name, course in courses.items() if not course.slow}
    near = HOPELESS * min(seconds.values(), default=0.0)
    return {name for name, each in seconds.items() if each <= near}


def _verify(name: str, worker: Worker, absent: Absent) -> None:
    """Check a contender once more; one that fails is added to `absent`."""
    worker.resume()
    try:
        worker.run(Verify(name), CHECK_SECONDS)
    except WorkerClosed:
        absent[name] = OutOfTime("there was no time left to check what it computed")
    except Exception as error:
        absent[name] = error
    worker.close()  # one after another, so that no two hold a second case in memory

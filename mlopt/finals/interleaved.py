"""The interleaved run: every contender in its own process, one turn each a round, in shuffled order.

What changes during the run (clocks, neighbours on the machine) hits all contenders alike. While one is timed, the
others' processes are stopped. A turn's median is one observation, since calls within a turn are not independent.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np

from ..core.fingerprint import available_cores
from ..core.statistics import Estimate
from ..executor import device
from ..executor.worker import Worker
from .contender import Contender, Prepare, Turn

PREPARE_SECONDS = 300.0
TURN_DEADLINE_SECONDS = 300.0

FEWEST_ROUNDS, MOST_ROUNDS = 15, 60
SECONDS = 20.0
"""Time after which no further round begins, once there are FEWEST_ROUNDS."""

PRECISION = 0.005
"""Relative half-width of every interval at which the run ends."""

SLOW_SECONDS, SLOW_ROUNDS = 0.3, 3
"""A contender whose turn takes longer than this stays for so many rounds only."""


Absent = dict[str, Exception]
"""Contenders that have no time, by name, and what kept them from it."""


def measure(contenders: Sequence[Contender], rng: np.random.Generator) -> tuple[dict[str, Estimate], Absent]:
    """Each contender's time by its name, and for those without one the reason."""
    # The pool ends last: when interrupted, it waits for works that end with their workers.
    with ThreadPoolExecutor(available_cores()) as pool, ExitStack() as stack:
        workers = {c.name: Worker(("numpy", "mlopt.finals.contender", *c.preload)) for c in contenders}
        for worker in workers.values():
            stack.callback(worker.close)
        absent = _prepare(contenders, workers, pool)
        present = [c for c in contenders if c.name not in absent]
        turns = _rounds(present, workers, rng, absent)
    return {name: Estimate.of(medians) for name, medians in turns.items() if name not in absent}, absent


def _prepare(contenders: Sequence[Contender], workers: Mapping[str, Worker], pool: ThreadPoolExecutor) -> Absent:
    """Get all ready, side by side; who could not."""

    def prepare(contender: Contender) -> Exception | None:
        worker = workers[contender.name]
        try:
            worker.run(Prepare(contender), PREPARE_SECONDS)
        except Exception as error:  # whatever a baseline raises, the others go on
            worker.close()
            return error
        worker.pause()
        return None

    reasons = zip(contenders, pool.map(prepare, contenders), strict=True)
    return {contender.name: reason for contender, reason in reasons if reason is not None}


def _rounds(
    contenders: Sequence[Contender], workers: Mapping[str, Worker], rng: np.random.Generator, absent: Absent
) -> dict[str, list[float]]:
    """The median of every turn, in seconds; who is lost on the way is added to `absent`."""
    medians: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    slow: set[str] = set()
    end = time.monotonic() + SECONDS
    for number in range(MOST_ROUNDS):
        running = [c for c in contenders if c.name not in absent and (c.name not in slow or number < SLOW_ROUNDS)]
        with device.alone():
            for contender in (running[i] for i in rng.permutation(len(running))):
                worker, start = workers[contender.name], time.monotonic()
                worker.resume()
                try:
                    samples = worker.run(Turn(contender.name), TURN_DEADLINE_SECONDS)
                except Exception as error:
                    absent[contender.name] = error
                    worker.close()
                    continue
                worker.pause()
                medians[contender.name].append(statistics.median(samples))
                if time.monotonic() - start > SLOW_SECONDS:
                    slow.add(contender.name)
        quick = [Estimate.of(medians[c.name]) for c in running if c.name not in slow and c.name not in absent]
        precise = all(estimate.precision <= PRECISION for estimate in quick)
        if number + 1 >= FEWEST_ROUNDS and (precise or time.monotonic() > end):
            break
    return medians

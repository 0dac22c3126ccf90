from __future__ import annotations

import functools
import itertools
import random
from concurrent.futures import Future

import psutil

from mlopt.core.trial import Status
from mlopt.executor.local import Local
from mlopt.testing.executor import FAULTS, PATIENCE, STATUSES

MEMORY_BYTES = 150 << 20


def test_a_hundred_faults_among_three_hundred_works_cost_a_hundred_works() -> None:
    driver = psutil.Process()
    before = set(driver.children(recursive=True))
    executor = Local(slots=2, memory_bytes=MEMORY_BYTES)
    executor.start(["mlopt.testing.executor"])
    faults = [*itertools.islice(itertools.cycle(FAULTS), 100), *[""] * 200]
    random.Random(0).shuffle(faults)

    def submit(number: int, fault: str) -> Future[object]:
        if not fault:
            return executor.submit(functools.partial(pow, number, 2), PATIENCE)
        return executor.submit(FAULTS[fault], 0.3 if STATUSES.get(fault) is Status.TIMEOUT else PATIENCE)

    resident = []
    for first in range(0, len(faults), 50):
        futures = {number: submit(number, faults[number]) for number in range(first, first + 50)}
        for number, future in futures.items():
            error = future.exception(PATIENCE)
            if faults[number]:
                assert error is not None
                assert Status.of(error) is STATUSES.get(faults[number], Status.CRASH), faults[number]
            else:
                assert error is None
                assert future.result() == number**2
        resident.append(driver.memory_info().rss)
    executor.close()
    assert set(driver.children(recursive=True)) <= before
    assert resident[-1] - resident[0] < 20 << 20

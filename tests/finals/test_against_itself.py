"""A kernel against itself, in two processes."""

from __future__ import annotations

import numpy as np
import pytest
from doubles import ToyBackend, ceases_to_write_later, right

from mlopt.core.comparison import Comparison
from mlopt.core.errors import WrongResult
from mlopt.core.schedule import Schedule
from mlopt.finals import interleaved
from mlopt.finals.against_itself import against_itself
from mlopt.finals.contender import KernelContender
from mlopt.workloads.matmul.workload import Matmul

pytestmark = pytest.mark.usefixtures("own_device")


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleaved, "FEWEST_ROUNDS", 8)
    monkeypatch.setattr(interleaved, "SECONDS", 0.0)


def contender(backend: ToyBackend) -> KernelContender:
    return KernelContender("", backend, Matmul(64, 64, 64), Schedule.of({"number": 0}), "warm")


def compared(slowdown: float) -> tuple[Comparison, Comparison]:
    return against_itself(contender(ToyBackend(make=right)), np.random.default_rng(0), slowdown)


def test_a_twin_that_takes_four_times_as_long_loses() -> None:
    _, slowed = compared(3.0)
    assert slowed.winner == 0
    assert slowed.ratio > 2.0


def test_a_twin_that_is_left_alone_is_not_called_a_winner_time_and_again() -> None:
    assert any(same.winner is None for same, _ in (compared(0.03) for _ in range(3)))


def test_a_kernel_that_is_wrong_is_no_kernel_to_compare() -> None:
    with pytest.raises(WrongResult):
        against_itself(contender(ToyBackend(make=ceases_to_write_later)), np.random.default_rng(0), 0.03)

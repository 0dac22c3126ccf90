from __future__ import annotations

from collections.abc import Callable

import psutil
import pytest

from mlopt.executor import machine
from mlopt.executor.local import Local
from mlopt.protocols import Executor
from mlopt.testing.executor import ExecutorContract


class TestLocal(ExecutorContract):
    def make(self, slots: int, memory_bytes: int) -> Executor:
        return Local(slots, memory_bytes)


def test_nothing_outlives_a_driver_that_is_killed(kill_driver: Callable[..., list[psutil.Process]]) -> None:
    assert not kill_driver("from mlopt.executor.local import Local", "Local(slots=2)")


def test_it_has_by_default_a_slot_for_each_core_but_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, slots in ((1, 1), (3, 3), (64, 8)):
        monkeypatch.setattr(machine, "available_cores", lambda cores=cores: cores)
        assert Local().slots == slots

from __future__ import annotations

import psutil
import pytest

from mlopt.core import cgroup
from mlopt.core.errors import UserError
from mlopt.executor import machine
from mlopt.executor.local import Local
from mlopt.executor.ray import Ray
from mlopt.protocols import Executor


def test_workers_share_half_of_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "memory_limits", list)
    assert machine.memory_share(2) == psutil.virtual_memory().total // 4


def test_a_container_has_no_more_memory_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "memory_limits", lambda: [1 << 62, 1 << 30])
    assert machine.memory_share(4) == 1 << 27


@pytest.mark.parametrize("executor", [Local, Ray])
@pytest.mark.parametrize("limit", ["slots", "memory_bytes"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_that_leaves_nothing_is_a_mistake_of_the_user(executor: type[Executor], limit: str, value: int) -> None:
    with pytest.raises(UserError, match=rf"^executor\.{limit}={value} must be at least 1$"):
        executor(**{limit: value})
    executor(**{limit: 1})


@pytest.mark.parametrize(("available", "cores", "slots"), [(8, 1, 8), (8, 3, 2), (2, 4, 1), (64, 4, 8)])
def test_works_of_several_cores_are_fewer(
    available: int, cores: int, slots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "available_cores", lambda: available)
    assert Ray(cores=cores).slots == slots
    assert Ray(cores=cores, slots=5).slots == 5


@pytest.mark.parametrize("needs", [{"cores": 0}, {"gpus": -1.0}])
def test_a_work_that_needs_nothing_is_a_mistake_of_the_user(needs: dict[str, float]) -> None:
    with pytest.raises(UserError, match=r"executor\.cores=.*executor\.gpus="):
        Ray(**needs)  # type: ignore[arg-type]

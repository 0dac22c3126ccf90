from __future__ import annotations

import psutil
import pytest

from mlopt.executor import machine


def test_workers_share_half_of_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_cgroup_limits", list)
    assert machine.memory_share(2) == psutil.virtual_memory().total // 4


def test_a_container_has_no_more_memory_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_cgroup_limits", lambda: [1 << 62, 1 << 30])
    assert machine.memory_share(4) == 1 << 27


def test_limits_of_control_groups_are_numbers_of_bytes() -> None:
    assert all(limit > 0 for limit in machine._cgroup_limits())

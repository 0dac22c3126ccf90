"""What control groups leave a process, read from files that stand in for the system's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlopt.core import cgroup
from mlopt.core.cgroup import cpu_limits, memory_limits

VERSION_2 = "0::/box/inner\n"
VERSION_1 = "9:name=systemd:/other\n4:memory:/box/inner\n2:cpuacct,cpu:/box/inner\n0::/\n"

System = Callable[[dict[str, str]], None]


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """Put a folder in the place of the file system's root; `system({path: content})` fills it."""

    def fill(files: dict[str, str]) -> None:
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)

    class Rooted(type(Path())):  # type: ignore[misc]
        def read_text(self) -> str:
            return (tmp_path / str(self).lstrip("/")).read_text()

    monkeypatch.setattr(cgroup, "Path", Rooted)
    cpu_limits.cache_clear()
    yield fill
    cpu_limits.cache_clear()


def test_a_system_without_control_groups_has_no_limits(system: System) -> None:
    assert (memory_limits(), cpu_limits()) == ([], ())


def test_limits_of_version_2_come_from_the_innermost_group_outwards(system: System) -> None:
    groups = "sys/fs/cgroup"
    system(
        {
            "proc/self/cgroup": VERSION_2,
            f"{groups}/box/inner/memory.max": "1024\n",
            f"{groups}/box/memory.max": "max\n",
            f"{groups}/memory.max": "4096\n",
            f"{groups}/box/inner/cpu.max": "max 100000\n",
            f"{groups}/box/cpu.max": "150000 100000\n",
            f"{groups}/cpu.max": "200000 50000\n",
        }
    )
    assert memory_limits() == [1024, 4096]
    assert cpu_limits() == (1.5, 4.0)


def test_limits_of_version_1_are_those_of_each_controllers_own_groups(system: System) -> None:
    groups = "sys/fs/cgroup"
    system(
        {
            "proc/self/cgroup": VERSION_1,
            f"{groups}/memory/box/memory.limit_in_bytes": "2048\n",
            f"{groups}/memory/other/memory.limit_in_bytes": "1\n",
            f"{groups}/cpu/box/inner/cpu.cfs_quota_us": "-1\n",
            f"{groups}/cpu/box/inner/cpu.cfs_period_us": "100000\n",
            f"{groups}/cpu/box/cpu.cfs_quota_us": "25000\n",
            f"{groups}/cpu/box/cpu.cfs_period_us": "50000\n",
        }
    )
    assert memory_limits() == [2048]
    assert cpu_limits() == (0.5,)


def test_this_system_is_understood() -> None:
    assert all(limit > 0 for limit in (*memory_limits(), *cpu_limits()))

from __future__ import annotations

from pathlib import Path

import pytest

from mlopt.executor.ray.depth import IDLE_SHARE, Depth
from mlopt.executor.ray.luggage import packages
from mlopt.executor.ray.task import Needs


def test_more_works_stand_in_line_while_slots_wait_for_short_ones_and_fewer_for_long_ones() -> None:
    depth = Depth()
    for _ in range(40):
        depth.note(idle=0.005, busy=0.005, slots=3)
    assert depth.works == 3
    for _ in range(100):
        depth.note(idle=0.005, busy=1.0, slots=3)
    assert depth.works == 0


def test_a_wait_that_is_short_beside_the_work_calls_for_nothing_in_line() -> None:
    depth = Depth()
    for _ in range(10):
        depth.note(idle=0.9 * IDLE_SHARE, busy=1.0 - IDLE_SHARE, slots=3)
    assert depth.works == 0
    for _ in range(2):
        depth.note(idle=1.1 * IDLE_SHARE, busy=1.0 - IDLE_SHARE, slots=3)
    assert depth.works == 1


@pytest.mark.parametrize(
    ("cores", "gpus", "room"), [(1, 0.0, 8), (3, 0.0, 2), (1, 1.0, 2), (1, 0.5, 4), (3, 0.5, 2), (9, 0.0, 0)]
)
def test_a_machine_has_room_for_as_many_works_as_each_of_its_resources_allows(
    cores: int, gpus: float, room: int
) -> None:
    assert Needs(cores, gpus).room({"CPU": 8.0, "GPU": 2.0, "memory": 1e9}) == room


def test_without_a_gpu_there_is_no_room_for_works_that_need_one() -> None:
    assert Needs(1, 0.5).room({"CPU": 8.0}) == 0


def test_packages_with_options_travel_and_what_is_installed_does_not(tmp_path: Path) -> None:
    for name in ("here/plugin", "here/plain", "lib/site-packages/installed", "here/data"):
        (tmp_path / name / ("" if name.endswith("plain") else "conf")).mkdir(parents=True)
    for name in ("here/plugin", "here/plain", "lib/site-packages/installed"):
        (tmp_path / name / "__init__.py").touch()
    path = [str(tmp_path / "here"), str(tmp_path / "lib" / "site-packages"), str(tmp_path / "nowhere")]
    assert packages(path) == [str(tmp_path / "here" / "plugin")]

from __future__ import annotations

import pickle
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mlopt.core.errors import UserError
from mlopt.executor.ray import Ray
from mlopt.executor.ray import executor as module
from mlopt.executor.ray.depth import IDLE_SHARE, Depth
from mlopt.executor.ray.luggage import packages
from mlopt.executor.ray.task import Needs, Reply


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


class Cluster:
    """Stands for the connection to a cluster, whose machines do every work at once."""

    machines: ClassVar[dict[str, dict[str, float]]] = {
        "a": {"CPU": 8.0, "GPU": 1.0, "accelerator_type:L4": 1.0},
        "b": {"CPU": 8.0, "GPU": 4.0, "accelerator_type:H200": 1.0},
        "c": {"CPU": 8.0, "GPU": 1.0},
        "d": {"CPU": 8.0},
    }
    avoided: ClassVar[list[list[str]]] = []

    def __init__(self, address: str | None, cpus: int, here: bool) -> None: ...

    def nodes(self) -> dict[str, dict[str, float]]:
        return self.machines

    def submit(
        self, work: bytes, deadline_seconds: float, settings: object, needs: object, avoid: Sequence[str]
    ) -> Future[Reply]:
        self.avoided.append(sorted(avoid))
        future: Future[Reply] = Future()
        future.set_result(Reply("b", pickle.dumps((True, "done")), 0.0, None))
        return future

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("settings", "avoided", "slots"),
    [({"gpus": 1.0}, ["a", "c"], 4), ({"gpus": 1.0, "mixed": True}, [], 6), ({"gpus": 0.0}, [], 32)],
)
def test_works_on_gpus_keep_to_one_kind_of_them_unless_it_may_be_mixed(
    settings: dict[str, Any], avoided: list[str], slots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "Connection", Cluster)
    monkeypatch.setattr(Cluster, "avoided", [])
    with closing(Ray(address="cluster:6379", memory_bytes=1 << 30, **settings)) as executor:
        executor.start(())
        assert executor.submit(int, 1.0).result(60.0) == "done"  # type: ignore[comparison-overlap]
        assert Cluster.avoided == [avoided]
        assert executor.slots == slots


class Dying(Cluster):
    """One that is looked at once, and then is no more."""

    looks: ClassVar[list[int]] = []

    def nodes(self) -> dict[str, dict[str, float]]:
        if self.looks:
            raise ConnectionError("nobody answers")
        self.looks.append(1)
        return self.machines


def test_a_ray_that_is_no_more_is_no_works_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Connection", Dying)
    monkeypatch.setattr(Dying, "looks", [])
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.0)
    with closing(Ray(address="cluster:6379", memory_bytes=1 << 30)) as executor:
        executor.start(())
        with pytest.raises(UserError, match="Ray fails: ConnectionError: nobody answers"):
            executor.submit(int, 1.0).result(60.0)


def test_a_ray_without_any_machine_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Connection", Cluster)
    monkeypatch.setattr(Cluster, "machines", {})
    with closing(Ray(address="cluster:6379", memory_bytes=1 << 30)) as executor:
        executor.start(())
        with pytest.raises(UserError, match="no machine is left to Ray"):
            executor.submit(int, 1.0).result(60.0)

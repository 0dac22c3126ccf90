"""Where a kernel's threads run while time is taken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlopt.core import cgroup, cores
from mlopt.core.cores import pinned, placement


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight cores without a limit of time."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(cgroup, "cpu_limits", tuple)


def siblings(folder: Path, pairs: list[str]) -> None:
    for names in pairs:
        for core in names.split(","):
            file = folder / f"cpu{core}" / "topology" / "thread_siblings_list"
            file.parent.mkdir(parents=True)
            file.write_text(f"{names}\n")


@pytest.mark.usefixtures("machine")
def test_every_physical_core_has_a_thread_before_one_has_two(tmp_path: Path) -> None:
    siblings(tmp_path, ["0,4", "1,5", "2,6", "3,7"])
    order = placement(tmp_path)
    assert order == (7, 6, 5, 4, 3, 2, 1, 0)
    assert {core % 4 for core in order[:4]} == {0, 1, 2, 3}


@pytest.mark.usefixtures("machine")
def test_neighbours_that_share_a_core_are_kept_apart(tmp_path: Path) -> None:
    siblings(tmp_path, ["0,1", "2,3", "4,5", "6,7"])
    assert placement(tmp_path) == (7, 5, 3, 1, 6, 4, 2, 0)


@pytest.mark.usefixtures("machine")
def test_a_machine_that_does_not_tell_has_one_thread_a_core(tmp_path: Path) -> None:
    assert placement(tmp_path) == (7, 6, 5, 4, 3, 2, 1, 0)


@pytest.mark.usefixtures("machine")
def test_nobody_is_pinned_where_a_group_allows_less_than_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "cpu_limits", lambda: (16.0, 7.5))
    assert placement() == ()
    monkeypatch.setattr(cgroup, "cpu_limits", lambda: (16.0, 8.0))
    assert len(placement()) == 8


def test_the_caller_stays_on_its_core_and_is_free_again_whatever_happens() -> None:
    before = os.sched_getaffinity(0)

    def fail() -> None:
        with pinned():
            assert os.sched_getaffinity(0) == set(placement_before[:1] or before)
            raise ZeroDivisionError

    placement_before = placement()
    with pytest.raises(ZeroDivisionError):
        fail()
    assert os.sched_getaffinity(0) == before


def test_where_nobody_is_pinned_the_caller_may_go_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "placement", tuple)
    before = os.sched_getaffinity(0)
    with pinned():
        assert os.sched_getaffinity(0) == before

"""The benchmark of searches, on folders that hold whatever somebody has recorded."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from mlopt.backend.recorded.document import document
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial

SCRIPTS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module("search")


def recorded(folder: Path, seconds: Sequence[float | None]) -> Path:
    """A file of configurations that took so long; None for those that failed."""
    trials = [
        Trial(n, Schedule.of({"tile": n}), Status.CRASH if s is None else Status.OK, s, () if s is None else (s,))
        for n, s in enumerate(seconds)
    ]
    file = folder / "space.json"
    file.write_text(json.dumps(document(trials)))
    return file


@pytest.mark.parametrize("seconds", [(None, None), (2.0, 2.0, None)])
def test_a_space_on_which_nothing_can_be_compared_is_left_out_with_the_reason(
    search: ModuleType, tmp_path: Path, seconds: Sequence[float | None]
) -> None:
    assert "compares no searches" in search.size(recorded(tmp_path, seconds))["fault"]


def test_configurations_are_counted_whether_they_succeed_or_not(search: ModuleType, tmp_path: Path) -> None:
    assert search.size(recorded(tmp_path, (1.0, 2.0, None))) == {"configurations": 3}


def test_own_time_on_a_small_space_says_after_how_many_trials_it_is(search: ModuleType, tmp_path: Path) -> None:
    path = recorded(tmp_path, [1.0 + n for n in range(80)])
    own = search.own_ms(path, "mlopt random", 0)
    assert own["after trials"] == 30
    assert search.own_time(own).endswith(" after 30")
    assert "after" not in search.own_time({"own ms": 1.0, "after trials": search.HISTORY})

"""`mlopt compare --against`: whether a kernel was timed on a machine like this one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from doubles import OnDevices, ToyBackend

from mlopt.cli import guard as module
from mlopt.cli.study_folder import Best, Result, StudyFolder
from mlopt.compare.guard import Guarded, Stored
from mlopt.core.fingerprint import hardware

H200, H100 = ({"uuid": "GPU-7", "name": name, "clocks.sm": "345 MHz"} for name in ("H200", "H100"))


@pytest.mark.parametrize(
    ("backend", "changed", "devices", "here"),
    [
        (ToyBackend(), {}, [], True),
        (ToyBackend(), {"cpu": "another"}, [], False),
        (ToyBackend(), {"cores": 999}, [], False),
        (ToyBackend(), {"system": "Linux 1.0", "versions": {}}, [], True),
        (OnDevices(), {}, [H200], True),
        (OnDevices(), {}, [H100], False),
        (OnDevices(), {}, [], False),
    ],
)
def test_times_count_on_the_same_hardware_alone(
    backend: ToyBackend, changed: dict[str, Any], devices: list[Any], here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Stored] = []

    def judge(*arguments: Any) -> Guarded:
        seen.append(arguments[4])
        return Guarded(True, "as fast as ever")

    best = Best(schedule={}, seconds=1.0, ci95=(0.9, 1.1))
    result = Result(workload={}, threads=1, fingerprint={**hardware(), **changed}, devices=devices, best=best)
    monkeypatch.setattr(module, "read", lambda folder: StudyFolder(None, backend, result, best))
    monkeypatch.setattr(module, "guard", judge)
    assert module.hold(Path("study"), 0.05) == 0
    assert [stored.here for stored in seen] == [here]

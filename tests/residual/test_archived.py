"""What an archive holds for a residual to learn from."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mlopt.archive.address import context
from mlopt.archive.context import Context
from mlopt.archive.store import Store
from mlopt.backend.mlir.backend import Mlir
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.evaluator.execution import Execution
from mlopt.residual.archived import studies
from mlopt.workloads.matmul.workload import Matmul

WORKLOAD, BACKEND = Matmul(16, 24, 8), Mlir(1)
TIMED = Trial(0, Schedule.of({"x": 1}), Status.OK, seconds=2e-6)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(str(tmp_path / "archive.db"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    return context(WORKLOAD, BACKEND, Execution())


def test_programs_come_back_with_their_measurements(store: Store, content: dict[str, Any]) -> None:
    store.add(Context.of(content), [TIMED])
    ((program, backend, trials),) = studies(store)
    assert (program.name, program.operands, backend) == ("matmul", WORKLOAD.operands, BACKEND)
    assert program.source("mlir") == WORKLOAD.source("mlir")
    assert list(trials) == [TIMED]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("backend", "name"), "os.system"),
        (("backend", "program"), 7),
        (("backend", "target"), {"cores": 8}),
        (("backend", "bytes"), 1),
        (("fingerprint", "flags"), "another"),
        (("threads",), 1 << 20),
        (("threads",), -1),
        (("workload", "inputs"), [{"shape": [4], "dtype": "float9"}]),
    ],
)
def test_what_was_not_made_here_is_left_out(
    store: Store, content: dict[str, Any], path: tuple[str, ...], value: object
) -> None:
    other: Any = copy.deepcopy(content)
    place = other
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    store.add(Context.of(other), [TIMED])
    assert list(studies(store)) == []


def test_what_was_never_timed_is_left_out(store: Store, content: dict[str, Any]) -> None:
    store.add(Context.of(content), [Trial(0, Schedule.of({"x": 1}), Status.INVALID)])
    assert list(studies(store)) == []

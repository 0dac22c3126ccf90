"""A measurement's address: the same for the same thing, another one for whatever differs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopt.archive import address as module
from mlopt.archive.address import address, canonical, context, digest
from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.target import described
from mlopt.core.schedule import Schedule
from mlopt.evaluator.cascade import Cascade
from mlopt.evaluator.execution import Execution
from mlopt.evaluator.simulation import Simulation
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.matmul.workload import Matmul

MATMUL, MLIR, EXECUTION = Matmul(8, 8, 8), Mlir(1), Execution()
PASSES = "steps:\n  - pass: canonicalize\n"


def plain() -> dict[str, Any]:
    return context(MATMUL, MLIR, EXECUTION)


def test_it_is_the_same_in_every_process() -> None:
    code = (
        "from mlopt.archive.address import *; from mlopt.backend.mlir.backend import Mlir\n"
        "from mlopt.evaluator.execution import Execution; from mlopt.workloads.matmul.workload import Matmul\n"
        "print(digest(context(Matmul(8, 8, 8), Mlir(1), Execution())))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest(plain())


def test_how_a_thing_is_spelled_is_no_part_of_it() -> None:
    threads = Mlir("all").thread_count
    assert context(MATMUL, Mlir("all"), EXECUTION) == context(MATMUL, Mlir(threads), EXECUTION)
    assert context(MATMUL, MLIR, Execution(seed=3)) == plain()


@pytest.mark.parametrize(
    "other",
    [
        (Matmul(8, 8, 16), MLIR, EXECUTION),
        (Matmul(8, 8, 8, "bfloat16"), MLIR, EXECUTION),
        (MATMUL, replace(MLIR, threads=2), EXECUTION),
        (MATMUL, replace(MLIR, target=described("avx2")), EXECUTION),
        (MATMUL, MLIR, Execution(precision=0.02)),
        (MATMUL, MLIR, Execution(seconds=0.2)),
        (MATMUL, MLIR, Execution(inputs="rotated")),
        (MATMUL, MLIR, Simulation()),
        (MATMUL, MLIR, Cascade(Simulation(), EXECUTION)),
        (MATMUL, MLIR, Cascade(Simulation(), EXECUTION, reduction=2.0)),
    ],
    ids=lambda parts: " ".join(map(str, parts)),
)
def test_another_part_leads_elsewhere(other: tuple[Any, Any, Any]) -> None:
    seen = {digest(plain()), digest(context(MATMUL, MLIR, Cascade(Simulation(), Execution(seconds=1.0))))}
    assert digest(context(*other)) not in seen


def test_what_the_inputs_shapes_do_not_tell_counts() -> None:
    shapes = [Conv2d(1, 4, 9, 9, 4, 3, 3, stride) for stride in (1, 2)]
    assert len({digest(context(shape, MLIR, EXECUTION)) for shape in shapes}) == 2


def test_passes_count_by_what_their_file_says(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.yaml", "b.yaml", "c.yaml")]
    for file, text in zip(files, (PASSES, PASSES, PASSES + "  - pass: cse\n"), strict=True):
        file.write_text(text)
    found = [digest(context(MATMUL, Mlir(1, pipeline_space=str(file)), EXECUTION)) for file in files]
    assert found[0] == found[1] != found[2]
    assert found[0] != digest(plain())


def change_hardware(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(module, "fingerprint", lambda: {**plain_fingerprint, "cpu": "another"})


def change_version(patch: pytest.MonkeyPatch) -> None:
    versions = {**plain_fingerprint["versions"], "torch-mlir": "1"}
    patch.setattr(module, "fingerprint", lambda: {**plain_fingerprint, "versions": versions})


def change_openmp(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("KMP_AFFINITY", "scatter")


def change_source(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(module, "_source", lambda package: "another")


plain_fingerprint: Mapping[str, Any] = plain()["fingerprint"]


@pytest.mark.parametrize("change", [change_hardware, change_version, change_openmp, change_source])
def test_another_world_leads_elsewhere(
    change: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest(plain())
    change(monkeypatch)
    assert digest(plain()) != before


@dataclass(frozen=True)
class Own(Execution):
    """An evaluator of a plugin's."""


def test_a_plugins_source_counts_whatever_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "own"
    package.mkdir()
    found = set()
    monkeypatch.setattr(Own, "__module__", "own.evaluator")
    for text in ("a = 1", "a = 2"):
        (package / "__init__.py").write_text(text)
        monkeypatch.setitem(sys.modules, "own", ModuleType("own"))
        sys.modules["own"].__path__ = [str(package)]
        module._source.cache_clear()
        found.add(digest(context(MATMUL, MLIR, Own())))
    assert len(found) == 2
    assert set(context(MATMUL, MLIR, Own())["sources"]) == {"mlopt", "own"}


VALUES = st.one_of(st.booleans(), st.integers(-9, 9), st.floats(-9, 9), st.text(max_size=2))
SCHEDULES = st.dictionaries(st.text(max_size=2), VALUES, max_size=4).map(Schedule.of)


@settings(max_examples=40)
@given(SCHEDULES, SCHEDULES)
def test_schedules_share_an_address_only_if_they_are_the_same(one: Schedule, other: Schedule) -> None:
    same = repr(one) == repr(other) and json.dumps(list(one)) == json.dumps(list(other))
    assert (address("context", one) == address("context", other)) is same
    assert address("context", one) != address("another", one)


def test_the_order_of_decisions_counts_and_that_of_keys_does_not() -> None:
    assert address("c", Schedule.of({"a": 1, "b": 2})) != address("c", Schedule.of({"b": 2, "a": 1}))
    assert canonical({"a": 1, "b": [2, {"d": 1, "c": 2}]}) == canonical({"b": [2, {"c": 2, "d": 1}], "a": 1})

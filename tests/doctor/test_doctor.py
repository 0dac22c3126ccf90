"""What `mlopt doctor` sees, on machines that are made up, and on this one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from doubles import ToyBackend, fail

from mlopt.backend.triton import host
from mlopt.core import cgroup
from mlopt.core.comparison import Comparison
from mlopt.core.errors import CompileError, UserError
from mlopt.doctor import machine, measuring, software
from mlopt.doctor.finding import Finding, State, carry_out
from mlopt.workloads.matmul.workload import Matmul

Look = Callable[[], Iterator[Finding]]
LOOKS = [machine.cores, machine.governor, machine.turbo, machine.smt, machine.memory, machine.disk, machine.counters]


def states(findings: Iterator[Finding]) -> dict[str, State]:
    return {finding.subject: finding.state for finding in findings}


def test_a_look_that_fails_is_a_finding_of_its_own() -> None:
    def counters() -> Iterator[Finding]:
        yield Finding("first", State.OK, "")
        raise CompileError("no\nsuch thing")

    (found,) = carry_out(counters)
    assert (found.subject, found.state) == ("counters", State.BROKEN)
    assert found.detail == "CompileError: no such thing"
    assert "report it" in found.mend


def test_a_look_that_lacks_something_says_so_and_blames_nobody() -> None:
    def measuring() -> Iterator[Finding]:
        yield from ()
        raise UserError("no OpenMP runtime is installed: pip install intel-openmp")

    (found,) = carry_out(measuring)
    assert (found.subject, found.state) == ("measuring", State.BROKEN)
    assert found.detail == "no OpenMP runtime is installed: pip install intel-openmp"
    assert "fault" not in found.mend
    assert found.mend


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_at_this_machine_finds_something_and_what_is_limited_has_a_mend(look: Look) -> None:
    findings = list(look())
    assert findings
    assert all(finding.mend for finding in findings if finding.state in (State.LIMITED, State.BROKEN))


def test_a_package_that_breaks_when_it_is_imported_is_found_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "crumbling.py").write_text("raise OSError('libfoo.so: undefined symbol')")
    (tmp_path / "sound.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "hollow.py").write_text("import what_it_needs")

    def package(name: str) -> software.Package:
        return software.Package(name, name, name, State.ABSENT, State.BROKEN, "us")

    names = ("crumbling", "hollow", "sound", "nowhere")
    monkeypatch.setattr(software, "PACKAGES", tuple(map(package, names)))
    crumbling, hollow, sound, nowhere = software.packages()
    assert crumbling.state is State.BROKEN
    assert crumbling.detail == "OSError: libfoo.so: undefined symbol"
    assert "pip install" in crumbling.mend
    assert (hollow.state, hollow.detail) == (State.BROKEN, "ModuleNotFoundError: No module named 'what_it_needs'")
    assert sound == Finding("sound", State.OK, "found on the path")
    assert nowhere == Finding("nowhere", State.ABSENT, "not installed", "pip install nowhere (for us)")


def test_plugins_that_claim_one_name_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(software.plugins, "options", lambda: fail(UserError("a and b both have search/x")))
    assert states(software.python())["plugins"] is State.BROKEN


def test_a_missing_compiler_and_openmp_runtime_cost_something_each(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlopt.backend.mlir import openmp
    from mlopt.backend.mlir.driver import tools

    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(openmp, "library_path", lambda: fail(UserError("none")))
    monkeypatch.setattr(tools, "find", lambda name: fail(UserError("there is no mlir-opt")))
    assert states(software.compilers()) == {
        "OpenMP runtime": State.LIMITED,
        "mlir-opt": State.ABSENT,
        "C++ compiler": State.LIMITED,
    }


def test_a_store_that_cannot_be_written_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert states(software.store()) == {"MLflow store": State.OK}
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    assert states(software.store()) == {"MLflow store": State.LIMITED}


@pytest.mark.parametrize(
    ("governors", "state"),
    [([], State.ABSENT), (["performance"] * 2, State.OK), (["performance", "powersave"], State.LIMITED)],
)
def test_clocks_are_best_kept_high(tmp_path: Path, governors: list[str], state: State) -> None:
    for number, name in enumerate(governors):
        (tmp_path / f"cpu{number}" / "cpufreq").mkdir(parents=True)
        (tmp_path / f"cpu{number}" / "cpufreq" / "scaling_governor").write_text(f"{name}\n")
    assert states(machine.governor(tmp_path)) == {"governor": state}


@pytest.mark.parametrize(
    ("file", "content", "state", "mend"),
    [
        (None, "", State.ABSENT, ""),
        ("intel_pstate/no_turbo", "0", State.LIMITED, "echo 1 |"),
        ("intel_pstate/no_turbo", "1", State.OK, ""),
        ("cpufreq/boost", "1", State.LIMITED, "echo 0 |"),
        ("cpufreq/boost", "0", State.OK, ""),
    ],
)
def test_clocks_are_best_not_raised_by_turbo(
    tmp_path: Path, file: str | None, content: str, state: State, mend: str
) -> None:
    if file is not None:
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_text(f"{content}\n")
    (found,) = machine.turbo(tmp_path)
    assert (found.subject, found.state) == ("turbo", state)
    assert found.mend.startswith(mend)
    assert bool(found.mend) == bool(mend)


@pytest.mark.parametrize(("active", "state"), [(None, State.ABSENT), ("0", State.OK), ("1", State.LIMITED)])
def test_threads_are_best_not_made_to_share_cores(tmp_path: Path, active: str | None, state: State) -> None:
    for cpu in range(8):
        (tmp_path / f"cpu{cpu}" / "topology").mkdir(parents=True)
        (tmp_path / f"cpu{cpu}" / "topology" / "thread_siblings_list").write_text(f"{cpu % 4},{cpu % 4 + 4}\n")
    if active is not None:
        (tmp_path / "smt").mkdir()
        (tmp_path / "smt" / "active").write_text(f"{active}\n")
    (found,) = machine.smt(tmp_path)
    assert (found.subject, found.state) == ("SMT", state)
    assert ("backend.threads=4," in found.mend) == (state is State.LIMITED)


def test_a_share_of_cores_is_less_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (0.1, 0.0, 0.0))
    monkeypatch.setattr(cgroup, "cpu_limits", lambda: (0.5,))
    assert states(machine.cores()) == {"cores": State.OK, "pinning": State.LIMITED, "load": State.OK}
    monkeypatch.setattr(os, "getloadavg", lambda: (1e3, 0.0, 0.0))
    assert states(machine.cores())["load"] is State.LIMITED


def test_little_memory_and_disk_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "memory_limits", lambda: [1 << 28])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1 << 20))
    assert states(machine.memory()) == {"memory": State.LIMITED}
    assert states(machine.disk()) == {"disk": State.LIMITED, "cache": State.LIMITED}


def test_a_gpu_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "present", list)
    assert states(machine.gpu(tmp_path)) == {"GPU": State.ABSENT}
    (tmp_path / "nvidia0").touch()
    assert states(machine.gpu(tmp_path)) == {"GPU": State.LIMITED}
    gpus = [host.Present("NVIDIA H200", 90, "GPU-1"), host.Present("NVIDIA A10G", 86, "GPU-2")]
    monkeypatch.setattr(host, "present", lambda: gpus)
    (found,) = machine.gpu(tmp_path)
    assert (found.state, found.detail) == (State.OK, "NVIDIA H200, NVIDIA A10G (simulated at the rates of l4)")


def test_without_mlir_nothing_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlopt.backend import mlir

    monkeypatch.delattr(mlir, "bindings", raising=False)
    monkeypatch.delitem(sys.modules, "mlopt.backend.mlir.bindings", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (found,) = measuring.measuring()
    assert found.state is State.ABSENT
    assert "pip install torch-mlir" in found.mend


@pytest.mark.parametrize(
    ("same", "slowed", "expected"),
    [
        (Comparison(1.0, 1.0), Comparison(1.03, 0.001), [State.OK, State.OK]),
        (Comparison(1.05, 0.001), Comparison(1.03, 0.5), [State.LIMITED, State.LIMITED]),
        (Comparison(1.0, 1.0), Comparison(0.9, 0.001), [State.OK, State.LIMITED]),
    ],
)
def test_a_winner_over_oneself_and_a_slowdown_unseen_are_faults(
    same: Comparison, slowed: Comparison, expected: list[State], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def against_itself(contender: object, rng: object, slowdown: float) -> tuple[Comparison, Comparison]:
        asked.append(slowdown)
        return same, slowed

    monkeypatch.setattr(measuring, "against_itself", against_itself)
    findings = list(measuring.compare(ToyBackend(), Matmul(4, 4, 4), np.random.default_rng(0)))
    assert [finding.state for finding in findings] == expected
    assert asked == [measuring.SLOWDOWN]

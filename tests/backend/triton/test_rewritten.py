"""Kernels that were rewritten by somebody who need not be trusted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from mlopt.backend.triton import rewritten
from mlopt.backend.triton.backend import Triton
from mlopt.backend.triton.export import export
from mlopt.backend.triton.kernel_file import Source, source_of
from mlopt.backend.triton.target import Gpu
from mlopt.core.errors import CompileError, InvalidSchedule, UserError, WrongResult
from mlopt.core.schedule import Decision, Schedule
from mlopt.core.trial import Status, WorkerLost
from mlopt.evaluator.simulation import Simulation
from mlopt.executor.worker import Worker
from mlopt.protocols import SOURCE, RewritableSpace
from mlopt.runner import TrialWork
from mlopt.sandbox import confine
from mlopt.sandbox.confine import lacking
from mlopt.workloads.relu.workload import Relu
from mlopt.workloads.triton_file.workload import TritonFile

needs_sandbox = pytest.mark.skipif(bool(lacking()), reason="this system cannot confine a process")

CONFIG = {"BLOCK": 256, "num_warps": 4, "loads": "kept", "stores": "kept"}
DECISIONS = Schedule.of(CONFIG)  # type: ignore[arg-type]
WORKLOAD = Relu(shape=(1000,))

HOSTILE = """
import os, socket, subprocess, time

def attempt(name, action):
    try:
        found[name] = repr(action())
    except Exception as error:
        found[name] = type(error).__name__

found = {}
attempt("environment", lambda: os.environ["A_KEY"])
attempt("parent", lambda: open(f"/proc/{os.getppid()}/environ").read())
attempt("file", lambda: open("SECRET").read())
attempt("socket", lambda: socket.create_connection(("127.0.0.1", 80)))
attempt("kill", lambda: os.kill(os.getppid(), 9))
attempt("write", lambda: open("OUTSIDE", "w"))
time.perf_counter = lambda: 0.0
raise RuntimeError(__import__("json").dumps(found))
"""


@pytest.fixture
def backend(described: Callable[[str], Gpu]) -> Triton:
    return Triton(described("h200"))


def space(backend: Triton) -> RewritableSpace:
    found = backend.space(WORKLOAD)
    assert isinstance(found, RewritableSpace)
    return found


def with_text(text: str) -> Schedule:
    return DECISIONS.then(Decision(SOURCE, text))


def sandboxes(host: int) -> list[str]:
    """The command lines of those that a process has started."""
    lines = (" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))
    return [line for line in lines if "mlopt.sandbox.guest" in line and f", {host}, (" in line]


@needs_sandbox
def test_a_kernel_that_is_written_anew_costs_what_it_did_and_a_wrong_one_is_found(backend: Triton) -> None:
    text = space(backend).source
    given, same = (backend.build(WORKLOAD, schedule) for schedule in (DECISIONS, with_text(text)))
    cost = Simulation().evaluate(same, WORKLOAD, None).metrics
    assert cost == given.simulate()
    assert same.code_bytes() == given.code_bytes()
    assert "tt.func" in same.ir
    wrong = backend.build(WORKLOAD, with_text(text.replace("tl.maximum(a, 0.0)", "tl.maximum(a, 0.1)")))
    with pytest.raises(WrongResult, match="elements are wrong"):
        Simulation().evaluate(wrong, WORKLOAD, None)
    with pytest.raises(UserError, match="evaluator=simulation"):
        wrong.load()


LARGE = Relu(shape=(100_000,))
LESS = {
    "writes zeros": "tl.store(z + at, 0.0 * start.to(tl.float32))",
    "writes nothing": "pass",
    "writes half": "if start % (2 * BLOCK) == 0:\n            tl.store(z + at, tl.maximum(tl.load(x + at), 0.0))",
}


@needs_sandbox
@pytest.mark.parametrize("less", LESS.values(), ids=LESS)
def test_a_kernel_that_does_less_on_the_size_that_counts_is_found(backend: Triton, less: str) -> None:
    text = space(backend).source
    whole = text.replace(
        "    if start + BLOCK <= count:", f"    if count > 50000:\n        {less}\n    elif start + BLOCK <= count:"
    )
    assert whole != text
    honest = backend.build(LARGE, with_text(text + "\n# rewritten\n"))
    Simulation().evaluate(honest, LARGE, None)
    cheat = backend.build(LARGE, with_text(whole))
    with pytest.raises(WrongResult, match="on the whole size"):
        Simulation().evaluate(cheat, LARGE, None)


@needs_sandbox
def test_a_kernel_that_does_not_compile_is_a_compile_error(backend: Triton) -> None:
    text = space(backend).source.replace("tl.maximum(a, 0.0)", "tl.maximum(a, 0.0, 1, 2, 3, 4)")
    with pytest.raises(CompileError, match="at 5:25"):
        backend.build(WORKLOAD, with_text(text))


@needs_sandbox
def test_a_file_that_runs_anything_finds_nothing_and_reaches_nobody(
    backend: Triton, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules of what may be written let none of this through; here it is run all the same."""
    monkeypatch.setenv("A_KEY", "sk-secret")
    (tmp_path / "secret").write_text("sk-secret")
    text = HOSTILE.replace("SECRET", str(tmp_path / "secret")).replace("OUTSIDE", str(tmp_path / "outside"))
    given = source_of(WORKLOAD)
    with pytest.raises(CompileError) as raised:
        rewritten.build(WORKLOAD, given, replace(given, text=text), CONFIG, backend.gpu)
    words = str(raised.value)
    attempts = json.loads(words[words.index("{") : words.rindex("}") + 1])
    assert attempts == {
        "environment": "KeyError",
        **dict.fromkeys(("parent", "file", "socket", "kill", "write"), "PermissionError"),
    }
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["secret"]


@needs_sandbox
def test_one_that_never_ends_is_a_timeout_and_nothing_of_it_stays(backend: Triton) -> None:
    """It ends with its worker, wherever the sandbox is at that moment."""
    begin = "    start = tl.program_id(0)"
    text = space(backend).source.replace(begin, f"    for i in range(0, 1 << 40):\n        i += 1\n{begin}")
    worker = Worker(("mlopt.runner", *backend.preload))
    try:
        pid = worker.run(os.getpid, 100.0)
        with pytest.raises(WorkerLost) as raised:
            worker.run(TrialWork(WORKLOAD, backend, Simulation(), with_text(text), None), 3.0)
        assert raised.value.status is Status.TIMEOUT
        assert sandboxes(pid) == []
    finally:
        worker.close()


def test_what_may_not_be_written_is_an_invalid_schedule_and_never_run(backend: Triton) -> None:
    with pytest.raises(InvalidSchedule, match="neither a kernel nor a constant"):
        backend.build(WORKLOAD, with_text("raise SystemExit\n"))


def test_decisions_that_are_not_legal_stay_so(backend: Triton) -> None:
    wrong = Schedule.of({**CONFIG, "BLOCK": 3}).then(Decision(SOURCE, space(backend).source))
    with pytest.raises(InvalidSchedule, match="BLOCK=3 is not legal"):
        space(backend).check(wrong)
    assert space(backend).options(with_text("")) == ()


def test_a_file_without_marks_cannot_be_rewritten(backend: Triton, tmp_path: Path) -> None:
    path = tmp_path / "kernel.py"
    path.write_text(
        "import torch\nKNOBS = {'A': [1]}\ndef launch(x): return x\ndef inputs(): return torch.ones(3)\n"
        "def reference(x): return x\n"
    )
    workload = TritonFile(str(path))
    assert not isinstance(backend.space(workload), RewritableSpace)
    with pytest.raises(InvalidSchedule):
        backend.build(workload, Schedule.of({"A": 1, SOURCE: "x = 1\n"}))


def test_a_cost_that_no_kernel_can_have_is_a_wrong_result(backend: Triton) -> None:
    source = Source("", "relu")
    least = rewritten.least_seconds(WORKLOAD, backend.gpu)
    program = rewritten.RewrittenProgram(WORKLOAD, source, source, {}, backend.gpu, "", 0, {"cost": least}, {})
    assert program.simulate() == {"cost": least}
    with pytest.raises(WrongResult, match="at least"):
        replace(program, metrics={"cost": 0.9 * least}).simulate()


def test_an_export_has_the_file_as_it_was_given_beside_the_rewritten_one(backend: Triton, tmp_path: Path) -> None:
    given = source_of(WORKLOAD)
    new = replace(given, text=f"{given.text}# rewritten\n")
    program = rewritten.RewrittenProgram(WORKLOAD, given, new, CONFIG, backend.gpu, "", 0, {}, {})
    export(WORKLOAD, program, tmp_path / "best")
    assert (tmp_path / "best" / "given.py").read_text() == given.text
    assert (tmp_path / "best" / "kernel.py").read_text() == new.text


def test_a_system_that_cannot_confine_is_refused_unless_told_otherwise(
    backend: Triton, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confine, "lacking", lambda: ["files", "networks"])
    with pytest.raises(UserError, match=r"cannot be kept from files and networks .* backend\.isolation=available"):
        space(backend).unprotected()
    with pytest.raises(UserError, match=r"backend\.isolation"):
        backend.build(WORKLOAD, with_text(space(backend).source))
    assert space(replace(backend, isolation="available")).unprotected() == ["files", "networks"]


def test_an_unknown_isolation_is_refused(backend: Triton) -> None:
    with pytest.raises(UserError, match=r"backend\.isolation=require must be .*did you mean 'required'"):
        replace(backend, isolation="require")  # type: ignore[arg-type]


def test_what_killed_workers_have_left_is_removed_when_the_study_s_process_ends(tmp_path: Path) -> None:
    code = (
        "import tempfile; from pathlib import Path; from mlopt.sandbox import host; "
        "from mlopt.backend.triton.isolation import unprotected; unprotected('available'); "
        "Path(tempfile.gettempdir(), f'{host._prefix()}1-1-left').mkdir()"  # of one that began before the first process
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, check=True)
    assert list(tmp_path.iterdir()) == []


USERS = """
import torch, triton, triton.language as tl
from blocks import SIZES

KNOBS = {"BLOCK": SIZES}

# EVOLVE-BLOCK-START
@triton.jit
def double(x, y, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + at, 2 * tl.load(x + at, mask=at < n), mask=at < n)
# EVOLVE-BLOCK-END

def launch(x, *, config):
    y = torch.empty_like(x)
    double[(triton.cdiv(x.numel(), config["BLOCK"]),)](x, y, x.numel(), BLOCK=config["BLOCK"])
    return y

def inputs():
    return torch.randn(1000)

def reference(x):
    return 2 * x
"""


@needs_sandbox
def test_what_a_users_file_imports_of_its_folder_is_in_the_sandbox_too(backend: Triton, tmp_path: Path) -> None:
    (tmp_path / "blocks.py").write_text("SIZES = [64, 128]\n")
    (tmp_path / "k.py").write_text(USERS)
    workload = TritonFile(str(tmp_path / "k.py"))
    found = backend.space(workload)
    assert isinstance(found, RewritableSpace)
    program = backend.build(workload, Schedule.of({"BLOCK": 64, SOURCE: found.source.replace("2 *", "2.0 *")}))
    assert Simulation().evaluate(program, workload, None).metrics["cost"] > 0

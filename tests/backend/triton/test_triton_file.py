"""A user's own kernel: found, judged by its own reference, tuned from its own configurations."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from user_kernel import FILE

from mlopt.backend.triton.backend import Triton
from mlopt.backend.triton.target import Gpu
from mlopt.core.errors import UserError, WrongResult
from mlopt.core.schedule import Schedule
from mlopt.evaluator.simulation import Simulation
from mlopt.protocols import Workload
from mlopt.testing import WorkloadContract
from mlopt.testing.workload import within_tolerance
from mlopt.workloads.triton_file.workload import TritonFile

PRODUCT = (
    FILE[: FILE.index("def inputs")]
    + """
def inputs(k=1024):
    return torch.randn(8, k).half(), torch.randn(k, 8).half()

def reference(a, b):
    return a @ b
"""
)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str = FILE) -> str:
        path = tmp_path / "k.py"
        path.write_text(text)
        return str(path)

    return write


class TestTritonFile(WorkloadContract):
    @pytest.fixture(autouse=True)
    def written(self, file: Callable[[str], str]) -> None:
        self.path = file(FILE)

    def make(self) -> Workload:
        return TritonFile(self.path)

    @pytest.mark.skip(reason="the reference is in the user's file, which is exported beside it: see below")
    def test_the_reference_stands_alone(self) -> None: ...


def test_its_configurations_are_where_to_begin_and_what_lies_between_is_the_space(
    file: Callable[..., str], described: Callable[[str], Gpu]
) -> None:
    space = Triton(described("h200")).space(TritonFile(file()))
    hint = space.hints()[0]
    assert (hint["BLOCK"], hint["num_warps"]) == (64, 1)
    assert {knob.name: knob.values for knob in space.knobs}["BLOCK"] == (32, 64, 128, 256, 512)


def test_it_is_compiled_verified_and_exported_to_run_on_its_own(
    file: Callable[..., str], described: Callable[[str], Gpu], tmp_path: Path
) -> None:
    import triton

    workload, backend = TritonFile(file(), kernel="double", sizes={"n": 333}), Triton(described("h200"))
    schedule = Schedule.of({**backend.space(workload).hints()[1]})
    program = backend.build(workload, schedule)
    assert program.launches[0].grid == (2, 1, 1)
    assert Simulation().evaluate(program, workload, None).metrics["cost"] > 0
    backend.export(workload, schedule, tmp_path / "best")
    config = triton.Config(**json.loads((tmp_path / "best" / "config.json").read_text()))
    assert (config.kwargs, config.num_warps) == ({"BLOCK": 256}, 2)
    command = [sys.executable, "-W", "ignore", str(tmp_path / "best" / "rerun.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_kernel_is_found_by_the_files_own_reference(
    file: Callable[..., str], described: Callable[[str], Gpu]
) -> None:
    workload = TritonFile(file(FILE.replace("mask=at < n), mask=at < n)", "mask=at < n), mask=at < n - 1)")))
    backend = Triton(described("h200"))
    program = backend.build(workload, Schedule.of({**backend.space(workload).hints()[0]}))
    with pytest.raises(WrongResult):
        Simulation()._verify(program)


@pytest.mark.parametrize("k", [64, 1024, 16384])
def test_the_tolerance_passes_roundings_and_fails_a_term_left_out(file: Callable[..., str], k: int) -> None:
    workload = TritonFile(file(PRODUCT), sizes={"k": k})
    a, b = workload.inputs(np.random.default_rng(0), "normal")
    right = (a.astype(np.float32) @ b.astype(np.float32)).astype(np.float16)
    assert within_tolerance(workload, (a, b), [right])
    half = a[:, : k - 1].astype(np.float32) @ b[: k - 1].astype(np.float32)
    assert not within_tolerance(workload, (a, b), [half.astype(np.float16)])
    in_half = np.zeros((8, 8), np.float16)
    for column in range(k):
        in_half += np.outer(a[:, column], b[column])
    assert k < 1024 or not within_tolerance(workload, (a, b), [in_half])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FILE.replace("def reference", "def other"), "has no function reference"),
        (FILE.replace("torch.randn(n)", "torch.randn(n, dtype=1)"), "inputs of the kernel's file failed"),
        (FILE.replace("def launch", "def start"), "no function launch"),
        ("import nothing_like_it", "cannot be loaded"),
    ],
)
def test_what_is_missing_in_the_file_is_said_in_a_line(file: Callable[..., str], text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        TritonFile(file(text)).operands  # noqa: B018
    assert "\n" not in str(caught.value)


def test_a_kernel_that_is_not_there_and_a_file_that_is_not_there_are_mistakes(file: Callable[..., str]) -> None:
    with pytest.raises(UserError, match="called triple"):
        TritonFile(file(), kernel="triple").operands  # noqa: B018
    with pytest.raises(UserError, match="cannot read"):
        TritonFile("/nowhere/k.py").source("triton")
    with pytest.raises(UserError, match="backend=triton"):
        TritonFile(file()).source("mlir")


DECORATED = (
    FILE.replace("num_warps=1)", "num_warps=1, pre_hook=prepare)")
    .replace("num_warps=2)", "num_warps=2, pre_hook=prepare)")
    .replace(
        "@triton.autotune",
        "def prepare(arguments):\n    arguments['y'].fill_(1)\n\n@triton.heuristics({})\n@triton.autotune",
    )
    .replace("2 * tl.load(x + at, mask=at < n)", "2 * tl.load(x + at, mask=at < n) * tl.load(y + at, mask=at < n)")
    .replace(
        "def launch(x):",
        """
@triton.autotune([triton.Config({"WIDTH": 32}), triton.Config({"WIDTH": 64})], key=["n"])
@triton.jit
def halve(y, n, WIDTH: tl.constexpr):
    at = tl.program_id(0) * WIDTH + tl.arange(0, WIDTH)
    tl.store(y + at, tl.load(y + at, mask=at < n) / 2, mask=at < n)

def launch(x):""",
    )
    .replace(
        "    return y\n",
        "    halve[lambda meta: (triton.cdiv(x.numel(), meta['WIDTH']),)](y, x.numel())\n    return y\n",
    )
    .replace("return 2 * x", "return x")
)
"""A kernel under two decorators, with a hook that it needs, beside another one that has configurations of its own."""


def test_what_else_decorators_say_holds_in_a_study_and_in_the_export(
    file: Callable[..., str], described: Callable[[str], Gpu], tmp_path: Path
) -> None:
    workload, backend = TritonFile(file(DECORATED), kernel="double", sizes={"n": 100}), Triton(described("h200"))
    schedule = Schedule.of({**backend.space(workload).hints()[0]})
    program = backend.build(workload, schedule)
    assert [launch.grid[0] for launch in program.launches] == [2, 4]
    Simulation()._verify(program)
    backend.export(workload, schedule, tmp_path / "best")
    command = [sys.executable, "-W", "ignore", str(tmp_path / "best" / "rerun.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


NARROW = (
    FILE.replace("torch.randn(n)", "torch.randn(64, n)")
    .replace("return 2 * x", "return torch.softmax(x, -1).to(torch.DTYPE)")
)  # fmt: skip


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float8_e4m3fn"])
def test_a_result_of_a_narrow_dtype_may_be_rounded_to_its_neighbour_and_no_farther(
    file: Callable[..., str], dtype: str
) -> None:
    workload = TritonFile(file(NARROW.replace("DTYPE", dtype)), sizes={"n": 256})
    (x,) = workload.inputs(np.random.default_rng(0), "normal")
    weights = np.exp2((x - x.max(-1, keepdims=True)) * np.float32(np.log2(np.e)))
    other_order = weights / np.cumsum(weights[:, ::-1], -1, dtype=np.float32)[:, -1:]
    assert within_tolerance(workload, (x,), [other_order.astype(dtype)])
    epsilon = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float8_e4m3fn": 2.0**-3}[dtype]
    assert not within_tolerance(workload, (x,), [(other_order * (1 + 3 * epsilon)).astype(dtype)])

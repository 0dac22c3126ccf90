"""Kernels compiled ahead of time for a GPU that is not at hand: verified by an interpreter, and simulated."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mlopt.backend.triton import backend, program
from mlopt.backend.triton.backend import Triton
from mlopt.backend.triton.cost.ttir import element_bytes, shape
from mlopt.backend.triton.cost.work import work
from mlopt.backend.triton.program import TritonProgram
from mlopt.backend.triton.target import Gpu, gpu
from mlopt.core.errors import CompileError, InvalidSchedule, UserError, WrongResult
from mlopt.core.schedule import Schedule
from mlopt.evaluator.simulation import Simulation
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.matmul.workload import Matmul

TARGETS = Path(__file__).parents[3] / "conf" / "target"
KEPT = {"loads": "kept", "stores": "kept"}
TILE = {
    "variant": "tiles",
    "BLOCK_M": 32,
    "BLOCK_N": 32,
    "BLOCK_K": 16,
    "GROUP": 2,
    "num_warps": 2,
    "num_stages": 3,
    **KEPT,
}


def described(name: str = "h200") -> Gpu:
    figures = yaml.safe_load((TARGETS / f"{name}.yaml").read_text())
    return gpu(**{key: value for key, value in figures.items() if key != "_target_"})


def built(workload: Matmul, **knobs: object) -> TritonProgram:
    values = {**TILE, **knobs}
    return Triton(described()).build(workload, Schedule.of(values))  # type: ignore[arg-type]


VARIANTS = [
    *itertools.product(("tiles", "persistent", "descriptor"), ("fp8", "bf16", "f16", "tf32", "f32")),
    *itertools.product(("persistent_descriptor",), ("fp8", "f16")),
]


@pytest.mark.parametrize(("variant", "dtype"), VARIANTS)
def test_every_variant_is_right_on_sizes_that_cut_its_tiles_short(variant: str, dtype: str) -> None:
    program = built(Matmul(m=64, n=64, k=64, dtype=dtype), variant=variant, BLOCK_K=32)
    assert Simulation().evaluate(program, program.workload, None).metrics["cost"] > 0


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("rest = k - step * K", "rest = k - step * K + 1"),
        ("(j[None, :] < n)", "(j[None, :] < n - 1)"),
        ("range(0, tl.cdiv(k, K))", "range(1, tl.cdiv(k, K))"),
    ],
)
def test_a_kernel_with_a_fault_of_one_line_is_wrong(right: str, wrong: str) -> None:
    program = built(Matmul(m=64, n=64, k=64, dtype="f16"))
    assert right in program.source.text
    faulty = replace(program.source, text=program.source.text.replace(right, wrong))
    with pytest.raises(WrongResult):
        Simulation()._verify(replace(program, source=faulty))


def test_products_of_half_precision_use_the_tensor_cores_and_others_do_not() -> None:
    tile = {"BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 32, "num_warps": 4}
    half, single = (built(Matmul(dtype=dtype), **tile) for dtype in ("f16", "f32"))
    assert "wgmma" in half.launches[0].kernel.asm["ptx"]
    assert half.simulate()["tensor_share"] > 0
    assert single.simulate()["tensor_share"] == 0
    assert half.simulate()["tensor_instructions"] > single.simulate()["tensor_instructions"] == 0
    assert single.simulate()["memory_instructions"] > 0


@pytest.mark.parametrize(("variant", "loads"), [("tiles", "b_streamed"), ("descriptor", "kept")])
def test_hints_are_in_the_machine_code_and_simulation_takes_them_for_no_speed(variant: str, loads: str) -> None:
    backend = Triton(replace(described(), l2_bytes=1 << 20))
    tile = {**TILE, "variant": variant, "BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 64, "num_warps": 4, "num_stages": 1}
    plain, hinted = (
        backend.build(Matmul(1024, 1024, 1024, "f16"), Schedule.of({**tile, **hints}))
        for hints in (KEPT, {"loads": loads, "stores": "streamed"})
    )
    before, after = (program.launches[0].kernel.asm["ptx"] for program in (plain, hinted))
    assert "st.global.cs" in after
    assert "st.global.cs" not in before
    for policy in ("evict_first", "evict_last"):
        assert policy not in before
        assert (policy in after) is (loads != "kept")
    costs = [program.simulate() for program in (plain, hinted)]
    assert costs[0]["memory_bytes"] == costs[1]["memory_bytes"]
    assert costs[0]["cost"] <= costs[1]["cost"] < 1.1 * costs[0]["cost"]


@pytest.mark.parametrize("name", ["h200", "l4"])
def test_products_of_fp8_are_added_in_float32(name: str) -> None:
    tile = {**TILE, "BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 64, "num_warps": 4}
    backend, schedule = Triton(described(name)), Schedule.of(tile)
    fp8, half = (backend.build(Matmul(1024, 1024, 1024, dtype), schedule) for dtype in ("fp8", "f16"))
    of_fp8, of_half = (program.launches[0].kernel.asm["ptx"] for program in (fp8, half))
    assert ".f32.e4m3.e4m3" in of_fp8
    assert of_fp8.count("add.f32") - of_half.count("add.f32") >= 64 * 64 // 128
    assert fp8.simulate()["cost"] < half.simulate()["cost"]


def test_a_gpu_without_products_of_fp8_has_no_space_of_them() -> None:
    with pytest.raises(UserError, match="the gpu multiplies this dtype"):
        Triton(described("a100")).space(Matmul(dtype="fp8"))


def test_the_same_program_always_costs_the_same_and_more_work_more() -> None:
    small, large = Matmul(256, 256, 256, "f16"), Matmul(2048, 2048, 2048, "f16")
    assert built(small).simulate() == built(small).simulate()
    assert built(large).simulate()["cost"] > 10 * built(small).simulate()["cost"]


def test_work_and_bytes_are_those_of_the_whole_product() -> None:
    from mlopt.backend.triton.cost.ttir import parse

    program = built(Matmul(m=96, n=64, k=80, dtype="f16"))
    (launch,) = program.launches
    found = work(*parse(launch.kernel.asm["ttir"]), launch.arguments, launch.grid, _numbers(launch.grid[0]))
    (dot,) = found.dots
    assert launch.grid == (3 * 2, 1, 1)
    assert float(dot.turns.mean()) * dot.m * dot.n * dot.k * launch.grid[0] == 96 * 64 * 80
    stored = sum(access.sectors * 32 * 6 for access in found.accesses if access.stores)
    assert stored == 96 * 64 * 2


def _numbers(count: int) -> object:
    import numpy as np

    return np.arange(count)


def test_the_space_keeps_to_shared_memory_and_descriptors_to_aligned_rows() -> None:
    space = Triton(described()).space(Matmul(512, 509, 512, "f16"))
    roomy = Triton(described()).space(Matmul(512, 512, 512, "f16"))
    tight = Triton(replace(described(), shared_bytes_per_block=49152)).space(Matmul(512, 512, 512, "f16"))
    assert [option.value for option in space.options(Schedule())] == ["tiles", "persistent"]
    assert space.count() < roomy.count()
    assert 0 < tight.count() < roomy.count()
    for hint in roomy.hints():
        roomy.check(Schedule.of(dict(hint)))


def test_a_knob_says_what_triton_does_with_it_and_what_must_hold_from_it_on() -> None:
    purposes = {knob.name: knob.purpose for knob in Triton(described()).space(Matmul(512, 512, 512, "f16")).knobs}
    assert purposes["num_stages"].startswith("stages of the pipeline")
    assert "must be that shared memory holds the stages" in purposes["num_stages"]
    assert "must be that registers hold the sums" in purposes["num_warps"]


@pytest.mark.parametrize(
    ("BLOCK_M", "num_warps", "name", "dtype"),
    [(64, 4, "h200", "f16"), (64, 4, "h200", "tf32"), (64, 2, "h200", "f16"), (64, 4, "l4", "f16")],
)
def test_what_a_configuration_takes_of_shared_memory_is_known_before_it_is_compiled(
    BLOCK_M: int, num_warps: int, name: str, dtype: str
) -> None:
    assert_shared_memory_is_foreseen(name, dtype, variant="tiles", BLOCK_M=BLOCK_M, BLOCK_N=64, num_warps=num_warps)


@pytest.mark.parametrize(("BLOCK_M", "BLOCK_N", "dtype"), [(32, 256, "f32"), (128, 256, "f16")])
def test_so_is_what_a_persistent_program_takes_to_store_a_tile_while_the_next_waits(
    BLOCK_M: int, BLOCK_N: int, dtype: str
) -> None:
    assert_shared_memory_is_foreseen("h200", dtype, variant="persistent", BLOCK_M=BLOCK_M, BLOCK_N=BLOCK_N, num_warps=8)


def assert_shared_memory_is_foreseen(name: str, dtype: str, **knobs: object) -> None:
    workload, schedule = Matmul(1024, 1024, 1024, dtype), Schedule.of({**TILE, "BLOCK_K": 64, "num_stages": 3, **knobs})
    taken = int(Triton(described(name)).build(workload, schedule).simulate()["shared_bytes"])
    Triton(replace(described(name), shared_bytes_per_block=taken)).space(workload).check(schedule)
    with pytest.raises(InvalidSchedule):
        Triton(replace(described(name), shared_bytes_per_block=taken - 1)).space(workload).check(schedule)


def test_a_block_that_the_gpu_has_no_room_for_is_no_program() -> None:
    program = built(Matmul(dtype="f16"), BLOCK_M=64, BLOCK_N=64, BLOCK_K=32, num_warps=4)
    with pytest.raises(CompileError, match="shared memory"):
        replace(program, gpu=replace(program.gpu, shared_bytes_per_block=1024)).simulate()


def test_what_cannot_be_compiled_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no program for a backend"):
        Triton(described()).space(Conv2d())
    monkeypatch.setattr(backend, "present", tuple)
    monkeypatch.setattr(program, "present", tuple)
    with pytest.raises(UserError, match="there is no GPU here"):
        Triton(None).space(Matmul())
    with pytest.raises(UserError, match="evaluator=simulation"):
        built(Matmul(dtype="f16")).load()
    with pytest.raises(UserError, match="on GPUs only"):
        Matmul(dtype="f16").source("mlir")


def exported(workload: Matmul, folder: Path, **knobs: object) -> None:
    program = built(workload, **knobs)
    Triton(described()).export(workload, Schedule.of(dict(program.config)), folder / "best")


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """What was exported there."""
    command = [sys.executable, "-W", "ignore", str(folder / "best" / "rerun.py")]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_an_exported_kernel_of_fp8_runs_without_mlopt(tmp_path: Path) -> None:
    exported(Matmul(m=64, n=64, k=64, dtype="fp8"), tmp_path, BLOCK_K=32)
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr


def test_an_exported_kernel_runs_without_mlopt_and_tells_a_wrong_result(tmp_path: Path) -> None:
    exported(Matmul(m=64, n=64, k=64, dtype="bf16"), tmp_path)
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0
    kernel = tmp_path / "best" / "kernel.py"
    kernel.write_text(kernel.read_text().replace("sums.to(", "(sums + 1).to("))
    done = run(tmp_path)
    assert (done.returncode, done.stdout.strip()) == (1, "wrong result"), done.stderr


def test_the_end_of_a_tile_counts_once_a_tile_where_loops_are_made_one() -> None:
    tile = {**TILE, "BLOCK_M": 64, "BLOCK_N": 128, "BLOCK_K": 32, "num_warps": 4}
    backend, workload = Triton(described()), Matmul(4096, 4096, 4096, "f16")
    plain, persistent = (
        backend.build(workload, Schedule.of({"variant": name, **tile})).simulate()
        for name in ("descriptor", "persistent_descriptor")
    )
    of_all = [figures["tensor_instructions"] * figures["programs"] for figures in (plain, persistent)]
    assert of_all[0] == pytest.approx(of_all[1], rel=0.02)
    assert persistent["cost"] < 1.1 * plain["cost"]


@pytest.mark.parametrize(
    "kind", ["!tt.tensordesc<1x64x32xf16>", "!tt.tensordesc<tensor<1x64x32xf16>>", "tensor<1x64x32x!tt.ptr<f16>>"]
)
def test_tiles_have_their_size_in_the_notation_of_every_triton(kind: str) -> None:
    assert (shape(kind), element_bytes(kind)) == ((1, 64, 32), 2)

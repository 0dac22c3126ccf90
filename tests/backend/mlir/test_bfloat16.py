"""Kernels on bfloat16: widened on any CPU, or by dot products of pairs, which are imitated where the CPU has none."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from mlopt.backend.mlir import problem as problems
from mlopt.backend.mlir import transform
from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.bindings import PassManager, active, apply_named_sequence, ir
from mlopt.backend.mlir.lowering import lowering
from mlopt.backend.mlir.machine_code import compile_llvm
from mlopt.backend.mlir.payload.bfloat16 import narrow_products
from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.backend.mlir.program import MlirKernel
from mlopt.backend.mlir.simd import Simd
from mlopt.backend.mlir.space.product import ProductKnobs
from mlopt.backend.mlir.space.program import ProgramSpace
from mlopt.core.schedule import Schedule, Value
from mlopt.evaluator.correctness import DISTRIBUTIONS, case, empty
from mlopt.protocols import Workload
from mlopt.search.draw import Draw
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.mlp.workload import Mlp

SIMD = Simd(lanes=16, registers=32, dots=True)
LLC = shutil.which("llc-22")
TRANSLATE = shutil.which("mlir-translate-22")
WORKLOADS: dict[str, Workload] = {
    "matmul": Matmul(m=37, n=61, k=53, dtype="bf16"),
    "mlp": Mlp(m=33, d_model=47, d_ff=95, dtype="bf16"),
    "attention": Attention(heads=4, kv_heads=2, seq=21, kv_seq=33, head_dim=20, causal=True, dtype="bf16"),
}
DOT = "llvm.x86.avx512bf16.dpbf16ps.512"
IMITATION = """
llvm.func @dot(%sum: vector<16xf32>, %a: vector<32xbf16>, %b: vector<32xbf16>) -> vector<16xf32> {
  %half = llvm.mlir.constant(dense<16> : vector<16xi32>) : vector<16xi32>
  %high = llvm.mlir.constant(dense<-65536> : vector<16xi32>) : vector<16xi32>
  %a_bits = llvm.bitcast %a : vector<32xbf16> to vector<16xi32>
  %b_bits = llvm.bitcast %b : vector<32xbf16> to vector<16xi32>
  %a_first = llvm.shl %a_bits, %half : vector<16xi32>
  %b_first = llvm.shl %b_bits, %half : vector<16xi32>
  %a_second = llvm.and %a_bits, %high : vector<16xi32>
  %b_second = llvm.and %b_bits, %high : vector<16xi32>
  %a0 = llvm.bitcast %a_first : vector<16xi32> to vector<16xf32>
  %b0 = llvm.bitcast %b_first : vector<16xi32> to vector<16xf32>
  %a1 = llvm.bitcast %a_second : vector<16xi32> to vector<16xf32>
  %b1 = llvm.bitcast %b_second : vector<16xi32> to vector<16xf32>
  %second = llvm.fmul %a1, %b1 : vector<16xf32>
  %first = llvm.fmul %a0, %b0 : vector<16xf32>
  %partial = llvm.fadd %sum, %second : vector<16xf32>
  %total = llvm.fadd %partial, %first : vector<16xf32>
  llvm.return %total : vector<16xf32>
}
// LLVM moves bfloat16 through float32 where a CPU has no instructions for it; then there is nothing to be rounded.
llvm.func @__truncsfbf2(%x: f32) -> bf16 {
  %half = llvm.mlir.constant(16 : i32) : i32
  %bits = llvm.bitcast %x : f32 to i32
  %kept = llvm.lshr %bits, %half : i32
  %short = llvm.trunc %kept : i32 to i16
  %y = llvm.bitcast %short : i16 to bf16
  llvm.return %y : bf16
}
"""
"""What a CPU with AVX512-BF16 does by itself."""


def narrowed(workload: Workload) -> tuple[str, ProgramSpace]:
    """The program whose products read bfloat16, and its space."""
    with active():
        module = parse(workload.source("mlir"))
        prepare(module)
        narrow_products(module)
        nests = finish(module)
        return str(module), ProgramSpace(nests, SIMD, threads=1)


def lowered(text: str, space: ProgramSpace, schedule: Schedule) -> str:
    """A program in the LLVM dialect. Needs an active context."""
    module, script = ir.Module.parse(text), transform.program.transformation(space, schedule)
    apply_named_sequence(module, script.body.operations[0], script)
    PassManager.parse(lowering(parallel=False)).run(module.operation)
    return str(module)


def imitated(text: str) -> Any:
    """Machine code in which the dot product is a function. Needs an active context."""
    calling = re.sub(rf'llvm\.call_intrinsic "{DOT}"', "llvm.call @dot", text)
    return compile_llvm(ir.Module.parse(calling[: calling.rindex("}")] + IMITATION + "}"), level=2)


def schedules(space: Any, count: int) -> list[Schedule]:
    draw = Draw(space, np.random.default_rng(0))
    return [schedule for _ in range(count) if (schedule := draw.fresh())]


@pytest.mark.parametrize("name", WORKLOADS)
def test_widened_kernels_are_right_on_any_cpu(name: str) -> None:
    workload, backend = WORKLOADS[name], Mlir(threads=1)
    outputs = [empty(spec) for spec in workload.outputs]
    for schedule in (None, *schedules(backend.space(workload), 5)):
        kernel = backend.build(workload, schedule).load()
        for number in range(len(DISTRIBUTIONS)):
            case(workload, 0, number).check(kernel, outputs)


def test_a_search_begins_with_pairs_where_there_are_dot_products_of_them() -> None:
    space = problems.problem.__wrapped__(WORKLOADS["mlp"].source("mlir"), 1, SIMD).space
    assert [hint["products"] for hint in space.hints()][:2] == ["pairs", "float32"]


def test_attention_has_its_other_algorithm_on_bfloat16_too() -> None:
    workload, backend = Attention(heads=2, kv_heads=2, seq=32, kv_seq=64, head_dim=16, dtype="bf16"), Mlir(threads=1)
    space, outputs = backend.space(workload), [empty(spec) for spec in workload.outputs]
    schedule = Schedule()
    while options := space.options(schedule):
        schedule = schedule.then(next((each for each in options if each.value in ("float32", "online")), options[0]))
    assert schedule.values()["algorithm"] == "online"
    case(workload, 0, 0).check(backend.build(workload, schedule).load(), outputs)


@pytest.mark.parametrize("name", WORKLOADS)
def test_kernels_of_pairs_are_right_at_odd_sizes(name: str) -> None:
    workload = WORKLOADS[name]
    text, space = narrowed(workload)
    products = [inner for inner in space.inner.values() if isinstance(inner, ProductKnobs) and inner.product.pairs]
    assert len(products) == (1 if name == "matmul" else 2)
    outputs = [empty(spec) for spec in workload.outputs]
    for schedule in schedules(space, 5):
        with active():
            code = lowered(text, space, schedule)
            assert code.count(DOT) >= len(products)
            kernel = MlirKernel(imitated(code), workload.name, threads=0)
        for number in range(len(DISTRIBUTIONS)):
            case(workload, 0, number).check(kernel, outputs)


@pytest.mark.parametrize(("k", "sums"), [(54, 1), (53, 2), (3, 1)])
def test_rows_that_fill_no_register_tile_of_pairs_and_an_odd_term_are_split_off(k: int, sums: int) -> None:
    text, space = narrowed(Matmul(m=37, n=64, k=k, dtype="bf16"))
    with active():
        code = lowered(text, space, wanted(space, {"parallel": "j", "reg_n": 16, "reg_m": 14}))
    assert code.count(DOT) == sums * (14 + 37 % 14)


def wanted(space: ProgramSpace, values: Mapping[str, Value]) -> Schedule:
    """The schedule of these values, with the last option elsewhere."""
    schedule = Schedule()
    while options := space.options(schedule):
        value = values.get(options[0].knob.rpartition(".")[2])
        schedule = schedule.then(next((each for each in options if each.value == value), options[-1]))
    return schedule


@functools.cache
def assembly() -> str:
    """A product of 64 x 64 x 64 in tiles of 4 x 32, for a CPU with AVX512-BF16."""
    if not (LLC and TRANSLATE):
        pytest.skip("LLVM's tools are not installed")
    text, space = narrowed(Matmul(m=64, n=64, k=64, dtype="bf16"))
    schedule = wanted(space, {"reg_n": 32, "reg_m": 4, "pack_b": "block", "accumulate": "block"})
    with active():
        code = lowered(text, space, schedule)
    translated = subprocess.run([TRANSLATE, "--mlir-to-llvmir"], input=code, capture_output=True, text=True, check=True)
    words = [LLC, "-O2", "-mtriple=x86_64-linux-gnu", "-mattr=+avx512bf16,+avx512vl"]
    return subprocess.run(words, input=translated.stdout, capture_output=True, text=True, check=True).stdout


def test_a_register_tile_is_multiplied_by_the_cpus_instruction_and_nothing_is_called() -> None:
    assert len(re.findall(r"\bvdpbf16ps\b", assembly())) == 4 * 2
    assert "truncsfbf2" not in assembly()


@pytest.mark.parametrize("name", WORKLOADS)
def test_only_a_cpu_with_dot_products_of_pairs_is_offered_them(name: str) -> None:
    source = WORKLOADS[name].source("mlir")
    offered = {}
    for simd in (Simd(lanes=16, registers=32), SIMD):
        first = problems.problem.__wrapped__(source, 1, simd).space.options(Schedule())
        offered[simd.dots] = {each.value for each in first if each.knob == "products"}
    assert offered == {False: set(), True: {"float32", "pairs"}}


def test_products_of_float32_are_not_narrowed() -> None:
    space = problems.problem.__wrapped__(Mlp(m=33, d_model=47, d_ff=95).source("mlir"), 1, SIMD).space
    assert all(option.knob != "products" for option in space.options(Schedule()))

"""The cost of whole programs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.cost.model import UNDER_WAY, analyse
from mlopt.backend.mlir.target import described
from mlopt.core.errors import CompileError
from mlopt.core.schedule import Schedule
from mlopt.evaluator.simulation import Simulation
from mlopt.protocols import Calibration, Roofline, Space
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.softmax.workload import Softmax

from .test_core import CPU

BLOCKS = """
func.func @f(%a: memref<65536xf32>, %b: memref<65536xf32>) {{
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %size = arith.constant {size} : index
  %x = arith.constant dense<2.0> : vector<16xf32>
  scf.forall (%i) in ({blocks}) {{
    scf.for %j = %c0 to %size step %c16 {{
      %v = vector.load %a[%j] : memref<65536xf32>, vector<16xf32>
      %w = arith.divf %v, %x : vector<16xf32>
      vector.store %w, %b[%j] : memref<65536xf32>, vector<16xf32>
    }}
  }}
  return
}}"""


def blocks(number: int, size: int = 4096) -> str:
    return BLOCKS.format(blocks=number, size=size)


def cost(text: str, threads: int = 1, on: object = CPU) -> float:
    return analyse(text, on, threads).cost.seconds  # type: ignore[arg-type]


def test_work_on_threads_takes_as_long_as_the_busiest_of_them() -> None:
    fork = CPU.fork_microseconds * 1e-6
    alone = cost(blocks(8))
    assert cost(blocks(8), 2) == pytest.approx(alone / 2 + fork, rel=1e-3)
    assert cost(blocks(8), 3) == pytest.approx(alone * 3 / 8 + fork, rel=1e-3)


def test_a_faster_clock_makes_arithmetic_faster() -> None:
    assert cost(blocks(8), on=replace(CPU, gigahertz=2.0)) == pytest.approx(cost(blocks(8)) / 2)


def test_data_from_memory_takes_the_time_of_memory() -> None:
    slow = replace(CPU, memory_bytes_per_second_one_core=1e8, memory_bytes_per_second=1e8, caches=CPU.caches[:1])
    assert cost(blocks(1, 65536), on=slow) == pytest.approx(3 * 65536 * 4 / 1e8, rel=0.05)


def test_what_is_streamed_goes_to_memory_once_however_large_the_caches() -> None:
    slow = replace(CPU, memory_bytes_per_second_one_core=1e8, memory_bytes_per_second=1e8)
    streamed = blocks(1, 65536).replace("%b[%j] :", "%b[%j] {nontemporal = true} :")
    assert cost(streamed, on=slow) == pytest.approx(65536 * 4 / 1e8, rel=0.01)
    assert cost(streamed.replace("true", "false"), on=slow) == cost(blocks(1, 65536), on=slow)
    assert cost(blocks(1, 65536), on=slow) < 0.1 * cost(streamed, on=slow)


def test_a_page_that_is_written_is_looked_up_once() -> None:
    lost = replace(CPU, tlb_entries=4, page_walk=1e5)
    read_only = blocks(1, 65536).replace("vector.store %w, %b[%j] : memref<65536xf32>, vector<16xf32>", "")
    assert cost(blocks(1, 65536), on=lost) == pytest.approx(2 * cost(read_only, on=lost), rel=0.1)


def test_pages_are_looked_up_while_lines_move() -> None:
    far = replace(CPU, tlb_entries=4)
    (usual, slow, slower) = (cost(blocks(1, 65536), on=replace(far, page_walk=cycles)) for cycles in (0.0, 1e5, 2e5))
    assert cost(blocks(1, 65536), on=replace(far, page_walk=1.0)) == usual
    assert slower == pytest.approx(2 * slow, rel=0.01)
    assert slow > 10 * usual


def test_lines_that_no_prefetcher_foresees_are_waited_for_several_at_once() -> None:
    down = """func.func @f(%a: memref<1024x1024xf32>, %b: memref<16xf32>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %c64 = arith.constant 64 : index
      %c1024 = arith.constant 1024 : index
      scf.for %j = %c0 to %c64 step %c16 {
        scf.for %i = %c0 to %c1024 step %c1 {
          %v = vector.load %a[%i, %j] : memref<1024x1024xf32>, vector<16xf32>
          vector.store %v, %b[%c0] : memref<16xf32>, vector<16xf32>
        }
      }
      return
    }"""
    first, *others = CPU.caches
    late = replace(CPU, caches=(replace(first, miss_cycles=first.miss_cycles + 1e6), *others))
    assert cost(down, on=late) - cost(down) == pytest.approx(4 * 1024 * 1e6 / UNDER_WAY / 1e9, rel=0.01)


def test_a_program_on_tensors_is_a_compile_error() -> None:
    with pytest.raises(CompileError, match="cannot be simulated"):
        cost("func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> { return %a : tensor<4xf32> }")


def some_schedule(space: Space) -> Schedule:
    schedule = Schedule()
    while options := space.options(schedule):
        schedule = schedule.then(options[len(options) // 2])
    return schedule


@pytest.mark.parametrize("workload", [Matmul(m=64, n=64, k=64), Softmax(rows=32, cols=64)])
def test_the_same_schedule_always_costs_the_same(workload: Matmul | Softmax) -> None:
    backend = Mlir(1)
    schedule = some_schedule(backend.space(workload))
    first, second = (backend.build(workload, schedule).simulate() for _ in range(2))
    assert first == second
    assert first["cost"] > 0.0


def test_costs_keep_to_what_this_machine_was_measured_to_reach() -> None:
    workload = Softmax(rows=64, cols=64)

    def simulated(backend: Mlir, calibration: Calibration | None) -> float:
        evaluator = Simulation() if calibration is None else Simulation(measured=True).calibrated(calibration)
        program = backend.build(workload, some_schedule(backend.space(workload)))
        return evaluator.evaluate(program, workload, None).metrics["cost"]

    slow, slower = (Calibration(Roofline(peak, 1e9), 1) for peak in (1e9, 1e8))
    assert simulated(Mlir(1), slower) == pytest.approx(10 * simulated(Mlir(1), slow), rel=0.3)
    assert simulated(Mlir(1), slow) > 2 * simulated(Mlir(1), None)
    neon = Mlir(1, target=described("neon"))
    assert simulated(neon, slow) == simulated(neon, None)


def test_spaces_follow_the_target() -> None:
    narrow, wide = (
        Mlir(1, target=replace(CPU, vector_bits=bits, registers=registers)).space(Matmul(m=64, n=64, k=64))
        for bits, registers in ((256, 16), (512, 32))
    )
    registers = [{option.value for option in space.options(Schedule())} for space in (narrow, wide)]
    assert registers[0] != registers[1]


def test_all_threads_are_those_of_the_target() -> None:
    assert Mlir(target=CPU).thread_count == CPU.cores

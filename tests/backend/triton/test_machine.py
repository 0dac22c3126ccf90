"""What is read from machine code: loops, and what moves registers to memory and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from mlopt.backend.triton.backend import Triton
from mlopt.backend.triton.cost import machine as module
from mlopt.backend.triton.cost import model
from mlopt.backend.triton.cost.machine import Machine, machine
from mlopt.backend.triton.target import Gpu
from mlopt.core.schedule import Schedule
from mlopt.workloads.matmul.workload import Matmul

LOOP = ["LDL.LU R4, [R1]", "@P1 BRA 0x70", *["STG [R2], R4"] * 3, *["FADD R2, R2, R3"] * 16, "@P0 BRA 0x20"]
LOOP.insert(5, "HMMA.16816.F32 R8, R4, R6, R8")  # at 0x70, where the branch goes
CODE = ["MOV R1, c[0x0][0x28]", "STL [R1], R4", *LOOP, "LDL R5, [R1]", "EXIT", "BRA 0x10", "NOP"]


def listing() -> str:
    lines = [f"        /*{16 * number:04x}*/                   {text} ;" for number, text in enumerate(CODE)]
    return "\n".join(["Function k:", "  REG:168 STACK:16 SHARED:0 LOCAL:0", *lines])


def test_what_spills_within_a_loop_is_told_from_what_does_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: Any, **options: Any) -> SimpleNamespace:
        return SimpleNamespace(stdout=listing(), stderr="")

    monkeypatch.setattr(module, "subprocess", SimpleNamespace(run=run))
    kernel = SimpleNamespace(asm={"cubin": b""}, metadata=SimpleNamespace(shared=2048, num_warps=4))
    found = machine(kernel)
    assert (found.registers, found.shared_bytes, found.products) == (168, 2048, "mma")
    assert found.once == {"spill": 2, "other": 2}
    assert found.looped == {"spill": 1, "tensor": 1, "other": 18}
    assert found.passed == {"memory": 3}
    assert found.carried_out(10.0, 2.0) == 4 + 10 * 20 + 2 * 3
    assert found.carried_out(10.0, 2.0, "spill") == 12


def test_registers_that_go_to_memory_cost_time(
    monkeypatch: pytest.MonkeyPatch, described: Callable[[str], Gpu]
) -> None:
    tile = {"variant": "tiles", "BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 32, "GROUP": 8, "num_warps": 4}
    schedule = Schedule.of({**tile, "num_stages": 2, "loads": "kept", "stores": "kept"})
    program = Triton(described("h200")).build(Matmul(dtype="f16"), schedule)
    before = program.simulate()

    def spilling(kernel: Any) -> Machine:
        code = machine(kernel)
        return replace(code, looped={**code.looped, "spill": 1000})

    monkeypatch.setattr(model, "machine", spilling)
    after = program.simulate()
    assert after["spills"] == before["spills"] + 1000
    assert after["cost"] > 1.5 * before["cost"]


@pytest.mark.parametrize(("name", "blocks"), [("h200", 3), ("mi300x", 1)])
def test_the_system_takes_shared_memory_of_each_block_where_it_does(
    name: str, blocks: int, described: Callable[[str], Gpu]
) -> None:
    code = Machine(32, 65536, {}, {}, {}, "mma", False, 4)
    assert model.blocks_per_multiprocessor(code, described(name)) == blocks


def test_a_block_without_shared_memory_is_limited_by_what_else_it_needs(described: Callable[[str], Gpu]) -> None:
    assert model.blocks_per_multiprocessor(Machine(32, 0, {}, {}, {}, "", False, 4), described("mi300x")) == 8

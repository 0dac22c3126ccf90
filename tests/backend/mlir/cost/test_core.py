"""Cycles of straight code."""

from __future__ import annotations

from dataclasses import replace

from mlopt.backend.mlir.cost.core import Body
from mlopt.backend.mlir.cost.tree import Access, Loop, Operation, Shape
from mlopt.backend.mlir.target import Cpu, cpu

VECTOR = Shape(1, 16, 32, True)
CPU: Cpu = cpu(
    cores=4,
    gigahertz=1.0,
    vector_bits=512,
    registers=32,
    datapath_bits=512,
    fma_units=2,
    float_units=2,
    vector_units=2,
    shuffle_units=1,
    load_units=2,
    store_units=1,
    issue=6,
    window=256,
    fma_latency=4,
    add_latency=4,
    load_latency=8,
    shuffle_latency=3,
    divide_cycles=16,
    mispredict=20,
    caches=[
        {"bytes": 32768, "bytes_per_cycle": 64, "ways": 8, "miss_cycles": 10},
        {"bytes": 1 << 20, "bytes_per_cycle": 32, "ways": 16, "miss_cycles": 200},
    ],
    memory_bytes_per_second=1.6e10,
    memory_bytes_per_second_one_core=8e9,
    tlb_entries=64,
    page_walk=7,
)


def chains(number: int, vector: Shape = VECTOR) -> Loop:
    """A long loop that carries so many sums."""
    operations = [Operation("vector.fma", 100 + i, (1, 2, i), vector) for i in range(10, 10 + number)]
    carried = tuple((i, vector) for i in range(10, 10 + number))
    return Loop(1, 1000.0, carried=carried, yields=tuple(o.result for o in operations), operations=operations)


def cycles(loop: Loop, on: Cpu = CPU, temporary: frozenset[int] = frozenset()) -> float:
    return Body(loop, on, temporary).cycles()


def test_one_chain_of_sums_waits_for_each() -> None:
    assert cycles(chains(1)) == CPU.fma_latency


def test_enough_chains_keep_the_units_busy() -> None:
    assert cycles(chains(16)) == 16 / CPU.fma_units


def test_vectors_wider_than_the_units_take_several_turns() -> None:
    assert cycles(chains(16), replace(CPU, datapath_bits=256)) == 2 * cycles(chains(16))


def test_what_does_not_fit_the_registers_is_stored_and_loaded() -> None:
    held = chains(31)
    spilled = Body(chains(40), CPU, frozenset())
    assert Body(held, CPU, frozenset()).uses.stores == 0.0
    assert spilled.uses.stores == 40 - CPU.registers
    assert spilled.cycles() > 40 / CPU.fma_units - 1e-9


def test_divisions_are_slow() -> None:
    loop = Loop(1, 1000.0, operations=[Operation("arith.divf", 5, (1, 2), VECTOR)])
    assert cycles(loop) == CPU.divide_cycles


def test_rounding_to_whole_numbers_calls_no_library() -> None:
    rounding, call = (
        Loop(1, 1000.0, operations=[Operation(name, 5, (1,), VECTOR)]) for name in ("math.floor", "math.tan")
    )
    assert cycles(rounding) < cycles(call) / 10


def test_an_odd_vector_that_is_carried_is_taken_apart() -> None:
    assert cycles(chains(2, Shape(1, 48, 32, True))) > 4 * cycles(chains(2, Shape(1, 64, 32, True)))


def test_a_sum_that_stays_in_memory_waits_for_its_store_unless_the_compiler_may_keep_it() -> None:
    place, moving = Access(3, {}, 0.0, 64, False), Access(4, {1: 64.0}, 0.0, 64, False)
    loop = Loop(
        1,
        1000.0,
        operations=[
            Operation("vector.load", 10, (), VECTOR, access=place),
            Operation("vector.load", 11, (), VECTOR, access=moving),
            Operation("arith.addf", 12, (10, 11), VECTOR),
            Operation("vector.store", 0, (12,), VECTOR, access=replace(place, store=True)),
        ],
        accesses=[place, moving, replace(place, store=True)],
    )
    assert cycles(loop) > CPU.add_latency
    assert cycles(loop, temporary=frozenset({3})) == CPU.add_latency


def test_a_sum_in_order_takes_as_long_as_all_its_terms() -> None:
    loops = [
        Loop(1, 1000.0, operations=[Operation("vector.reduction", 5, (1,), Shape(1, 128, 32, True), (ordered, 0))])
        for ordered in (0, 1)
    ]
    assert cycles(loops[1]) > 4 * cycles(loops[0])


def test_a_maximum_takes_as_many_instructions_as_the_cpu_needs_to_hand_nan_on() -> None:
    maxima = Loop(1, 1000.0, operations=[Operation("arith.maximumf", 100 + i, (1, i), VECTOR) for i in range(16)])
    reduced = Loop(1, 1000.0, operations=[Operation("vector.reduction", 5, (1,), VECTOR, (0, 1))])
    native = replace(CPU, maximum_instructions=1)
    assert cycles(maxima) == 4 * cycles(maxima, native)
    assert cycles(reduced) > 2 * cycles(reduced, native)


def test_a_chain_of_maxima_waits_for_each() -> None:
    maximum = Operation("arith.maximumf", 100, (1, 10), VECTOR)
    chain = Loop(1, 1000.0, carried=((10, VECTOR),), yields=(100,), operations=[maximum])
    assert cycles(chain, replace(CPU, maximum_latency=9.0)) == 9.0


def test_vectors_of_odd_lengths_take_the_turns_that_hold_something() -> None:
    five, eight = (Loop(1, 1000.0, operations=[Operation("arith.addf", 5, (1, 2), Shape(4, lanes, 32, True))])
                   for lanes in (80, 128))  # fmt: skip
    assert cycles(five) / cycles(eight) == 5 / 8


def test_code_that_the_instruction_cache_does_not_hold_is_fetched_again_and_again() -> None:
    loop = chains(16)
    access = Access(4, {1: 64.0}, 0.0, 64, False)
    loop.operations += [Operation("vector.load", 200 + i, (), VECTOR, access=access) for i in range(16)]
    assert cycles(loop, replace(CPU, code_bytes=64)) > cycles(loop) == 16 / CPU.fma_units


def test_loads_wider_than_the_units_take_several_turns_and_narrower_ones_one() -> None:
    def loads(lanes: int) -> float:
        shape = Shape(1, lanes, 32, True)
        access = Access(4, {1: 4.0 * lanes}, 0.0, 4 * lanes, False)
        operations = [Operation("vector.load", 10 + i, (), shape, access=access) for i in range(16)]
        loop = Loop(1, 1000.0, operations=operations, accesses=[access])
        return cycles(loop, replace(CPU, datapath_bits=256))

    assert loads(4) == loads(8) == 16 / CPU.load_units
    assert loads(16) == 2 * loads(8)

"""Running programs: wrong ones are found out through the path that a trial takes, and right ones get a time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from doubles import (
    Function,
    MlirText,
    PythonKernel,
    ToyBackend,
    ToyProgram,
    ceases_to_write_at_once,
    ceases_to_write_later,
    remembers,
    right,
    right_at_first,
    settles,
    silent,
    silent_on_known_inputs,
    writes_to_copies,
    writes_to_inputs,
)

from mlopt.core.cores import placement
from mlopt.core.errors import UserError, WrongResult
from mlopt.core.schedule import Schedule
from mlopt.core.statistics import Estimate
from mlopt.core.trial import Status
from mlopt.evaluator import drift, execution, rotation
from mlopt.evaluator.execution import Execution
from mlopt.protocols import Array, Backend, Evaluator, Inputs, Program, Workload
from mlopt.runner import Outcome, TrialWork
from mlopt.testing import EvaluatorContract
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.softmax.workload import Softmax

pytestmark = pytest.mark.usefixtures("own_device")
M, N, K = 7, 9, 37
MATMUL = Matmul(M, N, K)
QUICK = Execution(seconds=0.005)


class TestExecution(EvaluatorContract):
    def make(self) -> Evaluator:
        return QUICK

    def workload(self) -> Workload:
        return MATMUL

    def program(self) -> Program:
        return ToyProgram(right)

    def wrong_program(self) -> Program:
        return ToyProgram(writes_to_inputs)


class TestRotated(TestExecution):
    def make(self) -> Evaluator:
        return Execution(seconds=0.005, inputs="rotated")

    @pytest.fixture(autouse=True)
    def small_caches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rotation, "cache_bytes", lambda: {"L1": 1 << 10, "L2": 1 << 16})

    def test_a_copy_that_was_written_to_is_found_and_mended(self) -> None:
        for _ in range(2):
            with pytest.raises(WrongResult, match="wrote to input 1"):
                self.make().evaluate(ToyProgram(writes_to_copies), MATMUL, None)
        self.make().evaluate(self.program(), MATMUL, None)


def trial(backend: Backend, workload: Workload = MATMUL, evaluator: Evaluator = QUICK) -> Outcome:
    return TrialWork(workload, backend, evaluator, Schedule.of({"number": 0}), None)()


# A matrix product in MLIR as loops over scalars, to be broken in one place at a time.
LOOPS = """
func.func @matmul(%a: memref<{m}x{k}xf32>, %b: memref<{k}x{n}xf32>, %c: memref<{m}x{n}xf32>) {{
  %zero = arith.constant 0.0 : f32
  {clear}
  affine.for %i = 0 to {rows} {{
    affine.for %j = 0 to {n} {{
      affine.for %l = 0 to {depth} {{
        %x = affine.load %a[%i, %l] : memref<{m}x{k}xf32>
        %y = affine.load %b[%l, %j] : memref<{k}x{n}xf32>
        %z = affine.load %c[%i, %j] : memref<{m}x{n}xf32>
        {sum}
        affine.store %s, %c[%i, %j] : memref<{m}x{n}xf32>
      }}
    }}
  }}
  {after}
  return
}}
"""
SUM = "%p = arith.mulf %x, %y : f32\n        %s = arith.addf %z, %p : f32"
HALF_SUM = """%p = arith.mulf %x, %y : f32
        %p16 = arith.truncf %p : f32 to f16
        %z16 = arith.truncf %z : f32 to f16
        %s16 = arith.addf %z16, %p16 : f16
        %s = arith.extf %s16 : f16 to f32"""


def mlir(m: int = M, n: int = N, k: int = K, **changes: object) -> MlirText:
    parts = {
        "clear": f"linalg.fill ins(%zero : f32) outs(%c : memref<{m}x{n}xf32>)",
        "rows": m,
        "depth": k,
        "sum": SUM,
        "after": "",
    }
    return MlirText(LOOPS.format(m=m, n=n, k=k, **{**parts, **changes}))


WRONG = {
    "no k remainder": mlir(depth=K - K % 16),
    "one row skipped": mlir(rows=M - 1),
    "accumulator not cleared": mlir(clear=""),
    "f16 accumulation": mlir(sum=HALF_SUM),
    "output never written": mlir(rows=0, clear=""),
    "output only cleared": mlir(rows=0),
    "an input written to": mlir(after=f"affine.store %zero, %b[{K - 1}, {N - 1}] : memref<{K}x{N}xf32>"),
}


@pytest.mark.parametrize("program", WRONG)
def test_a_wrong_program_is_a_wrong_result_and_has_no_time(program: str) -> None:
    outcome = trial(WRONG[program])
    assert outcome.status is Status.WRONG_RESULT, outcome.error
    assert outcome.measurement.seconds is None
    assert outcome.measurement.samples == ()


@pytest.mark.parametrize("sizes", [(7, 9, 37), (1, 1, 1), (127, 63, 255)], ids=str)
def test_a_right_program_is_never_accused(sizes: tuple[int, int, int]) -> None:
    for seed in range(12):
        outcome = trial(mlir(*sizes), Matmul(*sizes), Execution(seed=seed, precision=1.0, seconds=1e-9))
        assert outcome.status is Status.OK, outcome.error


@pytest.mark.parametrize("make", [right_at_first, silent_on_known_inputs, remembers, settles, silent, writes_to_inputs])
def test_a_kernel_that_remembers_or_interferes_is_a_wrong_result(make: Callable[[], Function]) -> None:
    assert trial(ToyBackend(make=make)).status is Status.WRONG_RESULT
    assert trial(ToyBackend()).status is Status.OK


@pytest.mark.parametrize("make", [ceases_to_write_at_once, ceases_to_write_later])
def test_a_kernel_that_ceases_to_write_is_a_wrong_result(make: Callable[[], Function]) -> None:
    outcome = trial(ToyBackend(make=make))
    assert outcome.status is Status.WRONG_RESULT
    assert "output 0" in outcome.error


def test_the_time_is_the_median_of_the_samples_and_its_precision_is_told() -> None:
    measurement = trial(mlir()).measurement
    estimate = Estimate.of(measurement.samples)
    assert measurement.seconds == estimate.seconds
    assert measurement.metrics["precision"] == estimate.precision
    assert measurement.metrics["flops_per_second"] == MATMUL.flops / estimate.seconds


def test_what_else_the_machine_tells_stands_beside_it() -> None:
    metrics = trial(mlir()).measurement.metrics
    assert metrics["drift"] >= 0.0
    assert metrics["reference_seconds"] > 0.0
    assert 100 < metrics["code_bytes"] < 10_000
    assert 0 <= metrics["peak_memory_bytes"] < 1 << 24


def takes_memory() -> Function:
    def multiply(a: Array, b: Array, c: Array) -> None:
        np.ones(1 << 26, np.uint8)
        np.matmul(a, b, out=c)

    return multiply


def test_memory_that_a_kernel_takes_while_it_runs_is_seen() -> None:
    assert QUICK.evaluate(ToyProgram(takes_memory), MATMUL, None).metrics["peak_memory_bytes"] > 0.9 * (1 << 26)


def test_memory_that_we_take_to_look_at_its_results_is_not_a_kernels() -> None:
    wide = Matmul(1024, 1024, 1)
    assert QUICK.evaluate(ToyProgram(right), wide, None).metrics["peak_memory_bytes"] < 1 << 21


def calls_of_a_trial(best: float | None) -> int:
    """How many calls a trial makes of a right kernel that takes a while."""
    calls: list[int] = []

    def counting() -> Function:
        return lambda a, b, c: (calls.append(1), time.sleep(5e-3), np.matmul(a, b, out=c))[0]

    Execution(precision=1.0).evaluate(ToyProgram(counting), MATMUL, best)
    return len(calls)


def test_a_kernel_that_may_be_the_best_is_called_again_and_again() -> None:
    assert calls_of_a_trial(None) > 20


def test_few_calls_are_made_of_a_kernel_far_from_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "ATTEMPTS", 1)
    assert calls_of_a_trial(1e-12) <= 14


def test_few_calls_are_made_of_a_kernel_whose_calls_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(drift, "ATTEMPTS", 1)
    assert calls_of_a_trial(None) <= 12


def test_time_is_taken_on_a_fixed_core_and_only_time() -> None:
    cores: list[set[int]] = []

    def noting() -> Function:
        return lambda a, b, c: (cores.append(os.sched_getaffinity(0)), np.matmul(a, b, out=c))[0]

    before = os.sched_getaffinity(0)
    QUICK.evaluate(ToyProgram(noting), MATMUL, None)
    first, *timed, last = cores
    assert first == last == before == os.sched_getaffinity(0)
    assert set(placement()[:1]) in timed or not placement()


class Given(ToyProgram):
    """Whose kernel the test keeps."""

    def __init__(self, kernel: PythonKernel) -> None:
        object.__setattr__(self, "kernel", kernel)

    def load(self) -> PythonKernel:
        kernel: PythonKernel = vars(self)["kernel"]
        return kernel


def timed_inputs(evaluator: Execution) -> list[Sequence[Array]]:
    """The inputs of the calls that are timed: after two checks, and before one more and two rests."""
    kernel = PythonKernel(right())
    evaluator.evaluate(Given(kernel), MATMUL, 1e-12)
    first, second, *timed, fresh, still, rest = kernel.bound
    assert (still, rest) == (None, None)
    assert first is not None
    assert second is not None
    assert fresh is not None
    return [inputs for inputs, _ in filter(None, timed)]


def test_a_hopeless_kernel_is_not_timed_for_long() -> None:
    assert len(QUICK.evaluate(ToyProgram(right), MATMUL, 1e-12).samples) == 3


def test_what_a_call_costs_beyond_the_kernel_is_subtracted() -> None:
    assert QUICK.evaluate(Given(PythonKernel(right(), seconds_overhead=60.0)), MATMUL, None).seconds > 1e-7


@pytest.mark.parametrize("make", [silent, right_at_first, remembers])
def test_a_kernel_is_put_to_rest_in_the_end_even_a_wrong_one(make: Callable[[], Function]) -> None:
    kernel = PythonKernel(make())
    with pytest.raises(WrongResult):
        QUICK.evaluate(Given(kernel), MATMUL, None)
    assert kernel.bound[-1] is None


def test_warm_inputs_are_the_same_ones_on_every_call() -> None:
    assert len(timed_inputs(QUICK)) == 1


@pytest.mark.parametrize("caches", [{"L1": 1 << 10, "L2": 1 << 16}, {}])
def test_rotated_inputs_are_equal_and_together_too_many_for_the_caches(
    caches: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "cache_bytes", lambda: caches)
    monkeypatch.setattr(rotation, "UNKNOWN_CACHE", 1 << 16)
    sets = timed_inputs(Execution(seconds=0.001, inputs="rotated"))
    buffers = {array.ctypes.data: array.nbytes for inputs in sets for array in inputs}
    assert len(buffers) == 2 * len(sets)
    assert sum(buffers.values()) >= 2 * (1 << 16)
    assert all(np.array_equal(array, first) for inputs in sets for array, first in zip(inputs, sets[0], strict=True))


def test_tiny_inputs_are_copied_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "cache_bytes", lambda: {"L3": 1 << 30})
    assert rotation.set_count(Matmul(16, 16, 16), "rotated") == rotation.MOST_SETS
    assert rotation.set_count(Matmul(16, 16, 16), "warm") == 1


@pytest.mark.parametrize("inputs", ["warm", "rotated"])
def test_what_is_prepared_is_not_made_again(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(Matmul):
        def reference(self, *inputs: Array) -> tuple[Array, ...]:
            made.append("reference")
            return super().reference(*inputs)

    made: list[str] = []
    evaluator = Execution(seconds=0.001, inputs=inputs)
    evaluator.prepare(Counting(3, 4, 5))
    before = len(made)
    assert before > 0
    evaluator.evaluate(ToyProgram(right), Counting(3, 4, 5), 1e-12)
    assert len(made) == before


def test_a_new_best_is_proven_by_a_reference_of_its_own() -> None:
    class Counting(Matmul):
        def reference(self, *inputs: Array) -> tuple[Array, ...]:
            made.append(len(kernel.bound))
            return super().reference(*inputs)

    made: list[int] = []
    kernel = PythonKernel(right())
    QUICK.evaluate(Given(kernel), Counting(3, 4, 6), 1e12)
    assert made.pop() > 3
    assert set(made) == {0}


def test_other_ways_to_give_inputs_are_a_mistake() -> None:
    with pytest.raises(UserError, match="must be one of: warm, rotated"):
        Execution(inputs="cold")  # type: ignore[arg-type]


@pytest.mark.parametrize("setting", ["precision", "seconds"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_a_limit_that_is_not_positive_is_a_mistake(setting: str, value: float) -> None:
    with pytest.raises(UserError, match=rf"^evaluator\.{setting}={value} must be positive$"):
        Execution(**{setting: value})


class BringsAClock(PythonKernel):
    """Whose calls take a while, and say that they take next to nothing."""

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> Callable[[], None]:
        honest = super().bind(inputs, outputs)

        def call() -> None:
            time.sleep(2e-3)
            honest()

        call.elapsed = lambda: 1e-6  # type: ignore[attr-defined]
        return call


@pytest.mark.parametrize(("threads", "believed"), [(1, False), (None, True)])
def test_a_clock_that_a_kernel_brings_is_believed_of_devices_alone(threads: int | None, believed: bool) -> None:
    found = QUICK.bounded(threads).evaluate(Given(BringsAClock(right())), MATMUL, None)
    assert found.seconds is not None
    assert (found.seconds < 1e-3) is believed
    assert ("drift" in found.metrics) is not believed


def softmax(largest: Callable[[Array], Array]) -> Function:
    def divide(x: Array, y: Array) -> None:
        with np.errstate(all="ignore"):
            weights = np.exp(x - largest(x))
            np.divide(weights, weights.sum(axis=1, keepdims=True), out=y)

    return divide


def test_a_softmax_that_overflows_is_wrong_where_it_leads() -> None:
    workload = Softmax(8, 16)
    found = QUICK.evaluate(ToyProgram(lambda: softmax(lambda x: x.max(axis=1, keepdims=True))), workload, None)
    assert found.seconds
    with pytest.raises(WrongResult, match="nan instead of"):
        QUICK.evaluate(ToyProgram(lambda: softmax(np.zeros_like)), workload, None)


def test_maxima_that_begin_at_a_number_are_wrong() -> None:
    workload = Maxpool(1, 2, 4, 4, k=2, stride=2)

    def pool(least: float) -> Function:
        def pool(image: Array, result: Array) -> None:
            np.maximum(image.reshape(1, 2, 2, 2, 2, 2).max(axis=(3, 5)), least, out=result)

        return pool

    QUICK.evaluate(ToyProgram(lambda: pool(-np.inf)), workload, None)
    with pytest.raises(WrongResult):
        QUICK.evaluate(ToyProgram(lambda: pool(-10.0)), workload, None)


class Gaps(Matmul):
    """Whose inputs have some that are no numbers, as data with gaps do."""

    def inputs(self, rng: np.random.Generator, distribution: str) -> tuple[Array, ...]:
        a, b = super().inputs(rng, distribution)
        a[0] = np.nan
        return a, b


def test_inputs_that_are_no_numbers_accuse_nobody() -> None:
    assert QUICK.evaluate(ToyProgram(right), Gaps(M, N, K), None).seconds


def test_a_zero_that_changes_its_sign_is_written() -> None:
    def negate_zeros() -> Function:
        def multiply(a: Array, b: Array, c: Array) -> None:
            np.matmul(a, b, out=c)
            a[a == 0.0] = -0.0

        return multiply

    class Zeros(Matmul):
        def inputs(self, rng: np.random.Generator, distribution: str) -> tuple[Array, ...]:
            a, b = super().inputs(rng, distribution)
            a[0] = 0.0
            return a, b

    with pytest.raises(WrongResult, match="wrote to"):
        QUICK.evaluate(ToyProgram(negate_zeros), Zeros(M, N, K), None)

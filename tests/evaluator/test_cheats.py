"""No kernel of the gallery comes through, neither in a trial nor in the finals, and does no harm to the next one."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from doubles import ToyProgram, right

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.errors import WrongResult
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status
from mlopt.evaluator.cascade import Cascade
from mlopt.evaluator.execution import Execution
from mlopt.evaluator.novelty import varied
from mlopt.evaluator.simulation import Simulation
from mlopt.evaluator.stillness import is_still
from mlopt.executor.retirement import Retirement, Unfit
from mlopt.finals import contender
from mlopt.finals.contender import KernelContender, Prepare, Turn, Verify
from mlopt.protocols import Array, Evaluator, Kernel, Program, Workload
from mlopt.runner import Outcome, TrialWork
from mlopt.testing.cheats import early
from mlopt.testing.cheats.backend import CheatingBackend, CheatingProgram
from mlopt.testing.cheats.cheat import Memory
from mlopt.testing.cheats.early import Early
from mlopt.testing.cheats.gallery import CHEATS, NEED_SHORT_CALLS, THREADS
from mlopt.workloads.matmul.workload import Matmul

pytestmark = pytest.mark.usefixtures("own_device")
MATMUL, SHORT = Matmul(80, 80, 80), Matmul(8, 8, 8)
QUICK = Execution(seconds=0.003, precision=1.0).bounded(THREADS)


def wait_until_still() -> None:
    """As if the process were replaced, as a worker is in which something goes on."""
    while not is_still():
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    wait_until_still()
    yield
    wait_until_still()


@functools.cache
def honest(workload: Matmul = MATMUL) -> Program:
    """One that takes long enough for an answer from memory to be much faster."""
    return Mlir(THREADS).build(workload, None)


def suits(cheat: str) -> Matmul:
    """What it can cheat in."""
    return SHORT if cheat in NEED_SHORT_CALLS else MATMUL


@dataclass(frozen=True)
class Cheats(Mlir):
    """All of whose kernels cheat."""

    cheat: str = ""

    def build(self, workload: Workload, schedule: Schedule | None) -> Program:
        program = honest(workload)
        return CheatingProgram(program, CHEATS[self.cheat]) if self.cheat else program


def finals(cheat: str, workload: Matmul = MATMUL) -> Sequence[float]:
    contender._ready.clear()
    Prepare(KernelContender("it", Cheats(THREADS, cheat=cheat), workload, None, "warm"))()
    samples = [Turn("it")() for _ in range(3)]
    Verify("it")()
    return samples[-1]


@pytest.mark.parametrize("cheat", CHEATS)
def test_no_cheat_comes_through_a_trial(cheat: str) -> None:
    with pytest.raises(WrongResult):
        QUICK.evaluate(CheatingProgram(honest(suits(cheat)), CHEATS[cheat]), suits(cheat), None)
    wait_until_still()
    QUICK.evaluate(honest(), MATMUL, None)


@pytest.mark.parametrize("cheat", CHEATS)
def test_no_cheat_comes_through_the_finals(cheat: str) -> None:
    with pytest.raises(WrongResult):
        finals(cheat, suits(cheat))


@pytest.mark.parametrize("evaluator", [Execution(seconds=0.003, precision=1.0), Cascade(Simulation(), Execution())])
def test_a_trial_knows_how_many_threads_its_backend_has(evaluator: Evaluator) -> None:
    backend = CheatingBackend(Cheats(THREADS), "computes on more threads")
    outcome = TrialWork(MATMUL, backend, evaluator, Schedule(), None)()
    assert outcome.status is Status.WRONG_RESULT
    assert "threads where it has 1" in outcome.error


def test_an_honest_kernel_comes_through_both() -> None:
    for workload in (MATMUL, SHORT):
        for _ in range(5):
            assert QUICK.evaluate(honest(workload), workload, None).seconds
        assert min(finals("", workload)) > 0.0


def test_an_answer_that_rightly_stays_the_same_is_no_fault() -> None:
    class Signs(Matmul):
        def reference(self, *inputs: Array) -> tuple[Array, ...]:
            return (np.sign(inputs[0]) @ np.sign(inputs[1]).astype(np.float64),)

    def signs(a: Array, b: Array, c: Array) -> None:
        np.matmul(np.sign(a), np.sign(b), out=c)

    QUICK.evaluate(ToyProgram(lambda: signs), Signs(5, 6, 7), None)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64", "complex64"])
def test_varied_values_keep_their_signs_and_magnitudes(dtype: str) -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((300, 7)).astype(dtype)
    values[3] = 0
    values[4] = np.inf
    other = varied(values, rng)
    assert np.array_equal(other[3:5], values[3:5])
    for before, after in ((values.real, other.real), (values.imag, other.imag)):
        ordinary = np.isfinite(before) & (before != 0)
        ratio = after[ordinary].astype(float) / before[ordinary].astype(float)
        assert ratio.size == 0 or (ratio.min() > 0.85 and ratio.max() < 1.15 and np.mean(ratio != 1.0) > 0.8)


class Whole(Matmul):
    """Of whole numbers."""

    @property
    def _numpy(self) -> str:
        return "int32"

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return (inputs[0].astype(np.float64) @ inputs[1].astype(np.float64),)

    def tolerance(self, *inputs: Array) -> tuple[Array, ...]:
        return (np.zeros(()),)


def multiplies_whole_numbers(a: Array, b: Array, c: Array) -> None:
    np.matmul(a, b, out=c)


def test_whole_numbers_are_told_from_those_that_are_known() -> None:
    program, workload = ToyProgram(lambda: multiplies_whole_numbers), Whole(100, 100, 100)
    QUICK.evaluate(program, workload, None)
    with pytest.raises(WrongResult, match="remembers"):
        QUICK.evaluate(CheatingProgram(program, CHEATS["remembers by content"]), workload, None)


def test_a_kernel_of_the_gallery_computes_right_until_it_is_looked_at() -> None:
    kernel: Kernel = CheatingProgram(ToyProgram(right), CHEATS["ceases to compute"]).load()
    a, b = (np.ones((4, 4), np.float32) for _ in range(2))
    c = np.zeros((4, 4), np.float32)
    kernel.bind([a, b], [c])()
    assert (c == 4.0).all()


EARLY = [name for name, cheat in CHEATS.items() if isinstance(cheat, Early)]


@pytest.mark.parametrize("cheat", EARLY)
def test_no_cheat_begins_while_a_trial_builds(cheat: str) -> None:
    backend = CheatingBackend(Cheats(THREADS), cheat)
    with pytest.raises(Retirement) as last:
        TrialWork(MATMUL, backend, Execution(seconds=0.003, precision=1.0), Schedule(), None)()
    outcome = last.value.result
    assert isinstance(outcome, Outcome)
    assert outcome.status is Status.WRONG_RESULT, outcome.error


def test_what_an_earlier_kernel_left_behind_is_not_timed_beside() -> None:
    early.computes_beside(Memory())
    with pytest.raises(Unfit):
        TrialWork(MATMUL, Cheats(THREADS), Execution(seconds=0.003, precision=1.0), Schedule(), None)()

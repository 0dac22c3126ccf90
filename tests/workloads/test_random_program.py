"""Random programs: the same in MLIR and in PyTorch, of bounded size, and as many different ones as are asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.protocols import Workload
from mlopt.testing import WorkloadContract
from mlopt.workloads.random_program import kinds
from mlopt.workloads.random_program.kinds import KINDS, random_program
from mlopt.workloads.random_program.program import Program
from mlopt.workloads.random_program.workload import RandomProgram

SIZES = ("CHANNELS", "IMAGES", "ROWS")
SMALL = {name: tuple(size for size in getattr(kinds, name) if size <= 32)[-4:] for name in SIZES}


class TestProgram(WorkloadContract):
    libraries = ("numpy", "ml_dtypes", "torch_mlir", "mlir")

    def make(self) -> Workload:
        return RandomProgram("elementwise", 2)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs whose float64 reference takes no time."""
    for name, sizes in {**SMALL, "FEATURES": (24, 40), "BATCHES": (1, 2)}.items():
        monkeypatch.setattr(kinds, name, sizes)
    monkeypatch.setattr(kinds, "MOST_FLOPS", 1 << 22)


def build(program: Program) -> RandomProgram:
    """The workload of a program, whatever its number."""

    class Given(RandomProgram):
        @property
        def program(self) -> Program:
            return program

    Given.__module__ = RandomProgram.__module__  # whose folder its files are in
    return Given()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", KINDS)
def test_pytorch_and_mlir_compute_the_same(kind: str) -> None:
    torch = pytest.importorskip("torch")
    for seed in range(2):
        workload = build(random_program(kind, np.random.default_rng(seed)))
        inputs = workload.inputs(np.random.default_rng(1), "uniform")
        (exact,) = workload.reference(*inputs)
        (allowed,) = workload.tolerance(*inputs)
        found = workload.eager()(*map(torch.from_numpy, inputs)).numpy()
        assert found.shape == exact.shape == workload.outputs[0].shape
        assert np.all(np.abs(found - exact) <= np.broadcast_to(allowed, exact.shape))


@pytest.mark.parametrize("kind", KINDS)
def test_the_backend_offers_schedules_for_every_kind(kind: str) -> None:
    for seed in range(2):
        space = Mlir(threads=1).space(RandomProgram(kind, seed))
        assert len(space.options(Schedule())) > 0


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.integers(0, 1 << 40))
def test_programs_keep_to_their_limits_and_to_their_seed(kind: str, seed: int) -> None:
    first, again = (random_program(kind, np.random.default_rng(seed)) for _ in range(2))
    assert first.mlir() == again.mlir()
    assert first.digest() == again.digest()
    assert kinds.LEAST_FLOPS <= first.flops <= kinds.MOST_FLOPS
    assert first.bytes <= kinds.MOST_BYTES


@pytest.mark.parametrize("kind", KINDS)
def test_hardly_a_program_comes_twice(kind: str) -> None:
    rng = np.random.default_rng(0)
    assert len({random_program(kind, rng).digest() for _ in range(100)}) > 90


def test_an_unknown_kind_or_a_negative_seed_is_a_mistake() -> None:
    with pytest.raises(UserError, match="matmul"):
        RandomProgram("matmull")
    with pytest.raises(UserError, match=r"workload\.seed"):
        RandomProgram(seed=-1)

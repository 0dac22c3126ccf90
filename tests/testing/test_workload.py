"""The contract of workloads catches each way to break it."""

from __future__ import annotations

import inspect
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlopt.protocols import Array, Workload
from mlopt.testing import WorkloadContract
from mlopt.testing.workload import DISTRIBUTIONS
from mlopt.workloads.matmul.workload import Matmul


@dataclass(frozen=True)
class Sound(Matmul):
    """A small matrix product, to be broken."""

    m: int = 4
    n: int = 5
    k: int = 6


class Mutable(Sound):
    __setattr__ = object.__setattr__


class Unique(Sound):
    __hash__ = object.__hash__


class Heavy(Sound):
    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "cache": np.zeros(10_000)}


class Double(Sound):
    def inputs(self, rng: np.random.Generator, distribution: str) -> tuple[Array, ...]:
        return tuple(array.astype(np.float64) for array in super().inputs(rng, distribution))


class Infinite(Sound):
    def inputs(self, rng: np.random.Generator, distribution: str) -> tuple[Array, ...]:
        return tuple(array / np.float32(0) for array in super().inputs(rng, distribution))


class Unseeded(Sound):
    def inputs(self, rng: np.random.Generator, distribution: str) -> tuple[Array, ...]:
        return super().inputs(np.random.default_rng(), distribution)


class Constant(Sound):
    def inputs(self, rng: np.random.Generator, distribution: str) -> tuple[Array, ...]:
        return super().inputs(np.random.default_rng(0), distribution)


class Onesided(Sound):
    def inputs(self, rng: np.random.Generator, distribution: str) -> tuple[Array, ...]:
        return super().inputs(rng, "uniform")


class Single(Sound):
    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return (super().reference(*inputs)[0].astype(np.float32),)


class Turned(Sound):
    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return (super().reference(*inputs)[0].T,)


class Meddling(Sound):
    def tolerance(self, *inputs: Array) -> tuple[Array, ...]:
        inputs[0][0] = 0
        return super().tolerance(*inputs)


class Exact(Sound):
    def tolerance(self, *inputs: Array) -> tuple[Array, ...]:
        return (np.zeros(()),)


class Negative(Sound):
    def tolerance(self, *inputs: Array) -> tuple[Array, ...]:
        return (-super().tolerance(*inputs)[0],)


class Generous(Sound):
    def tolerance(self, *inputs: Array) -> tuple[Array, ...]:
        return (np.full((4, 1), 1e3),)


class Large(Sound):
    def tolerance(self, *inputs: Array) -> tuple[Array, ...]:
        return (np.ones((2, 4, 5)),)


class Other(Sound):
    """Its reference is not that of its file."""

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return (super().reference(*inputs)[0] + 1,)


class Dependent(Sound):
    @property
    def reference_files(self) -> tuple[Path, ...]:
        return (Path(inspect.getfile(Matmul)),)


class Arrays(Sound):
    """Its reference is made on the CPU, whatever it is given."""

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return tuple(map(np.asarray, super().reference(*inputs)))


class Overparametrised(Sound):
    @property
    def parameters(self) -> Mapping[str, Any]:
        return {"m": self.m}


class Idle(Sound):
    @property
    def flops(self) -> int:
        return 0


class Miscounted(Sound):
    @property
    def bytes(self) -> int:
        return super().bytes - 4


class Nameless(Sound):
    @property
    def name(self) -> str:
        return ""


class Polyglot(Sound):
    def source(self, language: str) -> str:
        return super().source("mlir")


class Different(Sound):
    def eager(self) -> Callable[..., Any]:
        return lambda a, b: a @ b + 1


def run(workload: Workload, test: str, tmp_path: Path) -> None:
    class Contract(WorkloadContract):
        def make(self) -> Workload:
            return workload if type(workload) is not Unique else Unique()

    check = getattr(Contract(), f"test_{test}")
    given = {"workload": workload, "tmp_path": tmp_path}
    wanted = inspect.signature(check).parameters
    arguments = {name: value for name, value in given.items() if name in wanted}
    for distribution in DISTRIBUTIONS if "distribution" in wanted else (None,):
        check(**arguments, **({"distribution": distribution} if distribution else {}))


BROKEN = [
    (Unique, "equal_ones_are_interchangeable"),
    (Heavy, "survives_pickle_and_is_small_enough_to_send_with_every_trial"),
    (Mutable, "is_frozen"),
    (Double, "inputs_are_as_the_operands_say_and_finite"),
    (Infinite, "inputs_are_as_the_operands_say_and_finite"),
    (Unseeded, "inputs_follow_from_the_seed"),
    (Constant, "inputs_follow_from_the_seed"),
    (Onesided, "the_two_distributions_differ"),
    (Single, "the_reference_has_the_outputs_shapes_in_double_precision"),
    (Turned, "the_reference_has_the_outputs_shapes_in_double_precision"),
    (Meddling, "the_reference_and_the_tolerance_leave_the_inputs_alone"),
    (Negative, "the_tolerance_is_a_finite_error_for_each_element"),
    (Large, "the_tolerance_is_a_finite_error_for_each_element"),
    (Exact, "the_exact_result_is_right_once_rounded_to_the_outputs_dtype"),
    (Generous, "nothing_written_or_one_per_cent_off_is_wrong"),
    (Other, "the_reference_stands_alone"),
    (Dependent, "the_reference_stands_alone"),
    (Overparametrised, "the_reference_stands_alone"),
    (Arrays, "tensors_are_judged_as_arrays_are"),
    (Idle, "work_and_traffic_are_counted"),
    (Miscounted, "work_and_traffic_are_counted"),
    (Nameless, "has_a_name_of_one_word"),
    (Polyglot, "a_language_that_it_has_no_program_in_is_a_mistake"),
    (Different, "pytorch_computes_the_same"),
]


@pytest.mark.parametrize(("broken", "test"), BROKEN)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_a_broken_workload_fails(broken: type[Sound], test: str, tmp_path: Path) -> None:
    run(Sound(), test, tmp_path)
    with pytest.raises((AssertionError, ValueError, pytest.fail.Exception, subprocess.CalledProcessError)):
        run(broken(), test, tmp_path)


def test_a_mistake_that_passes_or_is_told_badly_fails() -> None:
    def told_badly() -> object:
        raise ValueError("m")

    for mistake in (Sound, told_badly):

        class Contract(WorkloadContract):
            def make(self) -> Workload:
                return Sound()

            def mistakes(self, mistake: Callable[[], object] = mistake) -> list[Callable[[], object]]:
                return [mistake]

        with pytest.raises((pytest.fail.Exception, ValueError)):
            Contract().test_wrong_sizes_and_types_are_mistakes()

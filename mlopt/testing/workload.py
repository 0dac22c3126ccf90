"""The contract of workloads."""

from __future__ import annotations

import json
import math
import pickle
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from ..core.errors import UserError
from ..core.standalone import copy_reference
from ..core.tensors import to_numpy, to_torch
from ..protocols import Array, BoundedWorkload, PortableWorkload, Workload

DISTRIBUTIONS = ("normal", "uniform")
PICKLED_BYTES = 10_000


class WorkloadContract(ABC):
    """What every workload promises backends and evaluators. Subclass it as `Test...` and say how to make one."""

    libraries: ClassVar[Sequence[str]] = ("numpy",)
    """What its reference file may import beside the standard library."""

    @abstractmethod
    def make(self) -> Workload:
        """A small one, the same each time."""

    def mistakes(self) -> Sequence[Callable[[], object]]:
        """Calls that make it with wrong sizes or types: each a mistake of the user."""
        return ()

    @pytest.fixture
    def workload(self) -> Workload:
        return self.make()

    def test_equal_ones_are_interchangeable(self, workload: Workload) -> None:
        twin = self.make()
        assert workload == twin
        assert hash(workload) == hash(twin)

    def test_survives_pickle_and_is_small_enough_to_send_with_every_trial(self, workload: Workload) -> None:
        pickled = pickle.dumps(workload)
        again = pickle.loads(pickled)
        assert again == workload
        assert hash(again) == hash(workload)
        assert len(pickled) < PICKLED_BYTES

    def test_is_frozen(self, workload: Workload) -> None:
        for name in (*getattr(workload, "__dict__", ()), "anything_else"):
            with pytest.raises(AttributeError):
                setattr(workload, name, None)

    def test_is_cheap_to_make(self) -> None:
        start = time.perf_counter()
        for _ in range(100):
            self.make()
        assert time.perf_counter() - start < 1.0

    @pytest.mark.parametrize("distribution", DISTRIBUTIONS)
    def test_inputs_are_as_the_operands_say_and_finite(self, workload: Workload, distribution: str) -> None:
        inputs = draw(workload, distribution)
        assert [(i.shape, str(i.dtype)) for i in inputs] == [(o.shape, o.dtype) for o in workload.operands]
        assert all(np.isfinite(array).all() for array in inputs)

    @pytest.mark.parametrize("distribution", DISTRIBUTIONS)
    def test_inputs_follow_from_the_seed(self, workload: Workload, distribution: str) -> None:
        first, again, other = (draw(workload, distribution, seed) for seed in (0, 0, 1))
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
        assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))

    def test_the_two_distributions_differ(self, workload: Workload) -> None:
        normal, uniform = (draw(workload, distribution) for distribution in DISTRIBUTIONS)
        assert any(not np.array_equal(a, b) for a, b in zip(normal, uniform, strict=True))

    @pytest.mark.parametrize("distribution", DISTRIBUTIONS)
    def test_the_reference_has_the_outputs_shapes_in_double_precision(
        self, workload: Workload, distribution: str
    ) -> None:
        results = workload.reference(*draw(workload, distribution))
        assert [result.shape for result in results] == [output.shape for output in workload.outputs]
        assert all(result.dtype in (np.float64, np.complex128) for result in results)

    @pytest.mark.parametrize("distribution", DISTRIBUTIONS)
    def test_the_reference_and_the_tolerance_leave_the_inputs_alone(
        self, workload: Workload, distribution: str
    ) -> None:
        inputs, pristine = draw(workload, distribution), draw(workload, distribution)
        workload.reference(*inputs)
        workload.tolerance(*inputs)
        assert all(np.array_equal(a, b) for a, b in zip(inputs, pristine, strict=True))

    @pytest.mark.parametrize("distribution", DISTRIBUTIONS)
    def test_the_tolerance_is_a_finite_error_for_each_element(self, workload: Workload, distribution: str) -> None:
        tolerances = workload.tolerance(*draw(workload, distribution))
        for allowed, output in zip(tolerances, workload.outputs, strict=True):
            assert np.broadcast_shapes(np.shape(allowed), output.shape) == output.shape
            assert np.isfinite(allowed).all()
            assert (np.asarray(allowed) >= 0).all()

    @pytest.mark.parametrize("distribution", DISTRIBUTIONS)
    def test_the_exact_result_is_right_once_rounded_to_the_outputs_dtype(
        self, workload: Workload, distribution: str
    ) -> None:
        inputs = draw(workload, distribution)
        rounded = [r.astype(o.dtype) for r, o in zip(workload.reference(*inputs), workload.outputs, strict=True)]
        assert within_tolerance(workload, inputs, rounded)

    @pytest.mark.parametrize("distribution", DISTRIBUTIONS)
    def test_nothing_written_or_one_per_cent_off_is_wrong(self, workload: Workload, distribution: str) -> None:
        inputs = draw(workload, distribution)
        exact = workload.reference(*inputs)
        for number in range(len(exact)):
            for wrong in (np.zeros_like(exact[number]), np.full_like(exact[number], np.nan), exact[number] * 1.01):
                results = [*exact[:number], wrong, *exact[number + 1 :]]
                assert not within_tolerance(workload, inputs, results)

    def test_the_reference_stands_alone(self, workload: Workload, tmp_path: Path) -> None:
        drawn = [draw(workload, distribution) for distribution in DISTRIBUTIONS]
        copy_reference(workload.reference_files, tmp_path)
        own = [file.stem for file in tmp_path.glob("*.py")]
        parameters = json.loads(json.dumps(workload.parameters))
        (tmp_path / "inputs.pickle").write_bytes(pickle.dumps((drawn, parameters)))
        command = [sys.executable, "-c", ALONE, str(tmp_path), *own, *self.libraries]
        subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
        found = pickle.loads((tmp_path / "results.pickle").read_bytes())
        for inputs, results in zip(drawn, found, strict=True):
            for result, of in zip(results, (workload.reference, workload.tolerance), strict=True):
                assert all(np.array_equal(a, b) for a, b in zip(result, of(*inputs), strict=True))

    @pytest.mark.parametrize("distribution", DISTRIBUTIONS)
    def test_tensors_are_judged_as_arrays_are(self, workload: Workload, distribution: str) -> None:
        torch = pytest.importorskip("torch")
        if not isinstance(workload, PortableWorkload):
            pytest.skip("its reference takes arrays alone")
        inputs = draw(workload, distribution)
        tensors = [to_torch(array.copy()) for array in inputs]
        for function in (workload.reference, workload.tolerance):
            for found, expected in zip(function(*tensors), function(*inputs), strict=True):
                assert torch.is_tensor(found)
                assert found.dtype == torch.float64
                np.testing.assert_allclose(to_numpy(found), expected, rtol=1e-9, atol=1e-13)

    def test_work_and_traffic_are_counted(self, workload: Workload) -> None:
        tensors = (*workload.operands, *workload.outputs)
        assert isinstance(workload.flops, int)
        assert workload.flops > 0
        assert workload.bytes == sum(math.prod(t.shape) * np.dtype(t.dtype).itemsize for t in tensors)

    def test_no_kernel_needs_more_than_is_counted(self, workload: Workload) -> None:
        if isinstance(workload, BoundedWorkload):
            assert 0 <= workload.least_flops <= workload.flops
            assert 0 <= workload.least_bytes <= workload.bytes

    def test_has_a_name_of_one_word(self, workload: Workload) -> None:
        assert workload.name.isidentifier()

    def test_a_language_that_it_has_no_program_in_is_a_mistake(self, workload: Workload) -> None:
        assert_mistake(lambda: workload.source("no such language"))

    def test_wrong_sizes_and_types_are_mistakes(self) -> None:
        for mistake in self.mistakes():
            assert_mistake(mistake)

    def test_pytorch_computes_the_same(self, workload: Workload) -> None:
        torch = pytest.importorskip("torch")
        try:
            eager = workload.eager()
        except UserError as error:
            pytest.skip(str(error))
        for distribution in DISTRIBUTIONS:
            inputs = draw(workload, distribution)
            with torch.inference_mode():
                computed = eager(*(to_torch(array.copy()) for array in inputs))
            results = [to_numpy(tensor) for tensor in (computed if isinstance(computed, tuple) else (computed,))]
            assert [(r.shape, str(r.dtype)) for r in results] == [(o.shape, o.dtype) for o in workload.outputs]
            assert within_tolerance(workload, inputs, results)


ALONE = """
import pathlib, pickle, sys
import numpy

class NothingElse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.argv[2:], *sys.stdlib_module_names}:
            raise ImportError(f"{name} is not there")

folder = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(folder))
sys.meta_path.insert(0, NothingElse())
import reference
drawn, parameters = pickle.loads((folder / "inputs.pickle").read_bytes())
results = [[of(*inputs, **parameters) for of in (reference.reference, reference.tolerance)] for inputs in drawn]
(folder / "results.pickle").write_bytes(pickle.dumps(results))
"""


def draw(workload: Workload, distribution: str, seed: int = 0) -> tuple[Array, ...]:
    return workload.inputs(np.random.default_rng(seed), distribution)


def within_tolerance(workload: Workload, inputs: Sequence[Array], results: Sequence[Array]) -> bool:
    """Whether every element of `results` is as near to the reference as it must be; NaN never is."""
    expected, allowed = workload.reference(*inputs), workload.tolerance(*inputs)
    return all(
        bool((np.abs(result - value) <= error).all())
        for result, value, error in zip(results, expected, allowed, strict=True)
    )


def assert_mistake(call: Callable[[], Any]) -> None:
    """`call` raises UserError, in one plain line."""
    with pytest.raises(UserError) as mistake:
        call()
    assert str(mistake.value).isprintable()
    assert 0 < len(str(mistake.value)) < 300

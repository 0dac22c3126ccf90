"""Whether results on a GPU are what a study takes for right: each element, by the workload's reference and tolerance.

These take long on the CPU where sizes are a GPU's, so they are made in parts, by a pool of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np

from mlopt.core.tensors import to_torch
from mlopt.evaluator.correctness import FRESH, TIMED, drawn
from mlopt.protocols import Array, Workload
from mlopt.workloads.add.workload import Add
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.layernorm.workload import Layernorm
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.softmax.workload import Softmax

SEED = 0
NUMBERS = (TIMED, FRESH)
"""Of a study's cases: what is timed, and small whole numbers, of which sums are exact."""

INDEPENDENT: Mapping[type[Workload], tuple[int, Sequence[int]]] = {
    Add: (0, (0, 1)),
    Attention: (1, (0, 1, 2)),
    Layernorm: (0, (0,)),
    Matmul: (0, (0,)),
    Softmax: (0, (0,)),
}
"""An axis along which results are independent of one another, and the inputs that are cut along it for a part."""


class Judge:
    """Knows the results of one workload."""

    def __init__(self, workload: Workload, pool: Executor, parts: int) -> None:
        """Begins to make the references, in so many parts."""
        self._workload = workload
        self._parts = min(parts, workload.outputs[0].shape[INDEPENDENT[type(workload)][0]])
        self._pending = {
            number: [pool.submit(exact, workload, number, part, self._parts) for part in range(self._parts)]
            for number in NUMBERS
        }
        self._cases: list[tuple[Sequence[Any], Any, Any]] = []

    def ready(self, device: str) -> None:
        """Wait for the references; they and the inputs are tensors there from then on."""
        axis, _ = INDEPENDENT[type(self._workload)]
        for number, futures in self._pending.items():
            expected, allowed = (
                np.concatenate(arrays, axis) for arrays in zip(*map(Future.result, futures), strict=True)
            )
            inputs = [to_torch(array).to(device) for array in drawn(self._workload, SEED, number)]
            self._cases.append((inputs, to_torch(expected).to(device), to_torch(allowed).to(device)))

    @property
    def inputs(self) -> Sequence[Any]:
        """Those that are timed."""
        return self._cases[0][0]

    def is_right(self, function: Callable[[Sequence[Any]], Any]) -> bool:
        """Whether a function of the inputs returns what it should, for each case."""
        return all(
            bool(((function(inputs).double() - expected).abs() <= allowed).all())  # so that NaN is wrong
            for inputs, expected, allowed in self._cases
        )


def exact(workload: Workload, number: int, part: int, parts: int) -> tuple[Array, Array]:
    """The reference and the error allowed of one part of the results, for the case of this number."""
    axis, several = INDEPENDENT[type(workload)]
    inputs = list(drawn(workload, SEED, number))
    for place in several:
        inputs[place] = np.array_split(inputs[place], parts, axis)[part]
    (expected,), (allowed,) = workload.reference(*inputs), workload.tolerance(*inputs)
    return expected, np.broadcast_to(allowed, expected.shape)

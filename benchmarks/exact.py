"""Whether results on a GPU are what a study takes for right: each element, by the reference and its tolerance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mlopt.core.tensors import to_torch
from mlopt.evaluator.correctness import FRESH, TIMED, drawn
from mlopt.protocols import Workload

SEED = 0
NUMBERS = (TIMED, FRESH)
"""Of a study's cases: what is timed, and small whole numbers, of which sums are exact."""


class Judge:
    """Knows the results of one portable workload, which the device where they are to be has computed itself."""

    def __init__(self, workload: Workload, device: str) -> None:
        self._cases: list[tuple[Sequence[Any], Any, Any]] = []
        for number in NUMBERS:
            inputs = [to_torch(array).to(device) for array in drawn(workload, SEED, number)]
            self._cases.append((inputs, workload.reference(*inputs)[0], workload.tolerance(*inputs)[0]))

    @property
    def inputs(self) -> Sequence[Any]:
        """Those that are timed."""
        return self._cases[0][0]

    def is_right(self, function: Callable[[Sequence[Any]], Sequence[Any]]) -> bool:
        """Whether a function of the inputs returns what it should, for each case."""
        return all(
            bool(((function(inputs)[0].double() - expected).abs() <= allowed).all())  # so that NaN is wrong
            for inputs, expected, allowed in self._cases
        )

"""What evaluators have in common that execute nothing."""

from __future__ import annotations

from ..protocols import Inputs, Workload


class Unexecuted:
    """An evaluator for which no kernel runs, so that there is nothing to make beforehand."""

    @property
    def executes(self) -> bool:
        return False

    @property
    def inputs(self) -> Inputs:
        return "warm"

    @property
    def preload(self) -> tuple[str, ...]:
        return (type(self).__module__,)

    def prepare(self, workload: Workload) -> None:
        """There is nothing to make."""

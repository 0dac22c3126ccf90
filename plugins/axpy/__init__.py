from dataclasses import dataclass

from mlopt.protocols import TensorSpec
from mlopt.workloads.base import FolderWorkload, positive


@dataclass(frozen=True)
class Axpy(FolderWorkload):
    """alpha x + y, vectors of n float32."""

    n: int = 1_000_000
    alpha: float = 2.0

    def __post_init__(self):
        positive(n=self.n)

    @property
    def operands(self):
        return (TensorSpec((self.n,), "float32"),) * 2

    @property
    def outputs(self):
        return (TensorSpec((self.n,), "float32"),)

    @property
    def parameters(self):  # of reference and eager, beside the inputs
        return {"alpha": self.alpha}

    @property
    def flops(self):
        return 2 * self.n

    @property
    def least_bytes(self):  # no kernel does without reading all of it
        return self.bytes

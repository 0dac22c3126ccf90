"""The batched matrix product."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mlopt.protocols import TensorSpec, Workload
from mlopt.testing import WorkloadContract
from mlopt.workloads.batch_matmul.workload import BatchMatmul
from mlopt.workloads.matmul.workload import Matmul


class TestBatchMatmul(WorkloadContract):
    def make(self) -> Workload:
        return BatchMatmul(b=3, m=9, n=31, k=33)

    def mistakes(self) -> Sequence[Callable[[], object]]:
        return [lambda: BatchMatmul(b=0), lambda: BatchMatmul(k=-1), lambda: BatchMatmul(dtype="half")]


def test_is_one_product_after_another() -> None:
    batch, single = BatchMatmul(b=3, m=9, n=31, k=33), Matmul(m=9, n=31, k=33)
    a, b = batch.inputs(np.random.default_rng(0), "normal")
    for entry in range(3):
        assert np.array_equal(batch.reference(a, b)[0][entry], single.reference(a[entry], b[entry])[0])
        assert np.array_equal(batch.tolerance(a, b)[0][entry], single.tolerance(a[entry], b[entry])[0])
    assert batch.flops == 3 * single.flops
    assert batch.bytes == 3 * single.bytes


def test_shapes_are_those_of_the_names() -> None:
    batch = BatchMatmul(b=3, m=9, n=31, k=33)
    assert batch.operands == (TensorSpec((3, 9, 33), "float32"), TensorSpec((3, 33, 31), "float32"))
    assert batch.outputs == (TensorSpec((3, 9, 31), "float32"),)
    assert "tensor<3x9x33xf32>, %b: tensor<3x33x31xf32>) -> tensor<3x9x31xf32>" in batch.source("mlir")

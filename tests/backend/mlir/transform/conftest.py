"""Where kernels that may be broken are run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.executor.local import Local


@pytest.fixture(scope="module")
def executor() -> Iterator[Local]:
    """A worker for each schedule, as in a study: a compiler that dies takes one schedule along."""
    executor = Local(slots=1)
    executor.start([*Mlir().preload, "mlopt.testing.backend"])
    yield executor
    executor.close()

"""Contract suites of the MLIR backend, whoever drives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlopt.backend.mlir import roofline
from mlopt.protocols import Workload
from mlopt.testing.backend import BackendContract
from mlopt.workloads.matmul.workload import Matmul


class MatmulContract(BackendContract):
    """On a product of square matrices, which can be spoilt without becoming invalid."""

    @pytest.fixture(autouse=True)
    def brief(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of a roofline it is asked only that there is one."""
        monkeypatch.setattr(roofline, "SECONDS", 0.02)

    def workload(self) -> Workload:
        return Matmul(m=32, n=32, k=32)

    def spoil(self, folder: Path) -> None:
        """Compute B A instead of A B."""
        payload = folder / "payload.mlir"
        payload.write_text(payload.read_text().replace("ins(%a, %b", "ins(%b, %a"))

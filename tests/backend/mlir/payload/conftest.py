"""An active context for what reads and changes payloads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlopt.backend.mlir.bindings import ir, new_context


@pytest.fixture(autouse=True)
def _context() -> Iterator[None]:
    context = new_context()
    with context, ir.Location.unknown(context):
        yield

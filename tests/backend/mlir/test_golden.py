"""The transform scripts and the IR that they lead to, as they stood when they were last looked at.

After a change that was meant, renew the files and read their difference: `python tests/backend/mlir/test_golden.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlopt.backend.mlir.bindings import apply_named_sequence, ir, new_context
from mlopt.backend.mlir.compiler import parse
from mlopt.backend.mlir.payload.contraction import Contraction
from mlopt.backend.mlir.simd import Simd
from mlopt.backend.mlir.space.matmul import ContractionSpace
from mlopt.backend.mlir.transform.matmul import transformation
from mlopt.core.schedule import Schedule, Value
from mlopt.protocols import Workload
from mlopt.workloads.batch_matmul.workload import BatchMatmul
from mlopt.workloads.matmul.workload import Matmul

FOLDER = Path(__file__).parent / "golden"
AVX2 = Simd(lanes=8, registers=16)


@dataclass(frozen=True)
class Case:
    workload: Workload
    values: Mapping[str, Value]
    """What differs from `PLAIN`."""

    @property
    def schedule(self) -> Schedule:
        return Schedule.of({**PLAIN, **self.values})


PLAIN: Mapping[str, Value] = {
    "reg_n": 8,
    "reg_m": 2,
    "reg_k": 2,
    "lowering": "outerproduct",
    "remainder": "mask",
    "tile_k": 8,
    "block_m": 8,
    "tile_m": 8,
    "block_n": 16,
    "tile_n": 16,
    "order": "nkm",
    "reg_order": "nm",
    "pack_a": "none",
    "pack_b": "none",
    "accumulate": "tile",
}
CASES = {
    "matmul_plain": Case(Matmul(m=8, n=16, k=8), {}),
    "matmul_blocked_packed": Case(
        Matmul(m=32, n=32, k=32),
        {
            "tile_k": 16,
            "block_m": 16,
            "tile_m": 16,
            "block_n": 32,
            "tile_n": 16,
            "pack_a": "panel",
            "pack_b": "whole",
            "accumulate": "block",
        },
    ),
    "batch_matmul_peeled": Case(
        BatchMatmul(b=3, m=5, n=8, k=4),
        {"remainder": "peel", "tile_k": 4, "block_m": 5, "tile_m": 5, "block_n": 8, "tile_n": 8, "pack_b": "block"},
    ),
}


def texts(case: Case) -> dict[str, str]:
    """The script and the IR after it; neither depends on the CPU."""
    context = new_context()
    with context, ir.Location.unknown(context):
        module = parse(case.workload.source("mlir"))
        contraction = Contraction.find(module)
        ContractionSpace(contraction, AVX2).check(case.schedule)
        script = transformation(contraction, case.schedule)
        written = str(script)
        apply_named_sequence(module, script.body.operations[0], script)
        return {"script": written, "optimized": str(module)}


def stripped(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


@pytest.mark.parametrize("name", CASES)
def test_scripts_and_ir_are_as_they_stood(name: str) -> None:
    for kind, text in texts(CASES[name]).items():
        assert stripped(text) == stripped((FOLDER / f"{name}.{kind}.mlir").read_text())


def test_no_file_is_left_over() -> None:
    expected = {f"{name}.{kind}.mlir" for name in CASES for kind in ("script", "optimized")}
    assert {path.name for path in FOLDER.iterdir()} == expected


if __name__ == "__main__":
    for name, case in CASES.items():
        for kind, text in texts(case).items():
            (FOLDER / f"{name}.{kind}.mlir").write_text("\n".join(stripped(text)) + "\n")

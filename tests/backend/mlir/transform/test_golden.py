"""The transform scripts and the IR that they lead to, as they stood when they were last looked at.

After a change that was meant, renew the files and read their difference:
`python tests/backend/mlir/transform/test_golden.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from mlopt.backend.mlir.bindings import apply_named_sequence, ir, new_context
from mlopt.backend.mlir.payload.contraction import Contraction
from mlopt.backend.mlir.payload.describe import read
from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.backend.mlir.simd import Simd
from mlopt.backend.mlir.space.matmul import ContractionSpace
from mlopt.backend.mlir.space.program import ProgramSpace
from mlopt.backend.mlir.transform import matmul, program
from mlopt.core.schedule import Decision, Schedule, Value
from mlopt.protocols import Workload
from mlopt.workloads.batch_matmul.workload import BatchMatmul
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.softmax.workload import Softmax

FOLDER = Path(__file__).parent / "golden"
AVX2 = Simd(lanes=8, registers=16)


Values = Mapping[str, Value]

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
    "order_1": "n",
    "order_2": "k",
    "reg_order": "nm",
    "pack_a": "none",
    "pack_b": "none",
    "accumulate": "tile",
}
PRODUCTS: dict[str, tuple[Workload, Values]] = {
    "matmul_plain": (Matmul(m=8, n=16, k=8), {}),
    "matmul_blocked_packed": (
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
    "batch_matmul_peeled": (
        BatchMatmul(b=3, m=5, n=8, k=4),
        {"remainder": "peel", "tile_k": 4, "block_m": 5, "tile_m": 5, "block_n": 8, "tile_n": 8, "pack_b": "block"},
    ),
}
"""What differs from `PLAIN`."""

PROGRAMS: dict[str, tuple[Workload, Values]] = {
    "softmax_by_rows": (
        Softmax(rows=8, cols=32),
        {"map1.parallel": "i", "map1.block_i": 4}
        | {f"{tag}.parallel": "fused" for tag in ("reduce1", "map0", "reduce0")}
        | {f"{tag}.width": 8 for tag in ("map1", "reduce1", "map0", "reduce0")}
        | {f"{tag}.rows": 1 for tag in ("map1", "map0")},
    ),
    "maxpool_separated": (
        Maxpool(n=2, c=2, h=7, w=20, k=3, stride=2),
        {
            "reduce1.parallel": "ij",
            "reduce1.block_i": 1,
            "reduce1.block_j": 1,
            "reduce0.parallel": "fused",
            "reduce0.width": 8,
        }
        | {"reduce0.unroll": 3, "reduce0.order_1": "k", "stack": 4096},
    ),
    "conv2d_tiled": (
        Conv2d(n=2, c=16, h=6, w=8, f=16, kh=3, kw=3, layout="nhwc"),
        {"parallel": "ij", "block_i": 1, "block_j": 1, "reg_n": 16, "reg_m": 3, "reg_k": 2, "order_1": "n"}
        | {"order_2": "k", "pack_b": "panel", "accumulate": "tile"},
    ),
}
"""What differs from the last of the options at each step."""

NAMES = (*PRODUCTS, *PROGRAMS)


def completed(space: ProgramSpace, values: Values) -> Schedule:
    """The schedule of these values, with the last legal value (the whole loop, the widest step) elsewhere."""
    prefix = Schedule()
    while options := space.options(prefix):
        wanted = values.get(options[0].knob, options[-1].value)
        prefix = prefix.then(Decision(options[0].knob, wanted))
    return prefix


def texts(name: str) -> dict[str, str]:
    """The script and the IR after it; neither depends on the CPU."""
    context = new_context()
    with context, ir.Location.unknown(context):
        if name in PRODUCTS:
            workload, values = PRODUCTS[name]
            module = parse(workload.source("mlir"))
            schedule = Schedule.of({**PLAIN, **values})
            contraction = Contraction.find(module)
            assert contraction is not None
            ContractionSpace(contraction, AVX2).check(schedule)
            script = matmul.transformation(contraction, schedule, AVX2.lanes, parallel=True)
        else:
            workload, values = PROGRAMS[name]
            module = parse(workload.source("mlir"))
            prepare(module)
            finish(module)
            space = ProgramSpace(read(module), AVX2, threads=2)
            schedule = completed(space, values)
            space.check(schedule)
            script = program.transformation(space, schedule)
        written = str(script)
        apply_named_sequence(module, script.body.operations[0], script)
        return {"script": written, "optimized": str(module)}


def stripped(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_scripts_and_ir_are_as_they_stood(name: str) -> None:
    for kind, text in texts(name).items():
        assert stripped(text) == stripped((FOLDER / f"{name}.{kind}.mlir").read_text())


def test_no_file_is_left_over() -> None:
    expected = {f"{name}.{kind}.mlir" for name in NAMES for kind in ("script", "optimized")}
    assert {path.name for path in FOLDER.iterdir()} == expected


if __name__ == "__main__":
    for name in NAMES:
        for kind, text in texts(name).items():
            (FOLDER / f"{name}.{kind}.mlir").write_text("\n".join(stripped(text)) + "\n")

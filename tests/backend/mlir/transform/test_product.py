"""Register tiles of products that read windows: rows that are strided, and rows that are left over."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.target import described
from mlopt.core.schedule import Schedule, Value
from mlopt.testing.backend import assert_right
from mlopt.workloads.conv2d.workload import Conv2d

WISHES: Mapping[str, Value] = {"algorithm": "direct", "pack_b": "block", "accumulate": "tile"}
CHANNELS = {"n": 1, "c": 8, "h": 29, "kh": 3, "kw": 3}


def schedule(backend: Mlir, workload: Conv2d, **wishes: Value) -> Schedule:
    """The last option of every knob, but for these."""
    space, path, wanted = backend.space(workload), Schedule(), {**WISHES, **wishes}
    while options := space.options(path):
        path = path.then(next((o for o in options if o.value == wanted.get(o.knob)), options[-1]))
    return path


@pytest.mark.parametrize(("layout", "rows"), [("nchw", "j"), ("nhwc", "i")])
@pytest.mark.parametrize(("stride", "wide"), [(1, 25), (2, 47)])
@pytest.mark.parametrize("cpu", ["avx2", "avx512"])
def test_rows_that_fill_no_register_tile_are_split_off(
    cpu: str, layout: str, rows: str, stride: int, wide: int
) -> None:
    backend = Mlir(threads=1, target=described(cpu))
    lanes = backend.target.simd.lanes
    workload = Conv2d(**CHANNELS, f=lanes, w=wide, stride=stride, layout=layout)
    assert 23 in workload.outputs[0].shape  # columns: three tiles and two more
    chosen = schedule(backend, workload, parallel=rows, reg_n=lanes, reg_m=7)
    program = backend.build(workload, chosen)
    assert_right(program.load(), workload)
    carried = set(re.findall(r"iter_args\(.*\) -> \((.*)\)", program.ir))
    if stride == 1:
        assert {f"vector<{count}x{lanes}xf32>" for count in (7, 2)} <= carried
    else:
        assert ", ".join([f"vector<{lanes}xf32>"] * 7) in carried  # an accumulator for each row


@pytest.mark.parametrize("cpu", ["avx2", "avx512"])
@pytest.mark.parametrize(("vectors", "columns"), [(3, 3), (2, 2.5), (4, 3.75), (2, 0.75)])
def test_register_tiles_are_of_vectors_that_the_cpu_has(cpu: str, vectors: int, columns: float) -> None:
    backend = Mlir(threads=1, target=described(cpu))
    lanes = backend.target.simd.lanes
    workload = Conv2d(**{**CHANNELS, "h": 7, "w": 11}, f=int(columns * lanes), layout="nhwc")
    chosen = schedule(backend, workload, parallel="i", reg_n=vectors * lanes, reg_m=3)
    program = backend.build(workload, chosen)
    assert_right(program.load(), workload)
    widths = {int(width) for width in re.findall(r"vector\.fma.* : vector<(\d+)xf32>", program.ir)}
    assert widths
    assert widths <= {lanes, 2 * lanes, 4 * lanes}


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_a_hint_cuts_its_register_tile_by_what_a_block_holds_of_its_own_loops(layout: str) -> None:
    workload = Conv2d(n=1, c=64, h=58, w=58, f=64, kh=3, kw=3, layout=layout)  # as many rows as columns
    hints = [hint for hint in Mlir(threads=2).space(workload).hints() if hint["algorithm"] == "direct"]
    columns = hints[0]["block_k" if layout == "nchw" else "block_j"]
    for hint in hints:
        assert int(columns) % int(hint["reg_m"]) == 0
        assert int(hint["reg_m"]) > 4

"""Convolutions by img2col: every window is written out, and what is left is a plain product."""

from __future__ import annotations

from pathlib import Path

import convolutions
import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.payload.algorithms.img2col import rewrite, rewrites, windows
from mlopt.backend.mlir.payload.describe import read
from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.backend.mlir.payload.nest import LoopNest
from mlopt.core.schedule import Schedule
from mlopt.protocols import Workload
from mlopt.testing.backend import assert_computes
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.mlir_file.workload import MlirFile

SMALL = {"n": 2, "c": 5, "h": 9, "w": 10, "f": 6, "kh": 3, "kw": 2}
WORKLOADS = (
    Conv2d(**SMALL),
    Conv2d(**SMALL, layout="nhwc"),
    Conv2d(**SMALL, stride=2),
    Conv2d(**SMALL, stride=2, layout="nhwc"),
    Conv2d(n=1, c=5, h=9, w=9, f=6, kh=1, kw=1, stride=2),
)


def rewritten(source: str) -> tuple[LoopNest, ...]:
    module = parse(source)
    prepare(module)
    rewrite(module)
    assert not list(windows(module))
    return read(module)


def computes(workload: Workload) -> None:
    backend = Mlir(threads=1)
    hints = [hint for hint in backend.space(workload).hints() if hint.get("algorithm") == "img2col"]
    assert hints
    assert_computes(backend, workload, Schedule.of(hints[0]))


@pytest.mark.parametrize("workload", WORKLOADS, ids=str)
def test_the_result_is_right(workload: Workload) -> None:
    computes(workload)


@pytest.mark.parametrize("text", [convolutions.GROUPED, convolutions.OFFSET, convolutions.STRIDED])
def test_users_convolutions_are_right(tmp_path: Path, text: str) -> None:
    (tmp_path / "program.mlir").write_text(text)
    computes(MlirFile(str(tmp_path / "program.mlir"), None))


@pytest.mark.parametrize(
    ("layout", "shape"),
    [("nchw", (2, 5, 3, 2, 7, 9)), ("nhwc", (2, 7, 9, 3, 2, 5))],  # images, channels, taps, pixels
)
def test_what_was_side_by_side_in_the_image_stays_so(layout: str, shape: tuple[int, ...]) -> None:
    nests = rewritten(Conv2d(**SMALL, layout=layout).source("mlir"))
    (copy,) = [nest for nest in nests if nest.inputs and not nest.operations and not nest.is_fill]
    assert copy.outputs[0].shape == shape


def test_the_sum_becomes_one_loop() -> None:
    module = parse(Conv2d(**SMALL).source("mlir"))
    prepare(module)
    rewrite(module)
    (product,) = [nest for nest in finish(module) if nest.is_product]
    assert product.sizes == (2, 6, 7 * 9, 5 * 3 * 2)


@pytest.mark.parametrize(
    "workload",
    [Conv2d(n=2, c=5, h=9, w=10, f=6, kh=1, kw=1), Matmul(m=4, n=5, k=6), Maxpool(n=1, c=2, h=8, w=8, k=3, stride=2)],
    ids=str,
)
def test_what_reads_plain_matrices_or_is_no_product_needs_no_copy(workload: Workload) -> None:
    module = parse(workload.source("mlir"))
    prepare(module)
    assert not rewrites(module)

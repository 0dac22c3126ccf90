"""Reductions over windows are split where that saves work, and compute what they did."""

from __future__ import annotations

import pytest

from mlopt.backend.mlir.payload.describe import read
from mlopt.backend.mlir.payload.frontend import parse, prepare
from mlopt.backend.mlir.payload.nest import LoopNest
from mlopt.workloads.maxpool.workload import Maxpool

POOL = "linalg.pooling_nchw_max"


def pooling(k: int, stride: int, kind: str = POOL, start: str = "0xFF800000") -> str:
    """A pooling of an image of 1, 2, 9, 12, as text."""
    high, wide = (9 - k) // stride + 1, (12 - k) // stride + 1
    source = Maxpool(n=1, c=2, h=9, w=12, k=k, stride=stride).source("mlir")
    assert f"tensor<1x2x{high}x{wide}xf32>" in source
    return source.replace(POOL, kind).replace("0xFF800000", start)


def reductions(source: str) -> list[LoopNest]:
    module = parse(source)
    prepare(module)
    return [nest for nest in read(module) if nest.reductions]


def test_columns_come_first_then_rows() -> None:
    columns, rows = reductions(pooling(3, 2))
    assert columns.sizes == (1, 2, 4, 12, 3)
    assert columns.inputs[0].rows == ((1, 0, 0, 0, 0), (0, 1, 0, 0, 0), (0, 0, 2, 0, 1), (0, 0, 0, 1, 0))
    assert columns.vectorizable(3)
    assert rows.sizes == (1, 2, 4, 5, 3)
    assert rows.inputs[0].rows == ((1, 0, 0, 0, 0), (0, 1, 0, 0, 0), (0, 0, 1, 0, 0), (0, 0, 0, 2, 1))
    assert rows.inputs[0].producer == columns.tag


@pytest.mark.parametrize(("k", "stride", "nests"), [(3, 1, 2), (2, 2, 2), (1, 2, 1)])
def test_windows_are_split_where_they_have_two_directions(k: int, stride: int, nests: int) -> None:
    assert len(reductions(pooling(k, stride))) == nests


def test_windows_of_channels_last_are_split_where_that_is_less_work() -> None:
    for stride, nests in ((1, 2), (3, 1)):
        size = (12 - 3) // stride + 1
        image, result = "tensor<1x12x12x8xf32>", f"tensor<1x{size}x{size}x8xf32>"
        source = f"""
        func.func @f(%x: {image}) -> {result} {{
          %zero = arith.constant 0.0 : f32
          %empty = tensor.empty() : {result}
          %init = linalg.fill ins(%zero : f32) outs(%empty : {result}) -> {result}
          %window = tensor.empty() : tensor<3x3xf32>
          %y = linalg.pooling_nhwc_sum {{strides = dense<{stride}> : tensor<2xi64>}}
              ins(%x, %window : {image}, tensor<3x3xf32>) outs(%init : {result}) -> {result}
          return %y : {result}
        }}"""
        assert len(reductions(source)) == nests


def test_a_sum_is_split_only_where_it_starts_from_zero() -> None:
    total = "linalg.pooling_nchw_sum"
    assert len(reductions(pooling(3, 2, total, "0.0"))) == 2
    assert len(reductions(pooling(3, 2, total, "1.0"))) == 1


def test_what_reads_beside_the_windows_corner_is_left_alone() -> None:
    source = """
    #read = affine_map<(i, j, p, q) -> (2 * i + p, 2 * j + q + OFFSET)>
    #window = affine_map<(i, j, p, q) -> (p, q)>
    #write = affine_map<(i, j, p, q) -> (i, j)>
    func.func @f(%x: tensor<9x12xf32>) -> tensor<4x5xf32> {
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : tensor<4x5xf32>
      %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x5xf32>) -> tensor<4x5xf32>
      %shape = tensor.empty() : tensor<3x3xf32>
      %y = linalg.generic {indexing_maps = [#read, #window, #write],
                           iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
          ins(%x, %shape : tensor<9x12xf32>, tensor<3x3xf32>) outs(%init : tensor<4x5xf32>) {
      ^bb0(%in: f32, %unused: f32, %out: f32):
        %least = arith.minimumf %in, %out : f32
        linalg.yield %least : f32
      } -> tensor<4x5xf32>
      return %y : tensor<4x5xf32>
    }"""
    assert len(reductions(source.replace("OFFSET", "0"))) == 2
    assert len(reductions(source.replace("OFFSET", "1"))) == 1
    assert len(reductions(source.replace("OFFSET", "0").replace("minimumf", "subf"))) == 1
    assert len(reductions(source.replace("OFFSET", "0").replace("%in, %out", "%unused, %out"))) == 1

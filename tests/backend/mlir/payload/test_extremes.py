"""A search for the place of an extreme becomes two plain reductions."""

from __future__ import annotations

import pytest

from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.backend.mlir.payload.nest import LoopNest

LEAST, GREATEST = "0xFF800000", "0x7F800000"


def search(combiner: str = "maximumf", later: str = "ogt", start: str = LEAST, place: int = 0, loop: int = 1) -> str:
    """The place of the extreme in each row, as text."""
    return f"""
    func.func @f(%x: tensor<6x35xf32>) -> tensor<6xi64> {{
      %start = arith.constant {start} : f32
      %place = arith.constant {place} : i64
      %e = tensor.empty() : tensor<6xf32>
      %values = linalg.fill ins(%start : f32) outs(%e : tensor<6xf32>) -> tensor<6xf32>
      %p = tensor.empty() : tensor<6xi64>
      %places = linalg.fill ins(%place : i64) outs(%p : tensor<6xi64>) -> tensor<6xi64>
      %y:2 = linalg.generic {{
          indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i)>],
          iterator_types = ["parallel", "reduction"]
      }} ins(%x : tensor<6x35xf32>) outs(%values, %places : tensor<6xf32>, tensor<6xi64>) {{
      ^bb0(%a: f32, %best: f32, %last: i64):
        %index = linalg.index {loop} : index
        %here = arith.index_cast %index : index to i64
        %value = arith.{combiner} %a, %best : f32
        %more = arith.cmpf {later}, %a, %best : f32
        %found = arith.select %more, %here, %last : i64
        linalg.yield %value, %found : f32, i64
      }} -> (tensor<6xf32>, tensor<6xi64>)
      return %y#1 : tensor<6xi64>
    }}"""


def reductions(source: str) -> list[LoopNest]:
    module = parse(source)
    prepare(module)
    return [nest for nest in finish(module) if nest.reductions]


@pytest.mark.parametrize(("combiner", "later", "start"), [("maximumf", "ogt", LEAST), ("minimumf", "olt", GREATEST)])
def test_the_extreme_and_its_place_are_reductions_of_vectors(combiner: str, later: str, start: str) -> None:
    extreme, place = reductions(search(combiner, later, start))
    assert extreme.operations == (f"arith.{combiner}",)
    assert place.operations[-1] == "arith.minsi"
    for nest in (extreme, place):
        assert nest.combines
        assert nest.vectorizable(1)


@pytest.mark.parametrize(
    "source",
    [
        search(later="oge"),
        search(later="olt"),
        search(start="0.0"),
        search(place=1),
        search(loop=0),
        search(combiner="minimumf", later="olt"),
    ],
    ids=["the last place", "another place", "a start that may win", "a start elsewhere", "the row", "a wrong start"],
)
def test_what_looks_for_something_else_stays_as_it_is(source: str) -> None:
    (found,) = reductions(source)
    assert len(found.outputs) == 2

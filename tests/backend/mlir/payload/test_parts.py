"""Sums over everything are made of sums over parts, and those of rows are left alone."""

from __future__ import annotations

import pytest

from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.backend.mlir.payload.nest import LoopNest
from mlopt.backend.mlir.payload.parts import FEW, LEAST_TERMS, MOST_PARTS

LARGE = MOST_PARTS * LEAST_TERMS


def reductions(source: str) -> list[LoopNest]:
    module = parse(source)
    prepare(module)
    return [nest for nest in finish(module) if nest.reductions]


def rows(count: int, terms: int, combiner: str = "arith.addf", start: str = "0.0", term: str = "") -> str:
    """The sum over each row, as text; `term` is computed of %a and called %b."""
    return f"""
    func.func @f(%x: tensor<{count}x{terms}xf32>) -> tensor<{count}xf32> {{
      %start = arith.constant {start} : f32
      %empty = tensor.empty() : tensor<{count}xf32>
      %clear = linalg.fill ins(%start : f32) outs(%empty : tensor<{count}xf32>) -> tensor<{count}xf32>
      %y = linalg.generic {{
          indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
          iterator_types = ["parallel", "reduction"]
      }} ins(%x : tensor<{count}x{terms}xf32>) outs(%clear : tensor<{count}xf32>) {{
      ^bb0(%a: f32, %total: f32):
        {term or "%b = math.absf %a : f32"}
        %sum = {combiner} %b, %total : f32
        linalg.yield %sum : f32
      }} -> tensor<{count}xf32>
      return %y : tensor<{count}xf32>
    }}"""


@pytest.mark.parametrize(("combiner", "start"), [("arith.addf", "2.0"), ("arith.maximumf", "0xFF800000")])
def test_few_long_sums_have_a_parallel_loop_over_parts(combiner: str, start: str) -> None:
    parts, total = reductions(rows(3, LARGE, combiner, start))
    assert (parts.sizes, parts.reductions) == ((MOST_PARTS, 3, LEAST_TERMS), frozenset({2}))
    assert parts.operations == ("math.absf", combiner)
    assert parts.consumers == (total.tag,)
    assert parts.outputs[0].shape == (3, MOST_PARTS)  # in the order in which its terms are read
    assert (total.sizes, total.reductions) == ((3, MOST_PARTS), frozenset({1}))
    assert total.operations == (combiner,)


def test_a_sum_over_everything_is_one_loop_before_it_is_cut() -> None:
    parts, total = reductions(rows(1, LARGE))
    assert parts.sizes == (MOST_PARTS, LEAST_TERMS)
    assert total.sizes == (MOST_PARTS,)


def test_parts_have_enough_terms_and_whole_eights_of_them_are_preferred() -> None:
    parts, _ = reductions(rows(1, 60 * LEAST_TERMS))
    assert parts.sizes[0] == 48
    parts, _ = reductions(rows(1, 16 * LEAST_TERMS))
    assert parts.sizes == (16, LEAST_TERMS)


AT_PLACE = "%p = linalg.index 1 : index %i = arith.index_cast %p : index to i32 %b = arith.sitofp %i : i32 to f32"


@pytest.mark.parametrize(
    "source",
    [
        rows(FEW, LARGE),
        rows(1, (FEW - 1) * LEAST_TERMS),
        rows(1, 65537),
        rows(2, LARGE, "arith.mulf", "1.0"),
        rows(2, LARGE, "arith.subf"),
        rows(2, LARGE, term=AT_PLACE),
    ],
    ids=["many results", "few terms", "a prime number of terms", "products", "no sum at all", "places"],
)
def test_other_sums_stay_as_they_are(source: str) -> None:
    (found,) = reductions(source)
    assert len(found.reductions) == 1


def test_what_another_nest_computes_is_summed_in_its_blocks() -> None:
    source = f"""
    func.func @f(%x: tensor<4x{LARGE}xf32>) -> tensor<f32> {{
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<{LARGE}xf32>
      %c = linalg.fill ins(%zero : f32) outs(%e : tensor<{LARGE}xf32>) -> tensor<{LARGE}xf32>
      %y = linalg.reduce {{ arith.addf }}
          ins(%x : tensor<4x{LARGE}xf32>) outs(%c : tensor<{LARGE}xf32>) dimensions = [0]
      %e1 = tensor.empty() : tensor<f32>
      %c1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<f32>) -> tensor<f32>
      %z = linalg.reduce {{ arith.maximumf }}
          ins(%y : tensor<{LARGE}xf32>) outs(%c1 : tensor<f32>) dimensions = [0]
      return %z : tensor<f32>
    }}"""
    columns, total = reductions(source)
    assert total.sizes == (LARGE,)
    assert total.inputs[0].producer == columns.tag

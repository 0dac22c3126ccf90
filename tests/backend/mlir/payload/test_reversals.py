"""What is read or written backwards: loops turn round, or copies are made."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mlopt.backend.mlir.bindings import active
from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.backend.mlir.payload.nest import LoopNest


def nests(reads: Sequence[str], shapes: Sequence[str], written: str = "i, j", sums: bool = False) -> list[LoopNest]:
    """Those of a sum, or of products of the elements that are read, at these subscripts over loops of 8 and 6."""
    kinds = [f"tensor<{shape}xf32>" for shape in (*shapes, "8" if sums else "8x6")]
    maps = ", ".join(f"affine_map<(i, j) -> ({each})>" for each in (*reads, "i" if sums else written))
    names = [f"%x{number}" for number in range(len(reads))]
    elements = [f"%e{number}" for number in range(len(reads))]
    signature = ", ".join(f"{name}: {kind}" for name, kind in zip(names, kinds, strict=False))
    start = "%clear" if sums else "%empty"
    text = f"""func.func @f({signature}) -> {kinds[-1]} {{
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : {kinds[-1]}
      %clear = linalg.fill ins(%zero : f32) outs(%empty : {kinds[-1]}) -> {kinds[-1]}
      %r = linalg.generic {{indexing_maps = [{maps}],
                            iterator_types = ["parallel", "{"reduction" if sums else "parallel"}"]}}
          ins({", ".join(names)} : {", ".join(kinds[:-1])}) outs({start} : {kinds[-1]}) {{
      ^bb0({", ".join(f"{each}: f32" for each in (*elements, "%o"))}):
        %product = arith.mulf {elements[0]}, {elements[-1]} : f32
        %sum = arith.addf %o, %product : f32
        linalg.yield {"%sum" if sums else "%product"} : f32
      }} -> {kinds[-1]}
      return %r : {kinds[-1]}
    }}"""
    with active():
        module = parse(text)
        prepare(module)
        return [nest for nest in finish(module) if not nest.is_fill]


def least(found: Sequence[LoopNest]) -> int:
    accesses = [access for nest in found for access in (*nest.inputs, *nest.outputs)]
    return min(min(row, default=0) for access in accesses for row in access.rows)


@pytest.mark.parametrize(
    ("reads", "shapes", "sums"),
    [
        (["i, 5 - j"], ["8x6"], False),
        (["7 - i, 5 - j"], ["8x6"], False),
        (["i - j + 5"], ["13"], False),
        (["-2 * i + 14, j"], ["15x6"], False),
        (["i - j + 5", "j"], ["13", "6"], True),
        (["i, 5 - j", "j"], ["8x6", "6"], True),
    ],
)
def test_nothing_is_read_backwards(reads: list[str], shapes: list[str], sums: bool) -> None:
    assert least(nests([*reads, "i, j"], [*shapes, "8x6"], sums=sums)) >= 0


def test_what_is_read_backwards_once_is_no_nest_of_its_own() -> None:
    assert len(nests(["i, 5 - j", "i, j"], ["8x6", "8x6"])) == 1


def test_what_is_read_backwards_again_and_again_is_copied_once() -> None:
    copy, reader = nests(["5 - j", "i, j"], ["6", "8x6"])
    assert copy.sizes == (6,)
    assert reader.inputs[0].producer == copy.tag


def test_a_sum_along_a_window_runs_the_other_way() -> None:
    copy, window = nests(["i - j + 5", "j"], ["13", "6"], sums=True)
    assert copy.sizes == (6,)  # the window, not what it slides along
    assert window.inputs[0].rows == ((1, 1),)
    assert window.inputs[0].offsets == ()


def test_a_result_that_is_written_backwards_is_written_forwards() -> None:
    (nest,) = nests(["i, j", "7 - i, j"], ["8x6", "8x6"], written="7 - i, j")
    assert nest.outputs[0].is_projection
    assert nest.outputs[0].offsets == ()

"""Convolution as a matrix product: what the filters see of the image is written out first (Chellapilla et al. 2006)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .....core.schedule import Schedule
from ...bindings import ir
from ..build import copied, loops
from ..describe import read
from ..merge import wall
from ..names import MEMOIZED, TAG
from ..nest import LoopNest
from ..product import Product
from ..walk import operations


def rewrites(module: Any) -> Mapping[Schedule, Callable[[Any], None]]:
    """Where there are products that read one operand through sums of loops, or with strides."""
    return {Schedule.of({"algorithm": "img2col"}): rewrite} if any(windows(module)) else {}


def rewrite(module: Any) -> None:
    """Copy all that such a product reads into a tensor of which each subscript is a loop, and let it read that."""
    for op, product in list(windows(module)):
        with ir.InsertionPoint(op), op.location:
            _unfold(op, product)


def windows(module: Any) -> Iterator[tuple[Any, Product]]:
    """The products of a prepared module of which one operand is no plain matrix, and their operations."""
    nests = {nest.tag: nest for nest in read(module)}
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic"]:
        product = Product.find(nests[str(ir.StringAttr(op.attributes[TAG]).value)])
        if product is not None and not _is_plain(product.nest, product.left):
            yield op, product


def _is_plain(nest: LoopNest, operand: int) -> bool:
    """Whether every subscript is a loop of its own, but for loops of one iteration."""
    rows = nest.inputs[operand].rows
    found = [[c for c, size in zip(row, nest.sizes, strict=True) if c and size > 1] for row in rows]
    return all(row in ([], [1]) for row in found)


def _unfold(op: Any, product: Product) -> None:
    nest, left = product.nest, product.left
    order = _dimensions(product)
    place = {loop: ir.AffineDimExpr.get(position) for position, loop in enumerate(order)}
    zero = ir.AffineConstantExpr.get(0)
    places = ir.AffineMap.get(len(order), 0, [place.get(loop, zero) for loop in range(len(nest.sizes))])
    maps = list(op.attributes["indexing_maps"])
    subscripts = [each.compose(places) for each in ir.AffineMapAttr(maps[left]).value.results]
    op.operands[left] = wall(copied(op.operands[left], subscripts, [nest.sizes[loop] for loop in order]))
    every = loops(len(nest.sizes))
    maps[left] = ir.AffineMapAttr.get(ir.AffineMap.get(len(every), 0, [every[loop] for loop in order]))
    op.attributes["indexing_maps"] = ir.ArrayAttr.get(maps)
    if MEMOIZED in op.attributes:
        del op.attributes[MEMOIZED]


def _dimensions(product: Product) -> list[int]:
    """The loops of the copy: in the order of C and B, and so that the neighbours in A are neighbours again."""
    nest = product.nest
    a, b = nest.inputs[product.left], nest.inputs[1 - product.left]
    used = [loop for loop, size in enumerate(nest.sizes) if size > 1 and a.varies_with(loop)]
    parallel = [loop for row in nest.outputs[0].rows for loop in used if row[loop]]
    sums = sorted((loop for loop in used if loop in nest.reductions), key=lambda loop: _first(b.rows, loop))
    if any(a.rows[-1][loop] for loop in parallel):
        images = [loop for loop in parallel if loop in product.outer and a.plain(loop) is not None]
        return [*images, *sums, *(loop for loop in parallel if loop not in images)]
    return [*parallel, *sums]


def _first(rows: tuple[tuple[int, ...], ...], loop: int) -> int:
    """The first subscript in which a loop occurs."""
    return next((position for position, row in enumerate(rows) if row[loop]), len(rows))

"""Winograd's minimal filtering, F(m x m, 3 x 3): fewer products for more additions (Winograd 1980; Lavin, Gray 2016).

An output tile of m by m pixels is A^T [(G g G^T) * (B^T d B)] A, with one product of matrices over channels for each of
the (m + 2)^2 points of the transformed tiles. The matrices are those of Toom and Cook, for the interpolation points
0, 1, -1, -2, 1/2 and infinity.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....core.schedule import Schedule
from ...bindings import ir
from ..build import Label, Subscript, copied, einsum, join, loops
from ..merge import wall
from ..product import Product
from .img2col import windows

TAPS = 3
"""The filter's extent along each side."""

POINTS = (0.0, 1.0, -1.0, -2.0, 0.5)
"""Finite interpolation points, in the order in which larger tiles take them in (Barabasz et al. 2020)."""

LEAST_CHANNELS = {2: 4, 3: 16, 4: 16}
"""Pixels of an output tile along each side, and the terms that a product of its points must have.

Transforms round relative to the largest pixel of a patch, but what is tolerated is relative to the terms of one output
pixel. With many channels both are alike: from these on the error stays below a quarter of the tolerance of conv2d.
"""

Matrix = NDArray[np.float64]


def rewrites(module: Any) -> Mapping[Schedule, Callable[[Any], None]]:
    """Where there are windows of 3 by 3 with unit stride, which output tiles cover evenly and precisely."""
    found = [filtering for _, filtering in _filterings(module)]
    ways = [tile for tile in LEAST_CHANNELS if any(filtering.admits(tile) for filtering in found)]
    return {
        Schedule.of({"algorithm": "winograd", "output_tile": tile}): functools.partial(rewrite, tile) for tile in ways
    }


def rewrite(tile: int, module: Any) -> None:
    """Compute the convolutions that admit it with output tiles of `tile` by `tile`."""
    for op, filtering in list(_filterings(module)):
        if filtering.admits(tile):
            with ir.InsertionPoint(op), op.location:
                _replace(op, filtering, tile)


def _filterings(module: Any) -> Iterator[tuple[Any, Filtering]]:
    for op, product in windows(module):
        if _from_zero(op) and (filtering := Filtering.find(product)):
            yield op, filtering


def _from_zero(op: Any) -> bool:
    """Whether no subscript has an offset."""
    maps = [ir.AffineMapAttr(each).value for each in op.attributes["indexing_maps"]]
    zeros = ir.AffineMap.get(0, 0, [ir.AffineConstantExpr.get(0)] * maps[0].n_dims)
    return all(ir.AffineConstantExpr(each.compose(zeros)).value == 0 for one in maps for each in one.results)


def matrices(tile: int) -> tuple[Matrix, Matrix, Matrix]:
    """(A^T, G, B^T) of F(tile, 3), shapes (tile, p), (p, 3), (p, p) with p = tile + 2 points.

    Point by point: A^T evaluates a polynomial of the outputs, G one of the filter and divides by how far the point is
    from the others, B^T multiplies with the polynomial that is zero at all the others; infinity comes last.
    """
    points = POINTS[: tile + TAPS - 2]
    others = [[each for each in points if each != point] for point in points]
    distances = [math.prod(point - each for each in rest) for point, rest in zip(points, others, strict=True)]
    evaluated = np.array([[point**power for point in points] for power in range(max(tile, TAPS))], float)
    infinity = np.eye(tile + TAPS)
    output = np.column_stack([evaluated[:tile], infinity[:tile, tile - 1]])
    filters = np.vstack([evaluated[:TAPS].T / np.array(distances)[:, None], infinity[TAPS - 1, :TAPS]])
    inputs = np.vstack([*(np.append(_with_roots(rest), 0.0) for rest in others), _with_roots(points)])
    return output, filters, inputs


def _with_roots(roots: Sequence[float]) -> Matrix:
    """The coefficients of the polynomial with these zeros, from the constant one up."""
    return np.asarray(np.polynomial.Polynomial.fromroots(roots).coef, np.float64)


@dataclass(frozen=True)
class Filtering:
    """A convolution with filters of 3 by 3: the loops of its product by what they do."""

    product: Product
    rows: tuple[int, int]
    """Along the outer side of the windows: the output's loop and the filter's."""
    columns: tuple[int, int]

    @classmethod
    def find(cls, product: Product) -> Filtering | None:
        """The windows of a product; None where there are others than 3 by 3 with unit stride."""
        nest = product.nest
        a, b = nest.inputs[product.left], nest.inputs[1 - product.left]
        sides = []
        if not all(any(row) for row in (*a.rows, *b.rows, *nest.outputs[0].rows)):
            return None
        for row in a.rows:
            used = [loop for loop, coefficient in enumerate(row) if coefficient]
            if len(used) == 1 and row[used[0]] == 1:
                continue
            sums = [loop for loop in used if loop in nest.reductions]
            pixels = [loop for loop in used if loop not in nest.reductions]
            if len(sums) != 1 or len(pixels) != 1 or any(row[loop] != 1 for loop in used):
                return None
            sides.append((pixels[0], sums[0]))
        inside = [loop for side in sides for loop in side]
        alone = all(sum(bool(row[loop]) for row in a.rows) == 1 for loop in inside)
        kept = all(b.plain(tap) is not None and not b.varies_with(pixel) for pixel, tap in sides)
        if len(sides) != 2 or not alone or not kept or any(nest.sizes[tap] != TAPS for _, tap in sides):
            return None
        return cls(product, sides[0], sides[1])

    def admits(self, tile: int) -> bool:
        """Whether output tiles cover the image evenly, and are precise enough."""
        nest = self.product.nest
        channels = math.prod(nest.sizes[loop] for loop in nest.reductions) // TAPS**2
        even = all(nest.sizes[pixel] % tile == 0 for pixel, _ in (self.rows, self.columns))
        return even and channels >= LEAST_CHANNELS[tile]


def _replace(op: Any, filtering: Filtering, tile: int) -> None:
    """Loops keep their numbers as labels; points, tiles and the pixels in a tile have labels of their own."""
    product = filtering.product
    nest, left = product.nest, product.left
    a, b, (c,) = nest.inputs[left], nest.inputs[1 - left], nest.outputs
    image, filters = op.operands[left], op.operands[1 - left]
    (row, row_tap), (column, column_tap) = filtering.rows, filtering.columns
    taps = (row_tap, column_tap)
    to_output, to_filters, to_input = matrices(tile)
    points, kind = tile + TAPS - 1, image.type.element_type
    sizes: dict[Label, int] = dict(enumerate(nest.sizes))
    sizes |= {"p": points, "q": points, "y": tile, "x": tile, row_tap: TAPS, column_tap: TAPS, "i": points, "j": points}
    sizes |= {"rows": nest.sizes[row] // tile, "columns": nest.sizes[column] // tile}
    sizes |= {"height": nest.sizes[row] + TAPS - 1, "width": nest.sizes[column] + TAPS - 1}
    features: list[Label] = [loop for loop in nest.parallel if b.varies_with(loop) and not a.varies_with(loop)]
    channels: list[Label] = [loop for loop in sorted(nest.reductions) if loop not in taps]

    seen: dict[Label, Label] = {row: "height", column: "width"}
    read = [seen.get(loop, loop) for loop in (_loop(each, taps) for each in a.rows)]
    image, read = _with_last(image, read, channels, sizes)
    step = image
    for side, tiles, point, tap in (("height", "rows", "p", "i"), ("width", "columns", "q", "j")):
        split = [each for label in read for each in ([tiles, point] if label == side else [label])]
        split = ["p", "q", *(label for label in split if label not in ("p", "q"))] if side == "width" else split
        strided: list[Subscript] = [(tiles, tile, tap) if label == side else label for label in read]
        step, read = einsum(_constant(to_input, kind), step, [point, tap], strided, split, sizes), split

    filters, taken = _with_last(filters, [_loop(each) for each in b.rows], features, sizes)
    weights: list[Label] = ["p", "q", *(label for label in taken if label not in taps)]
    both = np.einsum("pi,qj->pqij", to_filters, to_filters)
    filtered = einsum(_constant(both, kind), filters, ["p", "q", *taps], taken, weights, sizes)

    products: list[Label] = [*(label for label in read if label not in channels), *features]
    step = einsum(step, filtered, read, weights, products, sizes)

    tiled: dict[Label, list[Label]] = {row: ["rows", "y"], column: ["columns", "x"]}
    parts = [tiled.get(loop, [loop]) for loop in map(_loop, c.rows)]
    both = np.einsum("yp,xq->yxpq", to_output, to_output)
    pixels = [label for part in parts for label in part]
    along = pixels if pixels[-1] in features else [*(each for each in pixels if each not in features), *features]
    step = einsum(_constant(both, kind), step, ["y", "x", "p", "q"], products, along, sizes)
    if along != pixels:
        places = loops(len(pixels))
        step = copied(wall(step), [places[pixels.index(label)] for label in along], [sizes[label] for label in pixels])
    _hand_on(op, step, parts)


def _with_last(
    tensor: Any, labels: Sequence[Label], last: Sequence[Label], sizes: Mapping[Label, int]
) -> tuple[Any, list[Label]]:
    """A tensor whose innermost dimension is one of `last`, with its labels: transposed once, if need be."""
    if labels[-1] in last or not last:
        return tensor, list(labels)
    order = [*(label for label in labels if label not in last), *last]
    places = loops(len(order))
    read = [places[order.index(label)] for label in labels]
    return copied(tensor, read, [sizes[label] for label in order]), order


def _loop(row: tuple[int, ...], besides: Collection[int] = ()) -> int:
    """The loop of a subscript, other than these."""
    return next(loop for loop, coefficient in enumerate(row) if coefficient and loop not in besides)


def _constant(values: Matrix, kind: Any) -> Any:
    attribute = ir.DenseElementsAttr.get(np.ascontiguousarray(values, np.float32))
    shape = ir.RankedTensorType.get(values.shape, kind)
    return ir.Operation.create("arith.constant", results=[shape], attributes={"value": attribute}).result


def _hand_on(op: Any, value: Any, parts: Sequence[Sequence[Any]]) -> None:
    """Let `value` stand for the result of `op`, whose dimensions have these parts; a function returns it as it is.

    Its elements lie in memory in the same order, so that a caller finds what it expects.
    """
    (result,) = op.results
    users = [use.owner.operation for use in result.uses]
    if all(user.name == "func.return" for user in users):
        result.replace_all_uses_with(value)
        for user in users:
            function = user.parent
            kind = ir.FunctionType(ir.TypeAttr(function.attributes["function_type"]).value)
            returned = ir.FunctionType.get(kind.inputs, [each.type for each in user.operands])
            function.attributes["function_type"] = ir.TypeAttr.get(returned)
    else:
        ends = list(itertools.accumulate(map(len, parts)))
        groups = [list(range(end - len(part), end)) for part, end in zip(parts, ends, strict=True)]
        result.replace_all_uses_with(join(value, groups))
    op.erase()

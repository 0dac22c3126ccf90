"""Walls between windows and products: what of them is no matrix for the one is one for the other.

A depthwise convolution walks through rows and columns of an image by a loop each, for its windows overlap; the product
of channels after it could walk through all pixels by one, in register tiles and blocks of any number of them. That is
worth more than computing both in the same blocks.
"""

from __future__ import annotations

from typing import Any

from ..bindings import ir
from .describe import describe
from .margins import PAD
from .merge import count_loops, drop_units, wall
from .walk import operations


def separate_products(module: Any) -> None:
    """Hand products what comes of windows through walls, where that saves them loops. Needs an active context.

    Expects the nests of `merge`, which is to be called next; loops of one iteration are dropped before.
    """
    drop_units(module)
    for op in [op for op in operations(module.operation) if op.name == PAD]:
        with ir.InsertionPoint(op), op.location:  # rows and columns are apart for those alone that read the margins
            op.operands[0] = wall(op.operands[0])
    nests = [op for op in operations(module.operation) if op.name == "linalg.generic"]
    products = [op for op in nests if op.parent.name == "func.func" and describe(op).is_product]
    reads = [(op, position) for op in products for position in (0, 1) if _comes_of_windows(op.operands[position])]
    if not reads:
        return
    before = count_loops(module)
    for op, position in reads:
        with ir.InsertionPoint(op), op.location:
            op.operands[position] = wall(op.operands[position])
    after = count_loops(module)
    for op, position in reads:
        if before.get(op.results[0]) == after.get(op.results[0]):
            needless = op.operands[position].owner
            op.operands[position] = needless.operands[0]
            needless.erase()


def _comes_of_windows(value: Any) -> bool:
    """Whether a tensor is computed, perhaps by further maps, by a nest that reads through sums of loops, or strides."""
    op = value.owner
    if isinstance(op, ir.Block) or op.name != "linalg.generic":
        return False
    nest = describe(op)
    windows = any(sum(map(abs, row)) > 1 for access in nest.inputs for row in access.rows)
    return windows or (not nest.reductions and any(map(_comes_of_windows, op.opview.inputs)))

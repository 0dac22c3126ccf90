"""Padding as a loop nest, which is cut into blocks and computed where it is read, like any other.

MLIR's own way is to fill the whole tensor and to copy what it surrounds, in one go and on one core.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..bindings import arith, ir, scf, tensor
from .build import generic, index, loops, place, section
from .names import INSIDE
from .walk import made_by, operations

PAD = "tensor.pad"


@dataclass(frozen=True)
class Margins:
    """What a tensor.pad puts around a tensor."""

    low: tuple[int, ...]
    """Elements before the first one, a dimension each."""
    high: tuple[int, ...]
    number: Any
    """The attribute of what they all are; None where each place has a number of its own."""

    @classmethod
    def of(cls, op: Any) -> Margins:
        low, high = (tuple(ir.DenseI64ArrayAttr(op.attributes[f"static_{side}"])) for side in ("low", "high"))
        constant = made_by(list(op.regions[0].blocks[0].operations)[-1].operation.operands[0], "arith.constant")
        return cls(low, high, None if constant is None else constant.attributes["value"])

    @property
    def cuts(self) -> bool:
        """Whether they take something away."""
        return min((*self.low, *self.high), default=0) < 0

    @property
    def plain(self) -> bool:
        """Whether they are of one number, and nothing is cut off."""
        return self.number is not None and not self.cuts

    @property
    def becomes_nest(self) -> bool:
        """Whether there are any, and nothing is cut off."""
        return any(self.padded) and not self.cuts

    @property
    def padded(self) -> tuple[bool, ...]:
        """Which dimensions are."""
        return tuple(bool(low or high) for low, high in zip(self.low, self.high, strict=True))

    def keep(self, op: Any, dimensions: Sequence[int]) -> None:
        """Make `op`, which has these margins, one of fewer dimensions; what goes has no margin."""
        block = op.regions[0].blocks[0]
        for dimension in reversed(range(len(self.low))):
            if dimension not in dimensions:
                block.erase_argument(dimension)
        for side, margins in (("low", self.low), ("high", self.high)):
            op.attributes[f"static_{side}"] = ir.DenseI64ArrayAttr.get([margins[each] for each in dimensions])


def cut_off(module: Any) -> None:
    """Cut what margins below zero take away before the rest is padded, in place: MLIR computes no such padding.

    Needs an active context.
    """
    for op in [op for op in operations(module.operation) if op.name == PAD and len(op.operands) == 1]:
        margins = Margins.of(op)
        if margins.cuts:
            with ir.InsertionPoint(op), op.location:
                op.operands[0] = _kept(op.operands[0], margins)
            for side, found in (("low", margins.low), ("high", margins.high)):
                op.attributes[f"static_{side}"] = ir.DenseI64ArrayAttr.get([max(margin, 0) for margin in found])


def _kept(source: Any, margins: Margins) -> Any:
    """What margins below zero leave of a tensor."""
    starts, ends = ([max(-margin, 0) for margin in side] for side in (margins.low, margins.high))
    sizes = [size - start - end for size, start, end in zip(source.type.shape, starts, ends, strict=True)]
    return section(source, starts, sizes)


def write_out_margins(module: Any) -> None:
    """Make loop nests of the paddings of a module, in place. Needs an active context."""
    for op in [op for op in operations(module.operation) if op.name == PAD]:
        margins = Margins.of(op)
        if margins.becomes_nest:
            with ir.InsertionPoint(op), op.location:
                op.results[0].replace_all_uses_with(_nest(op, margins))
            op.erase()


def _nest(op: Any, margins: Margins) -> Any:
    """Each element by itself: of the source where it lies within. Blocks are split where margins begin and end."""
    source, kind = op.operands[0], op.results[0].type
    sizes = source.type.shape

    def body(_: Any) -> Any:
        places = [place(loop) for loop in range(len(sizes))]
        inside = scf.IfOp(_all_of(_bounds(places, margins, sizes)), [kind.element_type], has_else=True)
        with ir.InsertionPoint(inside.then_block):
            offsets = [arith.subi(p, index(low)) if low else p for p, low in zip(places, margins.low, strict=True)]
            scf.YieldOp([tensor.extract(source, offsets)])
        with ir.InsertionPoint(inside.else_block):
            scf.YieldOp([_number(op, places)])
        return inside.results[0]

    start = ir.Operation.create("tensor.empty", results=[kind]).result
    nest = generic([], start, [loops(len(sizes))], ["parallel"] * len(sizes), body)
    ends = [end for low, size in zip(margins.low, sizes, strict=True) for end in (low, low + size)]
    nest.owner.attributes[INSIDE] = ir.DenseI64ArrayAttr.get(ends)
    return nest


def _number(op: Any, places: Sequence[Any]) -> Any:
    """What a padding puts at these subscripts: its region, once more; stands where the caller inserts."""
    block = op.regions[0].blocks[0]
    copies = dict(zip(block.arguments, places, strict=True))
    *steps, end = (each.operation for each in block.operations)
    for step in steps:
        copy = step.clone()
        for inner in (*operations(copy), copy):
            for position, operand in enumerate(inner.operands):
                inner.operands[position] = copies.get(operand, operand)
        copies |= zip(step.results, copy.results, strict=True)
    return copies.get(end.operands[0], end.operands[0])


def _bounds(places: Sequence[Any], margins: Margins, sizes: Sequence[int]) -> list[Any]:
    """What must hold for these subscripts to lie within."""
    found = []
    for here, low, high, size in zip(places, margins.low, margins.high, sizes, strict=True):
        if low:
            found.append(arith.cmpi(arith.CmpIPredicate.sge, here, index(low)))
        if high:
            found.append(arith.cmpi(arith.CmpIPredicate.slt, here, index(low + size)))
    return found


def _all_of(conditions: Sequence[Any]) -> Any:
    both = conditions[0]
    for condition in conditions[1:]:
        both = arith.andi(both, condition)
    return both

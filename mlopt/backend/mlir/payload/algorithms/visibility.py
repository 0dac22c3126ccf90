"""Which elements of a masked nest can be anything but minus infinity, as inequalities between its loops."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...bindings import ir
from ..walk import made_by

NEGATED = {2: 5, 3: 4, 4: 3, 5: 2}
"""Predicates of arith.cmpi for signed numbers (slt, sle, sgt, sge), each with what holds where it does not."""


@dataclass(frozen=True)
class Affine:
    """A sum of loops with coefficients, and a constant."""

    loops: tuple[int, ...]
    constant: int

    def combine(self, other: Affine, sign: int) -> Affine:
        return Affine(
            tuple(a + sign * b for a, b in zip(self.loops, other.loops, strict=True)),
            self.constant + sign * other.constant,
        )

    def scaled(self, factor: int) -> Affine:
        return Affine(tuple(factor * each for each in self.loops), factor * self.constant)


def conditions(op: Any, loops: int) -> tuple[Affine, ...]:
    """Sums that are at least 0 wherever the result of a linalg.generic with so many loops is above minus infinity.

    Found where elements are selected by comparisons of linear functions of linalg.index; () where there are none.
    """
    result = list(op.regions[0].blocks[0].operations)[-1].operands[0]
    return tuple(_of_value(result, loops))


def _of_value(value: Any, loops: int) -> Iterator[Affine]:
    select = made_by(value, "arith.select")
    if select is None:
        return
    condition, chosen, other = select.operands
    if _is_lowest(other):
        yield from _of_comparison(condition, True, loops)
        yield from _of_value(chosen, loops)
    elif _is_lowest(chosen):
        yield from _of_comparison(condition, False, loops)
        yield from _of_value(other, loops)


def _of_comparison(condition: Any, holds: bool, loops: int) -> Iterator[Affine]:
    if holds and (both := made_by(condition, "arith.andi")):
        for each in both.operands:
            yield from _of_comparison(each, True, loops)
    if comparison := made_by(condition, "arith.cmpi"):
        predicate = ir.IntegerAttr(comparison.attributes["predicate"]).value
        left, right = (_affine(operand, loops) for operand in comparison.operands)
        if left is None or right is None or predicate not in NEGATED:
            return
        predicate = predicate if holds else NEGATED[predicate]
        difference = right.combine(left, -1) if predicate in (2, 3) else left.combine(right, -1)
        strict = predicate in (2, 4)
        yield Affine(difference.loops, difference.constant - strict)


def _affine(value: Any, loops: int) -> Affine | None:
    """A whole number as a linear function of loops, where it is one."""
    if (index := made_by(value, "linalg.index")) is not None:
        position = ir.IntegerAttr(index.attributes["dim"]).value
        return Affine(tuple(int(loop == position) for loop in range(loops)), 0)
    if (constant := made_by(value, "arith.constant")) is not None:
        return Affine((0,) * loops, ir.IntegerAttr(constant.attributes["value"]).value)
    if (cast := made_by(value, "arith.index_cast")) is not None:
        return _affine(cast.operands[0], loops)
    for name, sign in (("arith.addi", 1), ("arith.subi", -1)):
        if (op := made_by(value, name)) is not None:
            left, right = (_affine(operand, loops) for operand in op.operands)
            return None if left is None or right is None else left.combine(right, sign)
    if (op := made_by(value, "arith.muli")) is not None:
        left, right = (_affine(operand, loops) for operand in op.operands)
        if left is not None and right is not None:
            constant_first = sorted((left, right), key=lambda each: any(each.loops))
            return None if any(constant_first[0].loops) else constant_first[1].scaled(constant_first[0].constant)
    return None


def _is_lowest(value: Any) -> bool:
    constant = made_by(value, "arith.constant")
    return constant is not None and float(ir.FloatAttr(constant.attributes["value"]).value) == -math.inf


def bounds(
    found: Sequence[Affine], starts: Sequence[Any], sizes: Sequence[int], extent: int, step: int
) -> tuple[list[Any], list[Any]]:
    """The last loop's range in which all of `found` can hold, in whole steps: (lower bounds, upper bounds).

    The other loops run from `starts`, affine expressions, over `sizes` iterations; the last one to `extent`. Of lower
    bounds the greatest counts, of upper bounds the least.
    """
    lower, upper = [ir.AffineExpr.get_constant(0)], [ir.AffineExpr.get_constant(extent)]
    for each in found:
        *rows, last = each.loops
        most = ir.AffineExpr.get_constant(each.constant)
        for start, size, coefficient in zip(starts, sizes, rows, strict=True):
            most = most + start * coefficient + max(0, coefficient) * (size - 1)
        if last < 0:
            upper.append(ir.AffineExpr.get_floor_div(most, -last * step) * step + step)
        elif last > 0:
            first = ir.AffineExpr.get_ceil_div(most * -1, last)
            lower.append(ir.AffineExpr.get_floor_div(first, step) * step)
    return lower, upper

"""Subscripts and bounds as linear forms of loops."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..bindings import ir

SAMPLES = 32
"""Iterations of a loop, evenly spread, at which what is not linear in it is evaluated."""


@dataclass(frozen=True, slots=True)
class Index:
    """`start` plus, for each loop by number, `steps[loop]` an iteration."""

    start: float
    steps: Mapping[int, float] = field(default_factory=dict)

    def __add__(self, other: Index) -> Index:
        steps = dict(self.steps)
        for loop, step in other.steps.items():
            steps[loop] = steps.get(loop, 0.0) + step
        return Index(self.start + other.start, steps)

    def times(self, factor: float) -> Index:
        return Index(self.start * factor, {loop: step * factor for loop, step in self.steps.items()} if factor else {})

    def mean(self, trips: Mapping[int, float]) -> float:
        """Over all iterations of the loops, which have so many."""
        return self.start + sum(step * (trips[loop] - 1.0) / 2.0 for loop, step in self.steps.items())


UNKNOWN = Index(0.0)
"""What stands for a subscript of which nothing is known."""


def least(indices: Sequence[Index], trips: Mapping[int, float]) -> Index:
    """The mean, over the iterations of all loops, of the least of several."""
    loops = sorted({loop for index in indices for loop in index.steps})
    if not loops:
        return Index(min(index.start for index in indices))
    total, points = 0.0, list(itertools.product(*(_spread(trips[loop]) for loop in loops)))
    for point in points:
        at = dict(zip(loops, point, strict=True))
        total += min(i.start + sum(step * at[loop] for loop, step in i.steps.items()) for i in indices)
    return Index(total / len(points))


def greatest(indices: Sequence[Index], trips: Mapping[int, float]) -> Index:
    """The mean of the greatest, as that of the least."""
    return least([index.times(-1.0) for index in indices], trips).times(-1.0)


def _spread(trips: float) -> list[float]:
    count = max(1, min(SAMPLES, round(trips)))
    if count == 1:
        return [0.0]
    return [round(i * (trips - 1.0) / (count - 1)) for i in range(count)]


Form = Callable[[Sequence[Index]], Index]
"""An affine expression, given its dimensions and then its symbols."""


class Forms:
    """Affine maps, each looked at once: a program has few, and asks for them often."""

    def __init__(self) -> None:
        self._known: dict[int, list[Form]] = {}

    def of(self, attribute: Any) -> list[Form]:
        """The results of an affine map, given as an attribute."""
        key = hash(attribute)
        if key not in self._known:
            affine_map = attribute.value
            self._known[key] = [_form(expression, affine_map.n_dims) for expression in affine_map.results]
        return self._known[key]


def _form(expression: Any, dims: int) -> Form:
    """Divisions that loops change are taken without their remainders."""
    kind = type(expression)
    if kind is ir.AffineConstantExpr:
        constant = Index(expression.value)
        return lambda given: constant
    if kind is ir.AffineDimExpr or kind is ir.AffineSymbolExpr:
        position = int(expression.position) + (dims if kind is ir.AffineSymbolExpr else 0)
        return lambda given: given[position]
    left, right = _form(expression.lhs, dims), _form(expression.rhs, dims)
    combine = {ir.AffineAddExpr: Index.__add__, ir.AffineMulExpr: product, ir.AffineModExpr: _rest}.get(kind)
    if combine is None:
        up = kind is not ir.AffineFloorDivExpr
        return lambda given: _divided(left(given), right(given), up)
    return lambda given: combine(left(given), right(given))


def affine(op: Any, operands: Sequence[Index], forms: Forms, trips: Mapping[int, float]) -> Index:
    """The result of an operation of the dialect affine."""
    results = [form(operands) for form in forms.of(op.attributes["map"])]
    if op.name == "affine.min":
        return least(results, trips)
    if op.name == "affine.max":
        return greatest(results, trips)
    return results[0]


def integer(name: str, left: Index, right: Index, trips: Mapping[int, float]) -> Index:
    """The result of an operation of the dialect arith."""
    if name == "arith.addi":
        return left + right
    if name == "arith.subi":
        return left + right.times(-1.0)
    if name == "arith.minsi":
        return least([left, right], trips)
    if name == "arith.maxsi":
        return greatest([left, right], trips)
    return product(left, right)


def product(left: Index, right: Index) -> Index:
    """Of two, one of which is constant."""
    return left.times(right.start) if not right.steps else right.times(left.start)


def _rest(left: Index, right: Index) -> Index:
    return Index(left.start % max(right.start, 1.0), {k: v for k, v in left.steps.items() if abs(v) < right.start})


def _divided(left: Index, right: Index, up: bool) -> Index:
    found = left.times(1.0 / right.start)
    return Index(math.ceil(round(found.start, 6))) if up and not found.steps else found

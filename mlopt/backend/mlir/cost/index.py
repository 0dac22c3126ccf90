"""Subscripts and bounds as linear forms of loops."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
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


def _spread(trips: float) -> list[float]:
    count = max(1, min(SAMPLES, round(trips)))
    if count == 1:
        return [0.0]
    return [round(i * (trips - 1.0) / (count - 1)) for i in range(count)]


def affine(expression: Any, dims: Sequence[Index], symbols: Sequence[Index]) -> Index:
    """An affine expression of these; divisions that loops change are taken without their remainders."""
    kind = type(expression)
    if kind is ir.AffineConstantExpr:
        return Index(expression.value)
    if kind is ir.AffineDimExpr:
        return dims[int(expression.position)]
    if kind is ir.AffineSymbolExpr:
        return symbols[int(expression.position)]
    left, right = (affine(each, dims, symbols) for each in (expression.lhs, expression.rhs))
    if kind is ir.AffineAddExpr:
        return left + right
    if kind is ir.AffineMulExpr:
        return left.times(right.start) if not right.steps else right.times(left.start)
    if kind is ir.AffineModExpr:
        return Index(left.start % max(right.start, 1.0), {k: v for k, v in left.steps.items() if abs(v) < right.start})
    found = left.times(1.0 / right.start)
    return found if found.steps or kind is ir.AffineFloorDivExpr else Index(math.ceil(round(found.start, 6)))

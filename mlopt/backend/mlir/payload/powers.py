"""Powers whose exponent is a small constant become products, roots and quotients, within 4 ulp as all vector math is.

A product or a quotient adds at most an ulp to the error, a root half of what its argument has, and an ulp. Every
special value is that of IEEE 754's pow.
"""

from __future__ import annotations

import functools
from typing import Any

from ..bindings import arith, ir, math
from .walk import made_by, operations

EXPONENTS = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0)
"""Those that take four such steps at most."""


def multiply_out(module: Any) -> None:
    """Replace each math.powf of scalars by one of these constants, in place. Needs an active context."""
    for op in [op for op in operations(module.operation) if op.name == "math.powf"]:
        exponent = made_by(op.operands[1], "arith.constant")
        if exponent is None or not isinstance(op.results[0].type, ir.FloatType):
            continue
        if (value := float(exponent.opview.literal_value)) in EXPONENTS:
            with ir.InsertionPoint(op), op.location:
                op.results[0].replace_all_uses_with(_power(op.operands[0], value))
            op.erase()


def _power(x: Any, exponent: float) -> Any:
    whole, half = divmod(abs(exponent), 1.0)
    root = _root(x) if half else None
    base = math.absf(x) if half else x
    if exponent < 0.0:  # first of all, since a product may be too large where its quotient is not too small
        one = arith.constant(x.type, 1.0)
        base, root = arith.divf(one, base), arith.divf(one, root) if half else None
    factors = [_product(base, int(whole))] if whole else []
    return functools.reduce(arith.mulf, [*factors, root] if half else factors)


def _product(x: Any, count: int) -> Any:
    """Of so many equal factors."""
    if count == 1:
        return x
    pairs = _product(arith.mulf(x, x), count // 2)
    return arith.mulf(pairs, x) if count % 2 else pairs


def _root(x: Any) -> Any:
    """The power of one half: unlike the square root it is infinite for either infinity, and zero has no sign."""
    infinity, lowest = (arith.constant(x.type, float(value)) for value in ("inf", "-inf"))
    positive = arith.select(arith.cmpf(arith.CmpFPredicate.OEQ, x, lowest), infinity, x)
    return math.absf(math.sqrt(positive))

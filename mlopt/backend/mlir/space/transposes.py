"""How vectors are turned round in a program: by MLIR's names for the ways."""

from __future__ import annotations

from collections.abc import Iterable

from ..simd import Simd
from .product import ProductKnobs
from .vector import VectorKnobs

TRANSPOSES = "transposes"
"""The knob of a program that turns vectors round: one way for all nests, since a function is lowered as one."""

SQUARES, SHUFFLE = "shuffle_16x16", "shuffle_1d"
"""Squares of vectors by exchanges of ever larger parts, all else by one shuffle; or everything by one shuffle."""

SQUARE = 16
"""Lanes of the vectors that make such a square."""


def ways(simd: Simd) -> tuple[str, ...]:
    """Those that vectors of this machine may be turned by, the usual one first.

    Element by element took up to three times as long, and as many instructions.
    """
    return (SQUARES, SHUFFLE) if simd.lanes == SQUARE else (SHUFFLE,)


def turns(nests: Iterable[ProductKnobs | VectorKnobs]) -> bool:
    """Whether any of these nests turns vectors round."""
    return any(nest.transposes for nest in nests)

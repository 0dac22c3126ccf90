"""What a knob is about: its loop nest, as learners see it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ....core.nests import Nest, Operand, Subject
from ..payload.contraction import Contraction
from ..payload.nest import Access, LoopNest

FLOAT_BYTES = 4


def subject(nest: LoopNest, loop: int | None, nests: Mapping[str, LoopNest]) -> Subject:
    """The subject of a decision about `nest`, one of `nests` by their tags."""
    producers = [nests[tag] for access in nest.inputs if (tag := access.producer) is not None and tag in nests]
    computing = [producer for producer in producers if not producer.is_fill]
    return Subject(_plain(nest), loop, _plain(computing[-1]) if computing else None)


def product(contraction: Contraction) -> Nest:
    """The loops of a contraction: batch, m, n, k."""
    c, lead = contraction, len(contraction.batch)
    position = {"m": lead, "n": lead + 1, "k": lead + 2}
    loops = lead + 3

    def operand(order: str) -> Operand:
        walked = (*range(lead), *(position[letter] for letter in order))
        return Operand(tuple(tuple(int(loop == each) for loop in range(loops)) for each in walked), FLOAT_BYTES)

    reads, writes = (operand(c.left), operand(c.right)), (operand("mn"),)
    return Nest((*c.batch, c.m, c.n, c.k), frozenset({lead + 2}), reads, writes, ("arith.mulf", "arith.addf"))


def _plain(nest: LoopNest) -> Nest:
    reads, writes = (tuple(map(_operand, accesses)) for accesses in (nest.inputs, nest.outputs))
    return Nest(nest.sizes, nest.reductions, reads, writes, nest.operations)


def _operand(access: Access) -> Operand:
    bits = re.search(r"\d+", access.dtype)
    parts = 2 if access.dtype.startswith("complex") else 1
    return Operand(access.rows, max(1, parts * int(bits[0]) // 8) if bits else FLOAT_BYTES)

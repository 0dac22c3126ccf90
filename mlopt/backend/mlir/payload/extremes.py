"""Places of extremes, such as argmax: first the extreme, then the first place that holds it.

As one reduction, the value and its place depend on each other, and no vector can hold partial results of both that are
combined in any order. One after the other they are two plain reductions: a maximum, and a minimum of places.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..bindings import arith, ir
from .build import filled, generic, loops, place
from .describe import describe
from .walk import made_by, operations

LATER: Mapping[str, tuple[arith.CmpFPredicate, float]] = {
    "arith.maximumf": (arith.CmpFPredicate.OGT, -math.inf),
    "arith.minimumf": (arith.CmpFPredicate.OLT, math.inf),
}
"""What combines values, how a later one is found to be more extreme, and where all of them begin."""

NOWHERE = np.iinfo(np.int32).max


def separate_places(module: Any) -> None:
    """Split each reduction to an extreme of float numbers and the first place that holds it. Needs an active context.

    Where there is something that is no number, its first place is the result, as PyTorch has it.
    """
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic"]:
        if (found := _Search.find(op)) is not None:
            found.separate()


@dataclass(frozen=True)
class _Search:
    """A linalg.generic that looks for the extreme along `loop`."""

    op: Any
    combiner: str
    loop: int

    @classmethod
    def find(cls, op: Any) -> _Search | None:
        if len(op.operands) != 3 or len(op.results) != 2:
            return None
        nest, block = describe(op), op.regions[0].blocks[0]
        term, value, last = block.arguments
        best, chosen = list(block.operations)[-1].operands
        select = made_by(chosen, "arith.select")
        if isinstance(best.owner, ir.Block) or best.owner.name not in LATER or select is None:
            return None
        predicate, begin = LATER[best.owner.name]
        compare = made_by(select.operands[0], "arith.cmpf")
        loop = _loop(select.operands[1])
        plain = (
            compare is not None
            and set(best.owner.operands) == {term, value}
            and list(compare.operands) == [term, value]
            and ir.IntegerAttr(compare.attributes["predicate"]).value == int(predicate)
            and select.operands[2] == last
            and nest.reductions == {loop}
            and math.prod(nest.sizes[each] for each in nest.reductions) < NOWHERE
            and nest.outputs[0].rows == nest.outputs[1].rows
        )
        starts = _number(op.operands[1]) == begin and _number(op.operands[2]) == 0
        return cls(op, best.owner.name, loop) if plain and starts and loop is not None else None

    def separate(self) -> None:
        op = self.op
        source, start, _ = op.operands
        reads, writes, _ = (list(ir.AffineMapAttr(each).value.results) for each in op.attributes["indexing_maps"])
        nest, kind = describe(op), op.results[1].type
        kinds = ["reduction" if loop in nest.reductions else "parallel" for loop in range(len(nest.sizes))]
        narrow = ir.IntegerType.get_signless(32)
        with ir.InsertionPoint(op), op.location:
            extreme = generic([source], start, [reads, writes], kinds, self._combine)
            nowhere = filled(ir.RankedTensorType.get(kind.shape, narrow), ir.IntegerAttr.get(narrow, NOWHERE))
            first = generic([source, extreme], nowhere, [reads, writes, writes], kinds, self._first)
            empty = ir.Operation.create("tensor.empty", results=[kind]).result
            every = loops(len(kind.shape))
            places = generic([first], empty, [every, every], ["parallel"] * len(every), _widened)
        op.results[0].replace_all_uses_with(extreme)
        op.results[1].replace_all_uses_with(places)
        op.erase()

    def _combine(self, term: Any, value: Any) -> Any:
        return ir.Operation.create(self.combiner, [value.type], [term, value]).result

    def _first(self, term: Any, extreme: Any, first: Any) -> Any:
        here = arith.index_cast(first.type, place(self.loop))
        equal, no_number = (
            arith.cmpf(arith.CmpFPredicate.OEQ, term, extreme),
            arith.cmpf(arith.CmpFPredicate.UNO, term, term),
        )
        held = arith.select(arith.ori(equal, no_number), here, arith.constant(first.type, NOWHERE))
        return arith.minsi(held, first)


def _loop(value: Any) -> int | None:
    """The loop whose iteration a value is, in whatever type."""
    while not isinstance(value.owner, ir.Block) and value.owner.name == "arith.index_cast":
        value = value.owner.operands[0]
    index = made_by(value, "linalg.index")
    return None if index is None else int(ir.IntegerAttr(index.attributes["dim"]).value)


def _number(start: Any) -> float | None:
    """What a tensor is filled with."""
    fill = made_by(start, "linalg.fill")
    constant = fill and made_by(fill.operands[0], "arith.constant")
    return constant and float(constant.opview.literal_value)


def _widened(narrow: Any, wide: Any) -> Any:
    return narrow if wide.type == narrow.type else arith.extsi(wide.type, narrow)

"""Softmaxes in a program whose results weight a sum of values, as attention does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..names import TAG
from ..nest import Access, LoopNest
from ..walk import is_cleared, made_by

MAXIMA = (("arith.maximumf",), ("arith.maxnumf",))


@dataclass(frozen=True)
class Softmax:
    """The nests of softmax(scores) V, where scores have a row for each combination of all loops but the last."""

    scores: tuple[LoopNest, ...]
    """What computes the scores, the first one a product."""
    top: LoopNest
    weights: LoopNest
    """exp(scores - top)."""
    total: LoopNest
    mean: LoopNest
    """The product of V with the weights, or with their shares in the total."""
    left: int
    """Which operand of it the weights are."""
    quotient: LoopNest
    """The division by the total, of the mean or of the weights."""

    @property
    def last(self) -> LoopNest:
        """The nest that computes the result."""
        return self.mean if self.divides_weights else self.quotient

    @property
    def divides_weights(self) -> bool:
        return self.quotient.tag in self.weights.consumers

    @property
    def values(self) -> Access:
        return self.mean.inputs[1 - self.left]


def find(nests: Mapping[str, LoopNest], operations: Mapping[str, Any]) -> Iterator[Softmax]:
    """The softmaxes among nests, given by tag with their operations, of which nothing else reads a part."""
    for mean in nests.values():
        for left in (0, 1) if mean.is_product and len(mean.reductions) == 1 else ():
            found = _complete(mean, left, nests)
            if found and _is_regular(found) and _begins_anew(found, operations) and _is_difference(found, operations):
                inner = (*found.scores, found.top, found.weights, found.total, found.mean, found.quotient)
                if all(_is_read_by_nests(operations[nest.tag]) for nest in inner if nest is not found.last):
                    yield found


def _complete(mean: LoopNest, left: int, nests: Mapping[str, LoopNest]) -> Softmax | None:
    """The nests around a product that stand where those of a softmax would, and compute what those do."""

    def producer(nest: LoopNest, position: int) -> LoopNest | None:
        return nests.get(nest.inputs[position].producer or "") if position < len(nest.inputs) else None

    weights = producer(mean, left)
    divided = weights if weights and weights.operations == ("arith.divf",) else None
    if divided:
        weights = producer(divided, 0)
    quotient = divided or (nests[mean.consumers[0]] if len(mean.consumers) == 1 else None)
    if not (weights and quotient and quotient.operations == ("arith.divf",)):
        return None
    scores, top, total = producer(weights, 0), producer(weights, 1), producer(quotient, 1)
    if not (scores and top and total):
        return None
    chain = _chain(scores, nests)
    roles = weights.operations == ("arith.subf", "math.exp") and total.operations == ("arith.addf",)
    readers = (
        ({top.tag, weights.tag}, scores),
        ({total.tag, (divided or mean).tag}, weights),
        ({weights.tag}, top),
        ({quotient.tag}, total),
    )
    alone = all(set(nest.consumers) == tags for tags, nest in readers)
    if not (chain and roles and alone and top.operations in MAXIMA):
        return None
    return Softmax(chain, top, weights, total, mean, left, quotient)


def _chain(scores: LoopNest, nests: Mapping[str, LoopNest]) -> tuple[LoopNest, ...]:
    """From a product to the scores, by maps that read the one before and perhaps arguments; () if it is no such."""
    chain = [scores]
    while not chain[0].is_product:
        inputs = [nests[access.producer] for access in chain[0].inputs if access.producer]
        if len(inputs) != 1 or chain[0].reductions or len(inputs[0].consumers) != 1 or not _is_plain(chain[0]):
            return ()
        chain.insert(0, inputs[0])
    return tuple(chain)


def _is_regular(found: Softmax) -> bool:
    """Whether rows are the same loops everywhere, in the same order."""
    loops = len(found.weights.sizes)
    row = _identity(loops)[:-1]
    reduced = found.top.outputs[0].rows == found.total.outputs[0].rows == found.weights.inputs[1].rows == row
    quotient = found.quotient
    divides = quotient.inputs[0].rows == _identity(loops) and quotient.inputs[1].rows == row
    weights, result = found.mean.inputs[found.left].rows, found.mean.outputs[0].rows
    multiplies = weights[:-1] == result[:-1] and len(weights) == loops and weights[-1].index(1) in found.mean.reductions
    plain = all(map(_is_plain, (found.weights, found.quotient)))
    projected = all(access.is_projection for nest in (found.mean, found.scores[0]) for access in nest.inputs)
    keys = found.top.reductions == found.total.reductions == {loops - 1}
    in_order = found.scores[0].outputs[0].rows[-1].index(1) in found.scores[0].parallel
    return reduced and divides and multiplies and plain and projected and keys and in_order


def _is_plain(nest: LoopNest) -> bool:
    """Whether a map writes element by element, in order."""
    return not nest.reductions and nest.outputs[0].rows == _identity(len(nest.sizes))


def _identity(loops: int) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(i == j) for j in range(loops)) for i in range(loops))


def _is_read_by_nests(op: Any) -> bool:
    """Whether nobody else reads a result, such as the caller to whom it is returned."""
    return all(TAG in use.owner.operation.attributes for result in op.results for use in result.uses)


def _begins_anew(found: Softmax, operations: Mapping[str, Any]) -> bool:
    """Whether a row's parts may begin as the row does: with some number for the maximum, and a total of 0."""
    top, total = (operations[nest.tag].operands[len(nest.inputs)] for nest in (found.top, found.total))
    return made_by(top, "linalg.fill") is not None and is_cleared(total)


def _is_difference(found: Softmax, operations: Mapping[str, Any]) -> bool:
    """Whether the body of exp(scores - top) subtracts the second input from the first."""
    body = operations[found.weights.tag].regions[0].blocks[0]
    first = body.operations[0]
    return first.operation.name == "arith.subf" and list(first.operands) == list(body.arguments)[:2]

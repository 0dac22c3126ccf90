"""Transposed convolutions, phase by phase: zeros that were put between the elements they read are not multiplied.

Where a window slides over elements spread `stride` apart, results that are `stride` apart meet them at the same taps,
and all their neighbours at others. So along a result there are two loops, over places and over phases, and a window
moves over the elements themselves, by the taps of its phase. See Shi et al., "Is the deconvolution layer the same as a
convolutional layer?" (2016).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .....core.schedule import Schedule
from ...bindings import ir
from ..build import Subscript, copied, einsum, gathered, join, loops, padded, section
from ..describe import describe
from ..nest import Access, LoopNest, Row
from ..walk import is_cleared, made_by, operations


@dataclass(frozen=True)
class _Spread:
    """A tensor whose elements stand among zeros, by dimension."""

    source: Any
    first: tuple[int, ...]
    """Where the first element stands."""
    strides: tuple[int, ...]

    @classmethod
    def of(cls, value: Any) -> _Spread | None:
        """How a tensor was spread; None where it was not."""
        op = made_by(value, "tensor.insert_slice")
        if op is None or len(op.operands) != 2 or not is_cleared(op.operands[1]):
            return None
        first, strides = (
            tuple(ir.DenseI64ArrayAttr(op.attributes[f"static_{each}"])) for each in ("offsets", "strides")
        )
        source = op.operands[0]
        same_rank = len(source.type.shape) == len(strides)
        return cls(source, first, strides) if same_rank and max(strides, default=1) > 1 else None


@dataclass(frozen=True)
class _Phases:
    """How results along a dimension meet elements that stand `stride` apart."""

    along: int
    """The loop along results."""
    tap: int
    """The loop along the window."""
    stride: int
    before: int
    """Zeros before the first element."""
    skipped: int
    """Results before the first one that is wanted."""
    places: int
    """Results of each phase."""
    taps: int
    """Of each phase, the last ones of some of them zero."""

    @classmethod
    def of(cls, nest: LoopNest, row: Row, offset: int, first: int, stride: int) -> _Phases | None:
        """Those of a subscript that is the sum of a result's loop and a window's; None for any other.

        A result y meets at its tap t the element h with y + t + offset = first + stride h. With y = stride place +
        phase - skipped and t = stride tap + stride - 1 - phase, h is place + tap - before.
        """
        walked = [loop for loop, coefficient in enumerate(row) if coefficient]
        sums = [loop for loop in walked if loop in nest.reductions]
        gap = first - offset
        if len(walked) != 2 or len(sums) != 1 or max(row) > 1 or gap < 0:
            return None
        (tap,), (along,) = sums, [loop for loop in walked if loop not in sums]
        before = max(0, -(-(gap + 1 - stride) // stride))
        skipped = stride * before + stride - 1 - gap
        places, taps = -(-(nest.sizes[along] + skipped) // stride), -(-nest.sizes[tap] // stride)
        return cls(along, tap, stride, before, skipped, places, taps)

    @property
    def read(self) -> int:
        """Elements that are read along the dimension, zeros before and after them included."""
        return self.places + self.taps - 1

    @property
    def phase(self) -> str:
        """The label of the loop over phases."""
        return f"phase {self.along}"


def rewrites(module: Any) -> Mapping[Schedule, Callable[[Any], None]]:
    """Where there are sums of products over tensors that were spread apart."""
    return {Schedule.of({"algorithm": "phases"}): rewrite} if any(_transposed(module)) else {}


def rewrite(module: Any) -> None:
    """Let such sums read the elements alone."""
    for op, nest, position, spread, phases in list(_transposed(module)):
        _separate(op, nest, position, spread, phases)


def _transposed(module: Any) -> Iterator[tuple[Any, LoopNest, int, _Spread, Mapping[int, _Phases]]]:
    """The sums of a prepared module: each with its nest, which operand was spread, how, and the phases by dimension."""
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic"]:
        nest = describe(op)
        if not nest.is_product or not is_cleared(op.operands[2]) or not _is_uniform(nest):
            continue
        for position in (0, 1):
            spread = _Spread.of(op.operands[position])
            phases = None if spread is None else _all_phases(nest, position, spread)
            if spread is not None and phases is not None:
                yield op, nest, position, spread, phases
                break


def _is_uniform(nest: LoopNest) -> bool:
    """Whether all is of one type, and each subscript of the result a loop."""
    accesses = (*nest.inputs, *nest.outputs)
    return len({access.dtype for access in accesses}) == 1 and all(any(row) for row in nest.outputs[0].rows)


def _all_phases(nest: LoopNest, position: int, spread: _Spread) -> Mapping[int, _Phases] | None:
    """Those of each dimension that was spread apart; None where one cannot be taken apart, or other reads could not
    be written as they are."""
    access, other = nest.inputs[position], nest.inputs[1 - position]
    offsets = access.offsets or (0,) * len(access.rows)
    found: dict[int, _Phases] = {}
    for dimension, stride in enumerate(spread.strides):
        row, offset = access.rows[dimension], offsets[dimension]
        if stride == 1:
            if offset or not _is_expressible(row):
                return None
            continue
        phases = _Phases.of(nest, row, offset, spread.first[dimension], stride)
        if phases is None or _margin(spread, dimension, phases) < 0:
            return None
        others = [each for position, each in enumerate(access.rows) if position != dimension]
        if any(each[phases.along] or each[phases.tap] for each in others):
            return None
        if other.plain(phases.tap) is None or other.varies_with(phases.along):
            return None
        found[dimension] = phases
    return found if other.is_projection and not other.offsets and all(any(row) for row in other.rows) else None


def _is_expressible(row: Row) -> bool:
    """Whether it is one loop, or a loop and a multiple of another."""
    coefficients = sorted(coefficient for coefficient in row if coefficient)
    return coefficients[:1] == [1] and len(coefficients) <= 2


def _margin(spread: _Spread, dimension: int, phases: _Phases) -> int:
    """Zeros that are read after the last element."""
    return int(phases.read - phases.before - spread.source.type.shape[dimension])


def _separate(op: Any, nest: LoopNest, position: int, spread: _Spread, phases: Mapping[int, _Phases]) -> None:
    access, other = nest.inputs[position], nest.inputs[1 - position]
    by_loop = {each.along: each for each in phases.values()}
    sizes: dict[int | str, int] = dict(enumerate(nest.sizes))
    for each in phases.values():
        sizes |= {each.along: each.places, each.tap: each.taps, each.phase: each.stride}
    labels: list[int | str] = []
    for row in nest.outputs[0].rows:
        loop = row.index(1)
        labels += [loop, by_loop[loop].phase] if loop in by_loop else [loop]
    with ir.InsertionPoint(op), op.location:
        elements = _elements(spread, op.operands[position].type.shape, phases)
        taps, subscripts = _taps(op.operands[1 - position], other, list(phases.values()))
        sums = einsum(elements, taps, list(_subscripts(access)), subscripts, labels, sizes)
        result = _wanted(sums, nest, by_loop)
    op.results[0].replace_all_uses_with(result)
    op.erase()


def _subscripts(access: Access) -> Iterator[Subscript]:
    for row in access.rows:
        *rest, (loop, _) = sorted(
            ((loop, factor) for loop, factor in enumerate(row) if factor), key=lambda each: -each[1]
        )
        yield (*rest[0], loop) if rest else loop


def _elements(spread: _Spread, extents: Sequence[int], phases: Mapping[int, _Phases]) -> Any:
    """What was spread, with the zeros around it that windows reach."""
    low, high = list(spread.first), []
    for dimension, (extent, size) in enumerate(zip(extents, spread.source.type.shape, strict=True)):
        if dimension in phases:
            low[dimension] = phases[dimension].before
            high.append(_margin(spread, dimension, phases[dimension]))
        else:
            high.append(extent - low[dimension] - size)
    return padded(spread.source, low, high) if any((*low, *high)) else spread.source


def _taps(value: Any, access: Access, phases: Sequence[_Phases]) -> tuple[Any, list[Subscript]]:
    """The window by taps and phases, zeros where a phase has fewer, and its subscripts."""
    by_tap = {each.tap: each for each in phases}
    walked = [row.index(1) for row in access.rows]
    sized = list(zip(walked, access.shape, strict=True))
    high = [by_tap[loop].stride * by_tap[loop].taps - size if loop in by_tap else 0 for loop, size in sized]
    whole = padded(value, [0] * len(high), high) if any(high) else value
    subscripts: list[Subscript] = []
    shape: list[int] = []
    terms: list[dict[int, int]] = []
    for loop, size in sized:
        place = len(shape)
        if loop in by_tap:
            each = by_tap[loop]
            subscripts += [loop, each.phase]
            shape += [each.taps, each.stride]
            terms.append({place: each.stride, place + 1: -1})
        else:
            subscripts.append(loop)
            shape.append(size)
            terms.append({place: 1})
    rows = [[term.get(dimension, 0) for dimension in range(len(shape))] for term in terms]
    offsets = [by_tap[loop].stride - 1 if loop in by_tap else 0 for loop in walked]
    return gathered(whole, rows, offsets, shape), subscripts


def _wanted(sums: Any, nest: LoopNest, by_loop: Mapping[int, _Phases]) -> Any:
    """The results in their order, without those that are skipped."""
    groups, skipped, count = [], [], 0
    for row in nest.outputs[0].rows:
        phases = by_loop.get(row.index(1))
        groups.append([count, count + 1] if phases else [count])
        skipped.append(phases.skipped if phases else 0)
        count += len(groups[-1])
    joined = join(sums, groups)
    shape = nest.outputs[0].shape
    if tuple(joined.type.shape) == shape:
        return joined
    return copied(section(joined, skipped, shape), loops(len(shape)), shape)  # a nest, which others can be merged with

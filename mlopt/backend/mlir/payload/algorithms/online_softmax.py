"""Attention by online softmax: keys and values pass in blocks, and no row of scores is ever held as a whole.

For each row the greatest score so far, the sum of the weights relative to it and the sum of the weighted values are
carried from block to block; where a block raises the greatest score, both sums are scaled down to it (Milakov and
Gimelshein 2018; Rabe and Staats 2021; Dao et al. 2022). Blocks that a mask hides from all their rows are left out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .....core.schedule import Schedule
from ...bindings import PassManager, affine, arith, ir, linalg, math, scf, tensor
from ..build import generic, loops
from ..describe import read
from ..frontend import CLEAN
from ..names import TAG
from ..nest import Access, LoopNest
from ..walk import made_by, operations
from .softmax import Softmax, find
from .visibility import bounds, conditions

ROWS, KEYS = (16, 128), (32, 256)
"""The least and the most rows of scores in a block, and keys."""

LOWEST = float(np.finfo(np.float32).min) / 2
"""Below every score, and finite: what is subtracted from minus infinity leaves minus infinity, whose power is 0."""

Window = tuple[Any | None, int]
"""The part of a loop that a block computes: where it begins (an index; None for 0), and its size."""


def rewrites(module: Any) -> Mapping[Schedule, Callable[[Any], None]]:
    """Online softmax with every size of blocks that divides a softmax of the program evenly."""
    found = _softmaxes(module)
    if not found:
        return {}
    *_, keys = found[0].weights.sizes
    row = _blocked(found[0])
    count = 1 if row is None else found[0].weights.sizes[row]
    return {
        Schedule.of({"algorithm": "online", "block_q": q, "block_kv": kv}): functools.partial(_rewrite, q, kv)
        for q in _even(count, *ROWS) or (count,)
        for kv in _even(keys, *KEYS)
        if kv < keys
    }


def _softmaxes(module: Any) -> list[Softmax]:
    """The first softmax of a program, and all others of the same extents."""
    nests = {nest.tag: nest for nest in read(module)}
    found = list(find(nests, _tagged(module)))
    return [each for each in found if each.weights.sizes == found[0].weights.sizes]


def _blocked(softmax: Softmax) -> int | None:
    """The loop over rows of which a block takes several: the last one whose rows share their values."""
    rows = softmax.mean.inputs[softmax.left].rows[:-1]
    shared = [row for row, each in enumerate(rows) if not softmax.values.varies_with(each.index(1))]
    return next((row for row in reversed(shared) if softmax.weights.sizes[row] > 1), None)


def _even(size: int, least: int, most: int) -> tuple[int, ...]:
    """Divisors of `size` in a range: powers of two, or where there is none, all."""
    divisors = [each for each in range(least, min(size, most) + 1) if size % each == 0]
    return tuple(each for each in divisors if each & (each - 1) == 0) or tuple(divisors)


def _tagged(module: Any) -> dict[str, Any]:
    """The operation of each nest."""
    found = (op for op in operations(module.operation) if TAG in op.attributes)
    return {str(ir.StringAttr(op.attributes[TAG]).value): op for op in found}


def _rewrite(block_q: int, block_kv: int, module: Any) -> None:
    tagged = _tagged(module)
    for softmax in _softmaxes(module):
        _Writer(softmax, tagged, block_q, block_kv).write()
    PassManager.parse(CLEAN).run(module.operation)


class _Writer:
    """Puts the loops over blocks in the place of one softmax."""

    def __init__(self, softmax: Softmax, tagged: Mapping[str, Any], block_q: int, block_kv: int) -> None:
        self.softmax, self.tagged, self.block_kv = softmax, tagged, block_kv
        self.sizes = [1 for _ in softmax.weights.sizes[:-1]]
        if (row := _blocked(softmax)) is not None:
            self.sizes[row] = block_q
        self.windows: list[Window] = []
        """Of the rows of scores, and of the keys."""

    def write(self) -> None:
        rows = self.softmax.weights.sizes[:-1]
        last = self.tagged[self.softmax.last.tag]
        with ir.InsertionPoint(last), last.location:
            result = ir.RankedTensorType(last.results[0].type)
            blocks = scf.ForallOp([0] * len(rows), list(rows), self.sizes, [_empty(result.shape)])
            self.windows = list(zip(blocks.induction_variables, self.sizes, strict=True))
            with ir.InsertionPoint(blocks.body):
                block = self._rows()
            with ir.InsertionPoint(blocks.terminator().region.blocks[0]):
                size = result.shape[-1]
                _insert(block, blocks.inner_iter_args[0], [*self.windows, (None, size)])
        last.results[0].replace_all_uses_with(blocks.results[0])

    def _rows(self) -> Any:
        """The result for one block of rows."""
        mean = self.softmax.mean
        columns = mean.sizes[mean.outputs[0].rows[-1].index(1)]
        start = [_filled(LOWEST, self.sizes), _filled(0.0, self.sizes), _filled(0.0, [*self.sizes, columns])]
        lower, upper = self._visible_keys()
        loop = scf.ForOp(lower, upper, arith.constant(ir.IndexType.get(), self.block_kv), start)
        self.windows.append((loop.induction_variable, self.block_kv))
        with ir.InsertionPoint(loop.body):
            scf.YieldOp(self._step(*loop.inner_iter_args))
        self.windows.pop()
        _, total, mean_so_far = loop.results
        quotient = self.softmax.quotient
        if self.softmax.divides_weights:
            return _map(lambda by, mean: arith.divf(mean, by), [total], mean_so_far)
        return self._block(quotient, quotient.outputs[0], [*self.windows, (None, columns)], {0: mean_so_far, 1: total})

    def _visible_keys(self) -> tuple[Any, Any]:
        """Where the keys that any row of the block sees begin and end, in whole blocks."""
        *rows, keys = self.softmax.weights.sizes
        scores = self.softmax.scores[-1]
        found = conditions(self.tagged[scores.tag], len(scores.sizes)) if not scores.is_product else ()
        starts = [ir.AffineExpr.get_dim(row) for row in range(len(rows))]
        lower, upper = bounds(found, starts, self.sizes, keys, self.block_kv)
        offsets = [start for start, _ in self.windows]
        maps = [ir.AffineMap.get(len(rows), 0, each) for each in (lower, upper)]
        return affine.AffineMaxOp(maps[0], offsets).result, affine.AffineMinOp(maps[1], offsets).result

    def _step(self, top: Any, total: Any, mean: Any) -> list[Any]:
        """What is carried on after one block of keys."""
        softmax, windows = self.softmax, self.windows
        scores = None
        for nest in softmax.scores:
            chained = [i for i, access in enumerate(nest.inputs) if access.producer and not nest.is_product]
            scores = self._block(nest, nest.outputs[0], windows, dict.fromkeys(chained, scores))
        highest = self._block(softmax.top, softmax.top.inputs[0], windows, {0: scores})
        scale = _map(lambda old, new: math.exp(arith.subf(old, arith.maximumf(new, old))), [top], highest)
        higher = _map(arith.maximumf, [highest], top)
        weights = self._block(softmax.weights, softmax.weights.outputs[0], windows, {0: scores, 1: higher})
        sums = self._block(softmax.total, softmax.total.inputs[0], windows, {0: weights})
        means = self._block(softmax.mean, softmax.mean.inputs[softmax.left], windows, {softmax.left: weights})
        return [higher, _map(_added, [sums, scale], total), _map(_added, [means, scale], mean)]

    def _block(self, nest: LoopNest, by: Access, windows: Sequence[Window], given: Mapping[int, Any]) -> Any:
        """The part of a nest where the subscripts of `by` have these windows; `given` are blocks of its inputs."""
        loops: list[Window] = [(None, size) for size in nest.sizes]
        for row, window in zip(by.rows, windows, strict=True):
            loops[row.index(1)] = window
        op = self.tagged[nest.tag]
        fill = made_by(op.operands[len(nest.inputs)], "linalg.fill")
        empty = _empty([loops[row.index(1)][1] for row in nest.outputs[0].rows])
        blocks = [
            given.get(position) or _slice(op.operands[position], access, loops)
            for position, access in enumerate(nest.inputs)
        ]
        operands = [*blocks, linalg.fill(fill.operands[0], outs=[empty]) if fill else empty]
        clone = op.clone()
        for position, block in enumerate(operands):
            clone.operands[position] = block
        clone.results[0].set_type(empty.type)
        _shift(clone, loops)
        return clone.results[0]


def _added(new: Any, scale: Any, old: Any) -> Any:
    return arith.addf(arith.mulf(old, scale), new)


def _map(combine: Callable[..., Any], blocks: Sequence[Any], into: Any) -> Any:
    """The block `into`, combined element by element with others of its shape or, by row, of its leading dimensions."""
    every = loops(ir.RankedTensorType(into.type).rank)
    subscripts = [every[: ir.RankedTensorType(each.type).rank] for each in (*blocks, into)]
    return generic(blocks, into, subscripts, ["parallel"] * len(every), combine)


def _slice(source: Any, access: Access, loops: Sequence[Window]) -> Any:
    """What a nest reads of a tensor when its loops have these windows."""
    windows = [next((loops[loop] for loop, c in enumerate(row) if c), (None, 1)) for row in access.rows]
    kind = ir.RankedTensorType.get([size for _, size in windows], ir.F32Type.get())
    offsets, *static = _placed(windows)
    return tensor.ExtractSliceOp(kind, source, offsets, [], [], *static).result


def _insert(block: Any, result: Any, windows: Sequence[Window]) -> None:
    """Put a block into the result of parallel loops, in their terminator."""
    offsets, *static = _placed(windows)
    tensor.ParallelInsertSliceOp(block, result, offsets, [], [], *static)


def _placed(windows: Sequence[Window]) -> tuple[list[Any], list[int], list[int], list[int]]:
    """Dynamic offsets, then static offsets, sizes and strides, as operations on slices take them."""
    dynamic = ir.ShapedType.get_dynamic_size()
    offsets = [start for start, _ in windows if start is not None]
    return (
        offsets,
        [0 if start is None else dynamic for start, _ in windows],
        [n for _, n in windows],
        [1] * len(windows),
    )


def _shift(op: Any, loops: Sequence[Window]) -> None:
    """Let linalg.index count from where the windows begin."""
    for index in [each for each in operations(op) if each.name == "linalg.index"]:
        start, _ = loops[ir.IntegerAttr(index.attributes["dim"]).value]
        if start is not None:
            with ir.InsertionPoint.after(index):
                shifted = arith.addi(index.results[0], start)
            index.results[0].replace_all_uses_except(shifted, shifted.owner.operation)


def _empty(shape: Sequence[int]) -> Any:
    return tensor.EmptyOp(list(shape), ir.F32Type.get()).result


def _filled(value: float, shape: Sequence[int]) -> Any:
    return linalg.fill(arith.constant(ir.F32Type.get(), value), outs=[_empty(shape)])

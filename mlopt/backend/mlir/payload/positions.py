"""Positions that are computed: what a body loads where constants and its loops' iterations alone say.

PyTorch's importer writes an enlarged image so: each element is loaded at floor(i / 2.0), and no vector is made of that.
Shapes are static, so the program itself tells beforehand where it loads at every iteration of a loop. Positions in even
steps are subscripts, with a quotient where an element is loaded several times in a row, and what is loaded there is an
operand. Others are read from tables.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....protocols import Array
from ..bindings import affine, arith, ir
from .build import Subscripts, covered, generic, loops, place
from .describe import describe
from .folding import compute, constant_sizes, sweep
from .walk import operations

COMPUTES = ("arith.", "math.", "affine.apply", "linalg.index")
"""What positions are computed by."""


@dataclass(frozen=True)
class Steps:
    """The positions offset + factor * (i floordiv length), i being a loop's iteration."""

    offset: int
    factor: int
    length: int

    @classmethod
    def of(cls, positions: Array) -> Steps | None:
        """What these positions are, one an iteration; None where they are no even steps."""
        changes = np.flatnonzero(positions != positions[0])
        if not changes.size:
            return cls(int(positions[0]), 0, 1)
        steps = cls(int(positions[0]), int(positions[changes[0]] - positions[0]), int(changes[0]))
        again = steps.offset + steps.factor * (np.arange(positions.size) // steps.length)
        return steps if np.array_equal(again, positions) else None

    def subscript(self, loop: int) -> Any:
        """These positions as an affine expression. Needs an active context."""
        length = ir.AffineConstantExpr.get(self.length)
        return ir.AffineFloorDivExpr.get(ir.AffineDimExpr.get(loop), length) * self.factor + self.offset


@dataclass(frozen=True)
class _Position:
    """One subscript of a load."""

    value: Any
    loop: int
    """What it varies with; any loop where it varies with none."""
    steps: Sequence[Any]
    """Of the body, in order: what computes it."""
    read: Sequence[int]
    """The operands that these steps read."""


def name_positions(module: Any) -> None:
    """Rewrite what linalg.generic operations load at computed positions, in place. Needs an active context.

    That are operations in a module's only function, with one result. Each subscript may vary with one loop, and must
    stay within bounds.
    """
    constants = constant_sizes(module)
    nests = [op for op in operations(module.operation) if op.name == "linalg.generic" and _is_plain(op)]
    found = [(op, load, positions) for op in nests for load in _loads(op) if (positions := _read(op, load, constants))]
    if not found:
        return
    tables = [_table(op, each) for op, _, positions in found for each in positions]
    numbers = iter(compute(module, tables))
    operands: dict[Any, dict[Any, tuple[Any, Subscripts]]] = {op: {} for op in nests}
    for op, load, positions in found:
        operands[op] |= _operands(op, load, positions, [next(numbers) for _ in positions])
    for op, added in operands.items():
        if added:
            _add(op, added)
    sweep(module.body.operations[0].regions[0].blocks[0])


def _is_plain(op: Any) -> bool:
    return op.parent.name == "func.func" and len(op.results) == 1 and len(op.attributes["iterator_types"]) > 0


def _loads(op: Any) -> list[Any]:
    return [each.operation for each in op.regions[0].blocks[0].operations if each.operation.name == "tensor.extract"]


def _read(op: Any, load: Any, constants: Container[Any]) -> list[_Position]:
    """The subscripts of a load in the body of `op`; none where one of them cannot be told."""
    found = [_position(op, value, constants) for value in list(load.operands)[1:]]
    return [each for each in found if each] if all(found) else []


def _position(op: Any, value: Any, constants: Container[Any]) -> _Position | None:
    nest, body = describe(op), op.regions[0].blocks[0]
    origins = _origins(op, value)
    own = [step for each in origins if (step := _step(op, each))]
    steps = [each.operation for each in body.operations if each.operation in own]
    read = [number for number, argument in enumerate(body.arguments) if argument in origins]
    outside = [each for each in origins if each.owner != body and not _step(op, each)]
    if any(number >= len(nest.inputs) for number in read) or not all(each.name.startswith(COMPUTES) for each in steps):
        return None
    varying = {loop for loop in range(len(nest.sizes)) if any(nest.inputs[number].varies_with(loop) for number in read)}
    varying |= {ir.IntegerAttr(each.attributes["dim"]).value for each in steps if each.name == "linalg.index"}
    if len(varying) > 1:
        return None
    if not all(each in constants for each in (*outside, *(op.operands[number] for number in read))):
        return None
    return _Position(value, next(iter(varying), 0), steps, read)


def _origins(op: Any, value: Any) -> list[Any]:
    """A value in the body of `op`, and all that it is computed of."""
    found = [value]
    for each in found:  # which grows meanwhile
        if step := _step(op, each):
            found += [operand for operand in step.operands if operand not in found]
    return found


def _step(op: Any, value: Any) -> Any | None:
    """What computes a value in the body of `op`; None for what comes from elsewhere."""
    owner = value.owner
    return None if isinstance(owner, ir.Block) or owner.operation.parent.operation != op else owner.operation


def _table(op: Any, position: _Position) -> Any:
    """The result of a nest before `op`: a position at every iteration of its loop."""
    integer = ir.IntegerType.get_signless(64)
    maps = [ir.AffineMapAttr(each).value for each in op.attributes["indexing_maps"]]
    zero = ir.AffineConstantExpr.get(0)
    own = [loops(1)[0] if loop == position.loop else zero for loop in range(maps[0].n_dims)]
    line = ir.AffineMap.get(1, 0, own)
    arguments = [op.regions[0].blocks[0].arguments[number] for number in position.read]

    def body(*elements: Any) -> Any:
        copies = dict(zip(arguments, elements, strict=False))
        for step in position.steps:
            if step.name == "linalg.index":
                copies[step.results[0]] = place(0)
                continue
            copy = step.clone()
            for number, operand in enumerate(step.operands):
                copy.operands[number] = copies.get(operand, operand)
            copies[step.results[0]] = copy.results[0]
        return arith.index_cast(integer, copies.get(position.value, position.value))

    with ir.InsertionPoint(op), op.location:
        size = describe(op).sizes[position.loop]
        start = ir.Operation.create("tensor.empty", [ir.RankedTensorType.get([size], integer)]).result
        inputs = [op.operands[number] for number in position.read]
        subscripts = [[each.compose(line) for each in maps[number].results] for number in position.read]
        return generic(inputs, start, [*subscripts, loops(1)], ["parallel"], body)


def _operands(
    op: Any, load: Any, positions: Sequence[_Position], numbers: Sequence[Array]
) -> Mapping[Any, tuple[Any, Subscripts]]:
    """What values in the body of `op` can be read from, and where: what is loaded, or else where it is loaded."""
    source = load.operands[0]
    if any(each.min() < 0 or each.max() >= end for each, end in zip(numbers, source.type.shape, strict=True)):
        return {}
    found, sizes = list(map(Steps.of, numbers)), describe(op).sizes
    if all(found):
        subscripts = [steps.subscript(each.loop) for steps, each in zip(found, positions, strict=True) if steps]
        read = ir.AffineMap.get(len(sizes), 0, subscripts).results
        with ir.InsertionPoint(op), op.location:
            return {load.results[0]: (covered(source, read, sizes), read)}
    with ir.InsertionPoint(load), load.location:
        for number, (steps, each) in enumerate(zip(found, positions, strict=True), start=1):
            if steps:
                load.operands[number] = affine.apply(ir.AffineMap.get(1, 0, [steps.subscript(0)]), [place(each.loop)])
    with ir.InsertionPoint(op), op.location:
        return {
            each.value: (_constant(table), [ir.AffineDimExpr.get(each.loop)])
            for steps, each, table in zip(found, positions, numbers, strict=True)
            if steps is None
        }


def _constant(table: Array) -> Any:
    value = ir.DenseElementsAttr.get(table)
    return ir.Operation.create("arith.constant", [value.type], attributes={"value": value}).result


def _add(op: Any, operands: Mapping[Any, tuple[Any, Subscripts]]) -> None:
    """Put an operation in the place of `op` that reads these values of its body from operands."""
    nest, old = describe(op), op.regions[0].blocks[0]
    *inputs, start = op.operands
    *reads, written = [list(ir.AffineMapAttr(each).value.results) for each in op.attributes["indexing_maps"]]
    kinds = ["reduction" if loop in nest.reductions else "parallel" for loop in range(len(nest.sizes))]
    tensors, subscripts = zip(*operands.values(), strict=True)
    with ir.InsertionPoint(op), op.location:
        result = generic([*inputs, *tensors], start, [*reads, *subscripts, written], kinds, lambda *each: each[-1])
    body = result.owner.regions[0].blocks[0]
    *elements, total = body.arguments
    *steps, end = [each.operation for each in old.operations]
    for value, element in zip(operands, elements[len(inputs) :], strict=True):
        with ir.InsertionPoint.at_block_begin(body), op.location:
            index = isinstance(value.type, ir.IndexType)
            value.replace_all_uses_with(arith.index_cast(value.type, element) if index else element)
    for argument, element in zip(old.arguments, [*elements[: len(inputs)], total], strict=True):
        argument.replace_all_uses_with(element)
    last = list(body.operations)[-1].operation
    for step in steps:
        step.move_before(last)
    last.operands[0] = end.operands[0]
    sweep(body)
    op.results[0].replace_all_uses_with(result)
    op.erase()

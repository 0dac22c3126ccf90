"""Fewer loops for the same work: loops that walk through memory as one become one, those of one iteration none.

Two neighbouring dimensions of a tensor are joined when every nest that touches it walks through them by two loops that
stand side by side wherever they stand; then these loops are one as well. So images, rows and columns are one loop of a
1x1 convolution, and an element-wise operation is one loop over all elements. What a function takes and returns is
reshaped with the rest: its elements lie in memory as they did, and a kernel reads nothing but their address.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..bindings import PassManager, ir
from .build import join
from .describe import describe
from .margins import PAD, Margins
from .walk import operations

WALL = "mlopt.wall"
"""Hands a tensor from a nest to others that may join dimensions which that nest cannot."""

RESHAPED = ("linalg.generic", "linalg.fill", "tensor.empty")
"""What can be made to result in a tensor of another shape."""
CONTIGUOUS = (WALL, "arith.constant", PAD, *RESHAPED)
"""What results in tensors whose elements lie in the order of their dimensions."""

Groups = Sequence[Sequence[int]]
"""The old dimensions, or loops, that make up each new one, in order; what is in none is left out."""


def wall(value: Any) -> Any:
    """`value`, for readers who may join its dimensions on their own; stands where the caller inserts."""
    return ir.Operation.create(WALL, results=[value.type], operands=[value]).result


def merge(module: Any) -> None:
    """Drop dimensions and loops of size 1 and join the others where possible, in place. Needs an active context.

    Expects linalg.generic and linalg.fill; what reads or results in other operations is reshaped for them. A module of
    several functions, which may call each other, is left as it is.
    """
    for regroup in (_without_units, _joined):
        _regroup(module, regroup)
    for op in [op for op in operations(module.operation) if op.name == WALL]:
        op.results[0].replace_all_uses_with(op.operands[0])
        op.erase()
    module.operation.verify()
    PassManager.parse("builtin.module(canonicalize)").run(module.operation)


def drop_units(module: Any) -> None:
    """The first half of `merge` alone."""
    _regroup(module, _without_units)


def count_loops(module: Any) -> Mapping[Any, int]:
    """How many loops `merge` would leave each nest with, by its first result; none of what it would not touch."""
    function = _only_function(module)
    nests = [] if function is None else [_Nest(op) for op in _nests(function)]
    return {nest.op.results[0]: len(groups) for nest, groups in zip(nests, _joined(nests).loops, strict=True)}


def _regroup(module: Any, regrouping: Callable[[Sequence[_Nest]], _Regrouping]) -> None:
    function = _only_function(module)
    if function is not None:
        nests = [_Nest(op) for op in _nests(function)]
        _reshape(function, nests, regrouping(nests))


def _only_function(module: Any) -> Any | None:
    """A module's function of one block, if it holds nothing else."""
    functions = [op.operation for op in module.body.operations]
    alone = len(functions) == 1 and functions[0].name == "func.func" and len(functions[0].regions[0].blocks) == 1
    return functions[0] if alone else None


class _Nest:
    """One operation, with the map by which it walks through each tensor that it reads, writes or results in."""

    def __init__(self, op: Any) -> None:
        self.op = op
        if op.name == PAD:
            self._init_padding(op)
            return
        nest = describe(op)
        self.sizes, self.reductions = nest.sizes, nest.reductions
        self.indexed = {_dimension(each) for each in operations(op) if each.name == "linalg.index"}
        if op.name == "linalg.fill":
            maps = [ir.AffineMap.get_empty(), ir.AffineMap.get_identity(len(nest.sizes))]
        else:
            maps = [ir.AffineMapAttr(each).value for each in op.attributes["indexing_maps"]]
        values = [*zip(op.operands, maps, strict=True), *zip(op.results, maps[-len(op.results) :], strict=True)]
        rows = [access.rows for access in (*nest.inputs, *nest.outputs, *nest.outputs)]
        self.accesses = [
            _Walk(value, tuple(each.results), row)
            for (value, each), row in zip(values, rows, strict=True)
            if isinstance(value.type, ir.RankedTensorType)
        ]

    def _init_padding(self, op: Any) -> None:
        """A padding walks through the result by a loop each, and through the source a margin behind."""
        source, result = op.operands[0], op.results[0]
        self.sizes, self.reductions, self.indexed = tuple(result.type.shape), frozenset[int](), set[int]()
        every = [ir.AffineDimExpr.get(loop) for loop in range(len(self.sizes))]
        padded = zip(every, Margins.of(op).padded, strict=True)
        rows = tuple(tuple(int(loop == each) for each in range(len(every))) for loop in range(len(every)))
        behind = tuple(loop + 1 if margin else loop for loop, margin in padded)
        self.accesses = [_Walk(source, behind, rows), _Walk(result, tuple(every), rows)]

    def side_by_side(self, loops: tuple[int, int], joined: Mapping[Any, set[int]]) -> bool:
        """Whether these loops can be one, if the tensors' dimensions are `joined` with their next ones."""
        alike = len({loop in self.reductions for loop in loops}) == 1 and self.indexed.isdisjoint(loops)
        return alike and all(access.permits(loops, joined[access.value]) for access in self.accesses)


@dataclass(frozen=True)
class _Walk:
    """How a nest walks through a tensor: an expression for each dimension, and its coefficients."""

    value: Any
    expressions: tuple[Any, ...]
    rows: tuple[tuple[int, ...], ...]

    def loops(self, dimension: int) -> tuple[int, int] | None:
        """The two loops that a dimension and its next one are walked through by; None where there is more to it."""
        first, second = self.expressions[dimension : dimension + 2]
        if isinstance(first, ir.AffineDimExpr) and isinstance(second, ir.AffineDimExpr):
            return first.position, second.position
        return None

    def permits(self, loops: tuple[int, int], joined: set[int]) -> bool:
        """Whether the tensor varies with neither of two loops, or with both in two `joined` dimensions and no other."""
        used = [dimension for dimension, row in enumerate(self.rows) if any(row[loop] for loop in loops)]
        return not used or (len(used) == 2 and used[0] in joined and self.loops(used[0]) == loops)


@dataclass(frozen=True)
class _Regrouping:
    """The new dimensions of each tensor, and the new loops of each nest, in the order of the nests."""

    dimensions: Mapping[Any, Groups]
    loops: Sequence[Groups]


def _without_units(nests: Sequence[_Nest]) -> _Regrouping:
    """Everything but what has size 1."""
    tensors = {access.value for nest in nests for access in nest.accesses}
    return _Regrouping(
        {value: [[each] for each, size in enumerate(_shape(value)) if size != 1] for value in tensors},
        [[[loop] for loop, size in enumerate(nest.sizes) if size != 1] for nest in nests],
    )


def _joined(nests: Sequence[_Nest]) -> _Regrouping:
    """The most that can be joined: at first everything, less what some nest cannot, until all of them agree."""
    tensors = {access.value for nest in nests for access in nest.accesses}
    joined = {value: set(range(len(_shape(value)) - 1)) if _is_contiguous(value) else set() for value in tensors}
    touches = [(nest, access) for nest in nests for access in nest.accesses]
    changed = True
    while changed:
        changed = False
        for nest, access in touches:
            for dimension in sorted(joined[access.value]):
                loops = access.loops(dimension)
                if loops is None or not nest.side_by_side(loops, joined):
                    joined[access.value].remove(dimension)
                    changed = True
    groups = []
    for nest in nests:
        pairs = (access.loops(dimension) for access in nest.accesses for dimension in joined[access.value])
        follows = {loops[0]: loops[1] for loops in pairs if loops}
        firsts = [loop for loop in range(len(nest.sizes)) if loop not in follows.values()]
        groups.append([list(_chain(loop, follows)) for loop in firsts])
    dimensions = {}
    for value, with_next in joined.items():
        firsts = [each for each in range(len(_shape(value))) if each - 1 not in with_next]
        dimensions[value] = [list(_chain(each, {one: one + 1 for one in with_next})) for each in firsts]
    return _Regrouping(dimensions, groups)


def _chain(first: int, follows: Mapping[int, int]) -> Iterator[int]:
    yield first
    if first in follows:
        yield from _chain(follows[first], follows)


def _reshape(function: Any, nests: Sequence[_Nest], new: _Regrouping) -> None:
    """Carry out a regrouping."""
    for nest, loops in zip(nests, new.loops, strict=True):
        if nest.op.name == "linalg.generic":
            _rewrite(nest, loops, new.dimensions)
        elif nest.op.name == PAD:
            Margins.of(nest.op).keep(nest.op, [group[-1] for group in loops])
    inside = [nest.op for nest in nests]
    for value, groups in new.dimensions.items():
        shape = _shape(value)
        if len(groups) == len(shape):
            continue
        own = isinstance(value.owner, ir.Block) or value.owner.name in RESHAPED or value.owner in inside
        uses = [(use.owner.operation, use.operand_number) for use in value.uses]
        covering = _covering(groups, len(shape))
        if own:
            old, extents = value.type, [math.prod(shape[each] for each in group) for group in groups]
            value.set_type(ir.RankedTensorType.get(extents, old.element_type))
            for user, position in uses:
                if user not in inside and user.name != "func.return":
                    with ir.InsertionPoint(user), user.location:
                        around = ir.ArrayAttr.get(list(map(_integers, covering)))
                        attributes = {"reassociation": around, "static_output_shape": ir.DenseI64ArrayAttr.get(shape)}
                        user.operands[position] = ir.Operation.create(
                            "tensor.expand_shape", results=[old], operands=[value], attributes=attributes
                        ).result
        else:
            with ir.InsertionPoint(value.owner), value.owner.location:
                collapsed = join(value, covering)
            collapsed.owner.move_after(value.owner)
            for user, position in uses:
                if user in inside:
                    user.operands[position] = collapsed
    block = function.regions[0].blocks[0]
    results = [each.type for each in list(block.operations)[-1].operands]
    kind = ir.FunctionType.get([each.type for each in block.arguments], results)
    function.attributes["function_type"] = ir.TypeAttr.get(kind)


def _rewrite(nest: _Nest, loops: Groups, dimensions: Mapping[Any, Groups]) -> None:
    """Give a linalg.generic its new loops."""
    position = {old: new for new, group in enumerate(loops) for old in group}
    last = {group[-1] for group in loops}
    substitutes = [
        ir.AffineDimExpr.get(position[loop]) if loop in last else ir.AffineConstantExpr.get(0)
        for loop in range(len(nest.sizes))
    ]
    substitution = ir.AffineMap.get(len(loops), 0, substitutes)
    maps = []
    for value, attribute in zip(nest.op.operands, nest.op.attributes["indexing_maps"], strict=True):
        results = list(ir.AffineMapAttr(attribute).value.results)
        kept = [results[group[-1]] for group in dimensions.get(value, [])]
        maps.append(ir.AffineMap.get(len(loops), 0, [each.compose(substitution) for each in kept]))
    nest.op.attributes["indexing_maps"] = ir.ArrayAttr.get([ir.AffineMapAttr.get(each) for each in maps])
    kinds = list(nest.op.attributes["iterator_types"])
    nest.op.attributes["iterator_types"] = ir.ArrayAttr.get([kinds[group[0]] for group in loops])
    for op in [op for op in operations(nest.op) if op.name == "linalg.index"]:
        loop = _dimension(op)
        if loop in position:
            op.attributes["dim"] = ir.IntegerAttr.get(ir.IntegerType.get_signless(64), position[loop])
            continue
        with ir.InsertionPoint(op), op.location:
            index = ir.IndexType.get()
            zero = {"value": ir.IntegerAttr.get(index, 0)}
            op.results[0].replace_all_uses_with(
                ir.Operation.create("arith.constant", results=[index], attributes=zero).result
            )
        op.erase()


def _nests(function: Any) -> list[Any]:
    """The loop nests on tensors that stand in a function itself."""
    ops = [op.operation for op in function.regions[0].blocks[0].operations]
    return [op for op in ops if (op.name in ("linalg.generic", "linalg.fill") and len(op.results)) or _is_padding(op)]


def _is_padding(op: Any) -> bool:
    """Whether it is one by one number, of which no dimension is made of a single element."""
    if op.name != PAD or not (margins := Margins.of(op)).plain:
        return False
    return not any(size == 1 and padded for size, padded in zip(op.operands[0].type.shape, margins.padded, strict=True))


def _covering(groups: Groups, count: int) -> list[list[int]]:
    """The groups with what is left out put to their neighbours, as reshapes want it."""
    firsts = [0, *(group[0] for group in groups[1:])] if groups else []
    return [list(range(*ends)) for ends in itertools.pairwise([*firsts, count])]


def _is_contiguous(value: Any) -> bool:
    return isinstance(value.owner, ir.Block) or value.owner.name in CONTIGUOUS


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(ir.RankedTensorType(value.type).shape)


def _dimension(index: Any) -> int:
    """The loop that a linalg.index asks for."""
    return int(ir.IntegerAttr(index.attributes["dim"]).value)


def _integers(values: Sequence[int]) -> Any:
    kind = ir.IntegerType.get_signless(64)
    return ir.ArrayAttr.get([ir.IntegerAttr.get(kind, value) for value in values])

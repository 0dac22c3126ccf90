"""From the IR, where buffers and flat vectors are, to the tree of its loops. One walk."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..bindings import ir
from .details import Details
from .index import UNKNOWN, Forms, Index, affine, integer
from .lanes import REARRANGING
from .llvm import is_short, write_out
from .shapes import Shapes
from .tree import Access, Loop, Operation, Shape, Tree
from .unlowered import Unlowered, lowered, stands_for_loops
from .views import DYNAMIC, Buffer, fresh, part, reshaped

INDEX = Shape(1, 1, 64, False)
LOADS = {"vector.load", "memref.load", "vector.maskedload", "vector.transfer_read"}
STORES = {"vector.store", "memref.store", "vector.maskedstore", "vector.transfer_write"}
FREE = {"memref.dealloc", "func.return", "memref.assume_alignment", "ub.poison", "arith.index_cast", "memref.dim"}
WALKED = {"scf.if", "scf.forall.in_parallel", "scf.execute_region", "memref.alloca_scope", "vector.mask", "scf.reduce"}
"""What is taken to be done each time that one comes to it."""


class Reader:
    """Walks a module's first function."""

    def __init__(self) -> None:
        self.indices: dict[int, Index] = {}
        self.buffers: dict[int, Buffer] = {}
        self.shapes: dict[int, Shape] = {}
        self.trips: dict[int, float] = {0: 1.0}
        self.sizes: dict[int, float] = {}
        self.temporary: set[int] = set()
        self._shapes = Shapes()
        self._forms = Forms()
        self._details = Details()
        self._home: dict[int, int] = {}
        """The loop in whose body a vector is made."""
        self._fixed: set[int] = set()
        """Constant subscripts and bounds."""
        self._splat: set[int] = set()
        """Constant vectors, which one register holds whatever their size."""

    def read(self, module: Any) -> Tree:
        function = next(op for op in module.regions[0].blocks[0].operations if op.operation.name == "func.func")
        root = Loop(0, 1.0)
        block = function.operation.regions[0].blocks[0]
        for argument in block.arguments:
            self._new_buffer(hash(argument), ir.MemRefType(argument.type))
        self._body(block, [root])
        return Tree(root, self.trips, self.sizes, frozenset(self.temporary))

    def _body(self, block: Any, path: list[Loop]) -> None:
        for view in block.operations:
            op = view.operation
            _handler(op.name)(self, op, path)

    def _free(self, op: Any, path: list[Loop]) -> None:
        """It takes no time."""

    def _unlowered(self, op: Any, path: list[Loop]) -> None:
        raise Unlowered(op.name)

    def _arithmetic(self, op: Any, path: list[Loop]) -> None:
        name = op.name
        results = list(op.results)
        made = self._shapes.of(results[0].type) if results else None
        if made is None:
            if len(op.regions):
                if name not in WALKED:
                    raise ValueError(f"nothing is known of {name}")
                for region in op.regions:
                    for block in region.blocks:
                        self._body(block, path)
            return
        shape, detail = made, self._details.of(op, name)
        operands = tuple(map(hash, op.operands))
        if name in REARRANGING:
            detail = (self.shapes.get(operands[0], shape).lanes, *detail)
        elif name == "vector.reduction":
            shape = self.shapes.get(operands[0], shape)
        self._add(path, Operation(name, hash(results[0]), operands, shape, detail), made)

    def _add(self, path: list[Loop], operation: Operation, result: Shape) -> None:
        here = path[-1]
        here.operations.append(operation)
        for operand in operation.operands:
            if self._home.get(operand, here.number) != here.number:
                shape = self.shapes[operand]
                here.outside[operand] = Shape(1, 1, shape.bits, True) if operand in self._splat else shape
        if operation.result:
            self.shapes[operation.result] = result
            if result.vector:
                self._home[operation.result] = here.number

    def _access(self, op: Any, path: list[Loop]) -> None:
        name = op.name
        operands = list(op.operands)
        keys = list(map(hash, operands))
        place = 0 if keys[0] in self.buffers else 1  # after what is stored
        buffer = self.buffers[keys[place]]
        end = place + 1 + len(buffer.strides)
        start, steps = self._placed(buffer, keys[place + 1 : end])
        store = name in STORES
        result, used = 0, tuple[int, ...]()
        if store:
            value = len(keys) - 1 if name == "vector.maskedstore" else 0
            used = (keys[value],)
            shape = self.shapes.get(keys[value]) or self._shapes.of(operands[value].type) or INDEX
        else:
            loaded = op.results[0]
            result, shape = hash(loaded), self._shapes.of(loaded.type) or INDEX
        width = shape.lanes * max(1, shape.bits // 8) * shape.rows
        access = Access(buffer.number, steps, start, width, store, store and _is_streamed(op))
        path[-1].accesses.append(access)
        masks = [key for key in keys[end:] if key in self.shapes and key not in used]
        self._add(path, Operation(name, result, (*used, *masks), shape, access=access), shape)

    def _placed(self, buffer: Buffer, subscripts: Sequence[int]) -> tuple[float, dict[int, float]]:
        """Where in a buffer an access begins, in bytes, and how that moves."""
        start, steps = buffer.offset.start, dict(buffer.offset.steps)
        for key, stride in zip(subscripts, buffer.strides, strict=True):
            index = self._at(key)
            start += index.start * stride
            for loop, step in index.steps.items():
                steps[loop] = steps.get(loop, 0.0) + step * stride
        return start, {loop: step for loop, step in steps.items() if step}

    def _new_buffer(self, key: int, kind: Any, dynamic: Sequence[int] = ()) -> None:
        """Memory of its own; `dynamic` are the sizes that the type leaves open."""
        open_sizes = [self._at(size).mean(self.trips) for size in dynamic]
        self.buffers[key], self.sizes[key] = fresh(key, kind, open_sizes)

    def _at(self, key: int) -> Index:
        return self.indices.get(key, UNKNOWN)

    def _claim(self, op: Any, path: list[Loop]) -> None:
        result = op.results[0]
        self._new_buffer(hash(result), ir.MemRefType(result.type), [hash(operand) for operand in op.operands])
        self.temporary.add(hash(result))
        if op.name == "memref.alloc":
            path[-1].operations.append(Operation("memref.alloc", 0, (), INDEX))

    def _global(self, op: Any, path: list[Loop]) -> None:
        self._new_buffer(hash(op.results[0]), ir.MemRefType(op.results[0].type))

    def _constant(self, op: Any, path: list[Loop]) -> None:
        result = op.results[0]
        shape = self._shapes.of(result.type)
        if shape is None:
            return
        self.shapes[hash(result)] = shape
        if shape.vector:
            self._home[hash(result)] = -1
            self._splat.add(hash(result))
        elif isinstance(result.type, ir.IndexType):
            self.indices[hash(result)] = Index(float(ir.IntegerAttr(op.attributes["value"]).value))
            self._fixed.add(hash(result))

    def _affine(self, op: Any, path: list[Loop]) -> None:
        operands = [self._at(hash(operand)) for operand in op.operands]
        self._index(op, affine(op, operands, self._forms, self.trips), path)

    def _index(self, op: Any, found: Index, path: list[Loop]) -> None:
        key = hash(op.results[0])
        self.indices[key], self.shapes[key] = found, INDEX
        path[-1].operations.append(Operation("index", 0, (), INDEX))

    def _integer(self, op: Any, path: list[Loop]) -> None:
        """Arithmetic on integers, which may be subscripts."""
        if not isinstance(op.results[0].type, ir.IndexType):
            return self._arithmetic(op, path)
        left, right = (self._at(hash(operand)) for operand in op.operands)
        self._index(op, integer(op.name, left, right, self.trips), path)

    def _for(self, op: Any, path: list[Loop]) -> None:
        bounds = [hash(operand) for operand in list(op.operands)[:3]]
        low, high, step = (self.indices.get(bound, Index(1.0)) for bound in bounds)
        each = max(1.0, step.start)
        trips = (high.mean(self.trips) - low.mean(self.trips)) / each
        if not (high.steps or low.steps or high.start % 1.0):
            trips = math.ceil(round(trips, 6))
        loop = self._enter(max(0.0, trips), path)
        block = op.regions[0].blocks[0]
        variable, *carried = block.arguments
        self.indices[hash(variable)] = low + Index(0.0, {loop.number: each})
        self.shapes[hash(variable)] = INDEX
        loop.carried = tuple((hash(v), s) for v in carried if (s := self._shapes.of(v.type)))
        for value, shape in loop.carried:
            self.shapes[value] = shape
        for result, (_, shape) in zip(op.results, loop.carried, strict=False):
            self.shapes[hash(result)] = shape
            self._home[hash(result)] = path[-1].number
        self._body(block, [*path, loop])
        write_out(loop)
        fixed = self._fixed.issuperset(bounds)
        loop.unrolled = fixed and not loop.loops and "loop_annotation" not in op.attributes and is_short(loop)

    def _forall(self, op: Any, path: list[Loop]) -> None:
        block = op.regions[0].blocks[0]
        bounds = [list(op.attributes[f"static{name}"]) for name in ("LowerBound", "UpperBound", "Step")]
        dynamic = iter([self.indices.get(hash(operand), Index(1.0)).mean(self.trips) for operand in op.operands])
        low, high, step = ([next(dynamic) if b == DYNAMIC else b for b in each] for each in bounds)
        self._blocks(block, low, high, step, path)

    def _parallel(self, op: Any, path: list[Loop]) -> None:
        block = op.regions[0].blocks[0]
        count = len(block.arguments)
        bounds = [self.indices.get(hash(operand), Index(1.0)).mean(self.trips) for operand in op.operands]
        self._blocks(block, bounds[:count], bounds[count : 2 * count], bounds[2 * count : 3 * count], path)

    def _blocks(
        self, block: Any, low: Iterable[float], high: Iterable[float], step: Iterable[float], path: list[Loop]
    ) -> None:
        """Parallel loops, the outermost first, around a body."""
        for variable, first, last, by in zip(block.arguments, low, high, step, strict=False):
            loop = self._enter(math.ceil((last - first) / by), path, parallel=True)
            self.indices[hash(variable)] = Index(float(first), {loop.number: float(by)})
            self.shapes[hash(variable)] = INDEX
            path = [*path, loop]
        self._body(block, path)

    def _enter(self, trips: float, path: list[Loop], parallel: bool = False) -> Loop:
        loop = Loop(len(self.trips), trips, parallel)
        self.trips[loop.number] = trips
        path[-1].loops.append(loop)
        return loop

    def _yield(self, op: Any, path: list[Loop]) -> None:
        path[-1].yields = tuple(hash(operand) for operand in op.operands)

    def _subview(self, op: Any, path: list[Loop]) -> None:
        self.buffers[hash(op.results[0])] = part(self.buffers[hash(op.operands[0])], op, self._at, self.trips)

    def _reshape(self, op: Any, path: list[Loop]) -> None:
        kind = ir.MemRefType(op.results[0].type)
        self.buffers[hash(op.results[0])] = reshaped(self.buffers[hash(op.operands[0])], kind)


def _is_streamed(store: Any) -> bool:
    return "nontemporal" in store.attributes and bool(store.attributes["nontemporal"].value)


Handler = Callable[[Reader, Any, list[Loop]], None]
HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(LOADS | STORES, Reader._access),
    **dict.fromkeys(FREE, Reader._free),
    "scf.for": Reader._for,
    "scf.forall": Reader._forall,
    "scf.parallel": Reader._parallel,
    "scf.yield": Reader._yield,
    "arith.constant": Reader._constant,
    "affine.apply": Reader._affine,
    "affine.min": Reader._affine,
    "affine.max": Reader._affine,
    "arith.addi": Reader._integer,
    "arith.subi": Reader._integer,
    "arith.muli": Reader._integer,
    "arith.minsi": Reader._integer,
    "arith.maxsi": Reader._integer,
    "memref.alloc": Reader._claim,
    "memref.alloca": Reader._claim,
    "memref.get_global": Reader._global,
    "memref.subview": Reader._subview,
    "memref.collapse_shape": Reader._reshape,
    "memref.expand_shape": Reader._reshape,
    "memref.cast": Reader._reshape,
}


@functools.cache
def _handler(name: str) -> Handler:
    """How operations of this name are read."""
    return Reader._unlowered if stands_for_loops(name) else HANDLERS.get(name, Reader._arithmetic)


def read(module: Any) -> Tree:
    """The tree of a module's first function, which is on buffers. Needs an active context."""
    try:
        return Reader().read(module)
    except Unlowered:
        pass
    try:
        return Reader().read(lowered(module))
    except Unlowered as left:
        raise ValueError(f"nothing is known of {left}") from left

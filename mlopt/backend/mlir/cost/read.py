"""From the IR, where buffers and flat vectors are, to the tree of its loops. One walk."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from ..bindings import ir
from .index import Forms, Index, least, product
from .lanes import REARRANGING, SHUFFLE
from .llvm import is_short, write_out
from .shapes import Shapes
from .tree import Access, Loop, Operation, Shape, Tree
from .unlowered import Unlowered, lowered, stands_for_loops
from .views import DYNAMIC, Buffer, fresh, part, reshaped

IN_ORDER = ("#vector.kind<add>", "#vector.kind<mul>")
"""Reductions of floats whose order LLVM must keep, unless they allow for another."""
ANY_ORDER = ("reassoc", "<fast>")
EXTREMES = tuple(f"#vector.kind<{name}>" for name in ("maximumf", "minimumf", "maxnumf", "minnumf"))
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
        self._positions: dict[int, tuple[int, ...]] = {}
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
            name = op.name
            handler = HANDLERS.get(name)
            if handler is not None:
                handler(self, op, path)
            elif name in LOADS or name in STORES:
                self._access(op, name, path)
            elif stands_for_loops(name):
                raise Unlowered(name)
            elif name not in FREE:
                self._arithmetic(op, name, path)

    def _arithmetic(self, op: Any, name: str, path: list[Loop]) -> None:
        operands = tuple(map(hash, op.operands))
        results = list(op.results)
        made = shape = self._shapes.of(results[0].type) if results else None
        if made is None or shape is None:
            if len(op.regions):
                if name not in WALKED:
                    raise ValueError(f"nothing is known of {name}")
                for region in op.regions:
                    for block in region.blocks:
                        self._body(block, path)
            return
        result = hash(results[0])
        detail: tuple[int, ...] = ()
        if name == "vector.extract":
            detail = self._position(op)
        elif name in REARRANGING:
            first = self.shapes.get(operands[0], shape).lanes
            mask = op.attributes["mask"] if name == SHUFFLE else [each.value for each in op.attributes["offsets"]]
            detail = (first, *mask)
        elif name == "vector.reduction":
            shape = self.shapes.get(operands[0], shape)
            kind, flags = str(op.attributes["kind"]), str(op.attributes["fastmath"])
            in_order = kind in IN_ORDER and not any(flag in flags for flag in ANY_ORDER)
            detail = (int(in_order), int(kind in EXTREMES))
        self._add(path, Operation(name, result, operands, shape, detail), made)

    def _insert(self, op: Any, path: list[Loop]) -> None:
        """The most frequent operation, whose result is like what it is put into."""
        value, into, *_ = op.operands
        shape = self.shapes.get(hash(into)) or self._shapes.of(into.type) or INDEX
        detail = self._position(op)
        self._add(path, Operation(op.name, hash(op.result), (hash(value), hash(into)), shape, detail), shape)

    def _position(self, op: Any) -> tuple[int, ...]:
        """Where an element is taken from or put to; an attribute, of which a program has few, is looked at once."""
        attribute = op.attributes["static_position"]
        key = hash(attribute)
        if key not in self._positions:
            self._positions[key] = tuple(attribute)
        return self._positions[key]

    def _add(self, path: list[Loop], operation: Operation, result: Shape) -> None:
        here = path[-1]
        here.operations.append(operation)
        for operand in operation.operands:
            home = self._home.get(operand)
            if home is not None and home != here.number:
                shape = self.shapes[operand]
                here.outside[operand] = Shape(1, 1, shape.bits, True) if operand in self._splat else shape
        if operation.result:
            self.shapes[operation.result] = result
            if result.vector:
                self._home[operation.result] = here.number

    def _access(self, op: Any, name: str, path: list[Loop]) -> None:
        operands = list(op.operands)
        store = name in STORES
        keys = list(map(hash, operands))
        place = next(i for i, key in enumerate(keys) if key in self.buffers)
        buffer = self.buffers[keys[place]]
        subscripts = keys[place + 1 : place + 1 + len(buffer.strides)]
        start, steps = buffer.offset.start, dict(buffer.offset.steps)
        for key, stride in zip(subscripts, buffer.strides, strict=True):
            index = self._at(key)
            start += index.start * stride
            for loop, step in index.steps.items():
                steps[loop] = steps.get(loop, 0.0) + step * stride
        result, used = 0, tuple[int, ...]()
        if store:
            value = len(keys) - 1 if name == "vector.maskedstore" else 0
            used = (keys[value],)
            shape = self.shapes.get(keys[value]) or self._shapes.of(operands[value].type) or INDEX
        else:
            loaded = op.results[0]
            result, shape = hash(loaded), self._shapes.of(loaded.type) or INDEX
        width = shape.lanes * max(1, shape.bits // 8) * shape.rows
        steps = {loop: step for loop, step in steps.items() if step}
        access = Access(buffer.number, steps, start, width, store, store and _is_streamed(op))
        path[-1].accesses.append(access)
        masks = tuple(key for key in keys if key in self.shapes and key not in used and key not in subscripts)
        self._add(path, Operation(name, result, used + masks, shape, access=access), shape)

    def _new_buffer(self, key: int, kind: Any, dynamic: Sequence[int] = ()) -> None:
        """Memory of its own; `dynamic` are the sizes that the type leaves open."""
        open_sizes = [self._at(size).mean(self.trips) for size in dynamic]
        self.buffers[key], self.sizes[key] = fresh(key, kind, open_sizes)

    def _at(self, key: int) -> Index:
        return self.indices.get(key, Index(0.0))

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
        results = [form(operands) for form in self._forms.of(op.attributes["map"])]
        if op.name == "affine.min":
            found = least(results, self.trips)
        elif op.name == "affine.max":
            found = least([each.times(-1.0) for each in results], self.trips).times(-1.0)
        else:
            found = results[0]
        self._index(op, found, path)

    def _index(self, op: Any, found: Index, path: list[Loop]) -> None:
        key = hash(op.results[0])
        self.indices[key], self.shapes[key] = found, INDEX
        path[-1].operations.append(Operation("index", 0, (), INDEX))

    def _integer(self, op: Any, path: list[Loop]) -> None:
        """Arithmetic on integers, which may be subscripts."""
        if not isinstance(op.results[0].type, ir.IndexType):
            return self._arithmetic(op, op.name, path)
        left, right = (self._at(hash(operand)) for operand in op.operands)
        if op.name == "arith.addi":
            found = left + right
        elif op.name == "arith.subi":
            found = left + right.times(-1.0)
        elif op.name == "arith.minsi":
            found = least([left, right], self.trips)
        elif op.name == "arith.maxsi":
            found = least([left.times(-1.0), right.times(-1.0)], self.trips).times(-1.0)
        else:
            found = product(left, right)
        self._index(op, found, path)

    def _for(self, op: Any, path: list[Loop]) -> None:
        bounds = [hash(operand) for operand in list(op.operands)[:3]]
        low, high, step = (self.indices.get(bound, Index(1.0)) for bound in bounds)
        each = max(1.0, step.start)
        trips: float = math.ceil(round((high.mean(self.trips) - low.mean(self.trips)) / each, 6))
        if high.steps or low.steps or high.start % 1.0:
            trips = (high.mean(self.trips) - low.mean(self.trips)) / each
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


HANDLERS = {
    "scf.for": Reader._for,
    "scf.forall": Reader._forall,
    "scf.parallel": Reader._parallel,
    "scf.yield": Reader._yield,
    "arith.constant": Reader._constant,
    "vector.insert": Reader._insert,
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

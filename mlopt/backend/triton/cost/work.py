"""What programs of a launch do: their IR carried out on whole numbers alone, for many programs at once.

Addresses, masks, and how often loops turn are whole numbers that follow from a program's number and the launch's
arguments; floating-point values decide of hardly any of them, and are not computed. A loop's body is carried out once,
for its first turn, and counts as often as the loop turns; what loops carry on goes on as it did in that turn.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .ttir import Operation, element, element_bytes, shape, size

Numbers = NDArray[Any]
SECTOR = 32
"""Bytes: what a GPU's caches move at least."""
BASE = 1 << 44
"""Bytes between two tensors' made-up addresses."""
SPECIAL = {"exp", "exp2", "log", "log2", "sqrt", "rsqrt", "sin", "cos", "tanh", "erf", "divf"}

_BINARY: Mapping[str, Callable[[Numbers, Numbers], Numbers]] = {
    "addi": np.add,
    "subi": np.subtract,
    "muli": np.multiply,
    "divsi": lambda a, b: _quotient(a, b),
    "divui": lambda a, b: _quotient(a, b),
    "remsi": lambda a, b: a - _quotient(a, b) * b,
    "remui": lambda a, b: a - _quotient(a, b) * b,
    "ceildivsi": lambda a, b: -((-a) // np.where(b == 0, 1, b)),
    "floordivsi": lambda a, b: a // np.where(b == 0, 1, b),
    "minsi": np.minimum,
    "minui": np.minimum,
    "maxsi": np.maximum,
    "maxui": np.maximum,
    "andi": lambda a, b: a & b,
    "ori": lambda a, b: a | b,
    "xori": lambda a, b: a ^ b,
    "shli": np.left_shift,
    "shrsi": np.right_shift,
    "shrui": np.right_shift,
}
_COMPARISONS = {
    "eq": np.equal,
    "ne": np.not_equal,
    "slt": np.less,
    "ult": np.less,
    "sle": np.less_equal,
    "ule": np.less_equal,
    "sgt": np.greater,
    "ugt": np.greater,
    "sge": np.greater_equal,
    "uge": np.greater_equal,
}
_FOR = re.compile(r"(%\S+) = (%\S+) to (%\S+) step (%\S+)")
_CARRIED = re.compile(r"(%[\w.$-]+) = (%[\w.$-]+(?:#\d+)?)")
_KEEP = {"extsi", "extui", "trunci", "index_cast", "index_castui", "bitcast", "ptr_to_int", "int_to_ptr"}


@dataclass
class Access:
    """One load or store of the program's text."""

    stores: bool
    nbytes: int
    """Of all elements, masked or not."""
    turns: Numbers
    """How often each program does it, shape (programs,)."""
    looped: bool
    sectors: float
    """That one program touches in one turn, on average."""
    shared: float
    """How many programs touch a sector, of those that run together, on average."""
    tensor: int | None
    """The number of the argument that it reads or writes."""


@dataclass
class Dot:
    """One product of tiles, (m, k) by (k, n)."""

    m: int
    n: int
    k: int
    kind: str
    """Type of the operands' elements; `ieee` for float32 in full."""
    turns: Numbers


@dataclass
class Work:
    """What the programs do, each summed over its loops; arrays have shape (programs,)."""

    programs: int
    accesses: list[Access] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    floats: Numbers = field(default_factory=lambda: np.zeros(1))
    """Floating-point operations outside of products."""
    specials: Numbers = field(default_factory=lambda: np.zeros(1))
    """Exponentials and their kin."""
    turns: Numbers = field(default_factory=lambda: np.zeros(1))
    """Of the innermost loops."""


def work(
    names: Sequence[str],
    body: Sequence[Operation],
    arguments: Mapping[str, Any],
    grid: Sequence[int],
    programs: Numbers,
) -> Work:
    """What the programs of these numbers, shape (programs,), do."""
    tracer = _Tracer(names, arguments, grid, programs)
    tracer.carry_out(body, np.ones(len(programs)), looped=False)
    return tracer.work


class _Tracer:
    """Values are arrays of whole numbers, shape (programs or 1, *tile); None for what is not known."""

    def __init__(
        self, names: Sequence[str], arguments: Mapping[str, Any], grid: Sequence[int], programs: Numbers
    ) -> None:
        self.work = Work(len(programs))
        self._grid = grid
        self._ids = {
            "x": programs % grid[0],
            "y": programs // grid[0] % grid[1],
            "z": programs // (grid[0] * grid[1]),
        }
        self._values: dict[str, Numbers | None] = defaultdict(lambda: None)
        self._descriptors: dict[str, tuple[int, Any]] = {}
        for number, (name, value) in enumerate(arguments.items()):
            if f"%{name}" not in names:
                continue
            if hasattr(value, "data_ptr"):
                self._values[f"%{name}"] = np.array([(number + 1) * BASE])
            elif hasattr(value, "block_shape"):
                self._descriptors[f"%{name}"] = ((number + 1) * BASE, value)
            elif isinstance(value, int):
                self._values[f"%{name}"] = np.array([int(value)])

    def carry_out(self, body: Sequence[Operation], turns: Numbers, looped: bool) -> Sequence[Numbers | None]:
        """What the body's last operation yields."""
        for operation in body:
            if operation.name in ("scf.yield", "scf.condition"):
                return [self._values[name] for name in operation.operands]
            dialect, _, name = operation.name.partition(".")
            known = getattr(self, f"_{dialect}_{name}", None)
            results = known(operation, turns, looped) if known else (self._plain(operation, dialect, name, turns),)
            for result, value in zip(operation.results, results, strict=False):
                self._values[result] = value
        return ()

    def _plain(self, operation: Operation, dialect: str, name: str, turns: Numbers) -> Numbers | None:
        """An element-wise operation."""
        values = [self._values[operand] for operand in operation.operands]
        if name in _BINARY and len(values) == 2:
            a, b = values
            return None if a is None or b is None else _BINARY[name](a, b)
        if name in _KEEP and values:
            return values[0]
        kind = operation.types.rpartition(" to ")[2]
        if dialect == "math" or (dialect == "arith" and name.endswith("f")):
            self._count(name, size(kind), turns)
        return None

    def _count(self, name: str, elements: int, turns: Numbers) -> None:
        if name in SPECIAL:
            self.work.specials = self.work.specials + turns * elements
        else:
            self.work.floats = self.work.floats + turns * elements

    def _arith_constant(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers | None]:
        literal = operation.text.partition(" : ")[0].strip().removeprefix("dense<").rstrip(">")
        literal = {"true": "1", "false": "0"}.get(literal, literal)
        if not re.fullmatch(r"-?\d+", literal):
            return (None,)
        return (np.full((1, *(1,) * len(shape(operation.types))), int(literal)),)

    def _arith_cmpi(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers | None]:
        a, b = (self._values[name] for name in operation.operands)
        if a is None or b is None:
            return (None,)
        return (_COMPARISONS[operation.text.partition(",")[0].strip()](a, b),)

    def _arith_select(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers | None]:
        condition, a, b = (self._values[name] for name in operation.operands)
        if condition is None or a is None or b is None:
            return (None,)
        return (np.where(condition != 0, a, b),)

    def _tt_get_program_id(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers]:
        return (self._ids[operation.text.split()[0]],)

    def _tt_get_num_programs(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers]:
        return (np.array([self._grid["xyz".index(operation.text.split()[0])]]),)

    def _tt_make_range(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers]:
        bounds = dict(re.findall(r"(start|end) = (\d+)", operation.text))
        return (np.arange(int(bounds["start"]), int(bounds["end"]))[None],)

    def _tt_splat(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers | None]:
        value = self._values[operation.operands[0]]
        rank = len(shape(operation.types.rpartition("->")[2]))
        return (None if value is None else value.reshape(-1, *(1,) * rank),)

    def _tt_unsplat(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers | None]:
        value = self._values[operation.operands[0]]
        return (None if value is None else value.reshape(len(value), -1)[:, 0],)

    def _tt_expand_dims(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers | None]:
        value = self._values[operation.operands[0]]
        axis = int(re.findall(r"axis = (\d+)", operation.text)[0])
        return (None if value is None else np.expand_dims(value, axis + 1),)

    def _tt_broadcast(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers | None]:
        return (self._values[operation.operands[0]],)  # numpy broadcasts when it must

    def _tt_trans(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers | None]:
        value = self._values[operation.operands[0]]
        order = [int(axis) + 1 for axis in re.findall(r"order = array<i32: ([\d, ]+)>", operation.text)[0].split(",")]
        return (None if value is None else value.transpose(0, *order),)

    def _tt_reshape(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers | None]:
        value = self._values[operation.operands[0]]
        before, _, after = operation.types.partition("->")
        if value is None:
            return (None,)
        return (np.broadcast_to(value, (len(value), *shape(before))).reshape(len(value), *shape(after)),)

    def _tt_addptr(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers | None]:
        pointer, offset = (self._values[name] for name in operation.operands)
        if pointer is None or offset is None:
            return (None,)
        return (pointer + offset * element_bytes(operation.types.split(",")[0]),)

    def _tt_reduce(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[None]:
        self._count("reduce", size(operation.types.partition("->")[0]), turns)
        return ()

    _tt_scan = _tt_reduce

    def _tt_dot(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[None]:
        left, right = (part.strip() for part in operation.types.partition("->")[0].split("*"))
        kind = element(left)
        if kind == "f32" and "inputPrecision = tf32" not in operation.text:
            kind = "ieee"
        m, k = shape(left)[-2:]
        self.work.dots.append(Dot(m, shape(right)[-1], k, kind, turns))
        return (None,)

    _tt_dot_scaled = _tt_dot

    def _tt_load(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[None]:
        self._access(operation, operation.operands[0], operation.operands[1:2], turns, looped, stores=False)
        return (None,)

    def _tt_store(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[None]:
        self._access(operation, operation.operands[0], operation.operands[2:3], turns, looped, stores=True)
        return ()

    def _tt_atomic_rmw(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[None]:
        self._access(operation, operation.operands[0], operation.operands[2:3], turns, looped, stores=True)
        return (None,)

    def _tt_descriptor_load(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[None]:
        self._described(operation, operation.operands[0], operation.operands[1:], turns, looped, stores=False)
        return (None,)

    def _tt_descriptor_store(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[None]:
        self._described(operation, operation.operands[0], operation.operands[1:-1], turns, looped, stores=True)
        return ()

    def _scf_for(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers | None]:
        header = _FOR.match(operation.text)
        assert header
        variable, *bounds = header.groups()
        low, high, step = (self._values[name] for name in bounds)
        _, _, carried_text = operation.text.partition("iter_args(")
        carried = _CARRIED.findall(carried_text.partition(") ->")[0])
        before = [self._values[value] for _, value in carried]
        count = np.ones(1)
        if low is not None and high is not None and step is not None:
            count = np.maximum(0, -((low - high) // np.maximum(step, 1)))
        self._values[variable] = low
        for (name, _), value in zip(carried, before, strict=True):
            self._values[name] = value
        inner = any(nested.regions and nested.name == "scf.for" for nested in operation.regions[0])
        if not inner:
            self.work.turns = self.work.turns + turns * count
        after = self.carry_out(operation.regions[0], turns * count, looped=True)
        return [_carried_on(first, second, count) for first, second in zip(before, after, strict=False)]

    def _scf_if(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers | None]:
        condition = self._values[operation.operands[0]]
        share = 0.5 if condition is None else (condition != 0).astype(float)
        yielded = [
            self.carry_out(region, turns * part, looped)
            for region, part in zip(operation.regions, (share, 1.0 - share), strict=False)
        ]
        if len(yielded) < 2 or condition is None:
            return [None] * len(operation.results)
        return [
            None if a is None or b is None else np.where((condition != 0).reshape(-1, *(1,) * (a.ndim - 1)), a, b)
            for a, b in zip(*yielded, strict=False)
        ]

    def _scf_while(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[None]:
        for region in operation.regions:
            self.carry_out(region, turns, looped=True)
        return [None] * len(operation.results)

    def _access(
        self, operation: Operation, pointer: str, mask: Sequence[str], turns: Numbers, looped: bool, stores: bool
    ) -> None:
        kind = operation.types
        nbytes = size(kind) * element_bytes(kind)
        addresses, known = self._values[pointer], self._values[mask[0]] if mask else None
        if addresses is None:
            self._add(stores, nbytes, turns, looped, -(-nbytes // SECTOR), 1.0, None)
            return
        tensor = int(addresses.flat[0]) // BASE - 1
        programs = max(len(addresses), 1 if known is None else len(known))
        addresses = np.broadcast_to(addresses, (programs, *shape(kind)))
        masked = None if known is None else np.broadcast_to(known, addresses.shape)
        sectors, shared = _sectors(addresses, masked, element_bytes(kind), self.work.programs)
        self._add(stores, nbytes, turns, looped, sectors, shared, tensor)

    def _described(
        self,
        operation: Operation,
        descriptor: str,
        places: Sequence[str],
        turns: Numbers,
        looped: bool,
        stores: bool,
    ) -> None:
        """A block that a descriptor names by its offsets: whole lines, shared by the programs with equal offsets."""
        kind = operation.types
        block = shape(kind.partition("->")[0])
        nbytes = size(kind.partition("->")[0]) * element_bytes(kind.partition("->")[0])
        offsets = [self._values[place] for place in places]
        base, _ = self._descriptors.get(descriptor, (None, None))
        shared = 1.0
        if block and all(offset is not None for offset in offsets):
            stacked = np.stack(
                [np.broadcast_to(offset, self.work.programs) for offset in offsets if offset is not None]
            )
            shared = self.work.programs / np.unique(stacked, axis=1).shape[1]
        self._add(
            stores, nbytes, turns, looped, -(-nbytes // SECTOR), shared, None if base is None else base // BASE - 1
        )

    def _add(
        self,
        stores: bool,
        nbytes: int,
        turns: Numbers,
        looped: bool,
        sectors: float,
        shared: float,
        tensor: int | None,
    ) -> None:
        turns = np.broadcast_to(turns, self.work.programs)
        self.work.accesses.append(Access(stores, nbytes, turns, looped, sectors, shared, tensor))


def _sectors(addresses: Numbers, mask: Numbers | None, width: int, programs: int) -> tuple[float, float]:
    """How many sectors a program touches, and how many programs touch a sector, on average."""
    step = max(1, SECTOR // width)
    for axis in range(1, addresses.ndim):  # neighbours in memory: one of those in a sector stands for all
        line = np.moveaxis(addresses, axis, -1)
        if (
            line.shape[-1] > 1
            and (line[0, ..., 1] - line[0, ..., 0] == width).all()
            and (line[0].flat[0] % SECTOR == 0)
        ):
            addresses = line[..., ::step]
            mask = None if mask is None else np.moveaxis(mask, axis, -1)[..., ::step]
            break
    touched = (addresses // SECTOR).reshape(len(addresses), -1)
    seen = np.ones(touched.shape, bool) if mask is None else (mask != 0).reshape(len(addresses), -1)
    touched = np.sort(np.where(seen, touched, -1), axis=1)
    fresh = np.diff(touched, axis=1, prepend=-1) != 0
    each = fresh.sum()
    if not each:
        return 0.0, 1.0
    together = len(np.unique(touched[fresh]))
    repeated = programs / len(addresses)  # where all programs are alike, one stands for all
    return float(each / len(addresses)), float(each * repeated / together)


def _carried_on(first: Numbers | None, second: Numbers | None, count: Numbers) -> Numbers | None:
    """A value after so many turns, of which each adds what the first one did."""
    if first is None or second is None:
        return None
    rank = max(first.ndim, second.ndim)
    last: Numbers = first + (second - first) * np.asarray(count).reshape(-1, *(1,) * (rank - 1))
    return last


def _quotient(a: Numbers, b: Numbers) -> Numbers:
    """Rounded towards zero, as machines do; 0 for a division by 0, which no program means."""
    b = np.where(b == 0, 1, b)
    found: Numbers = np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))
    return found

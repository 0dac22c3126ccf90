"""What programs of a launch do: their IR carried out on whole numbers alone, for many programs at once.

Addresses, masks, and how often loops turn are whole numbers that follow from a program's number and the launch's
arguments; floating-point values decide of hardly any of them, and are not computed. A loop's body is carried out once,
for its first turn, and counts as often as the loop turns; what loops carry on goes on as it did in that turn.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .access import SECTOR, Access, sectors
from .integers import BINARY, KEEP, Numbers, carried_on
from .tiles import TILES
from .ttir import Operation, element, element_bytes, shape, size

BASE = 1 << 44
"""Bytes between two tensors' made-up addresses."""
SPECIAL = {"exp", "exp2", "log", "log2", "sqrt", "rsqrt", "sin", "cos", "tanh", "erf", "divf"}

_FOR = re.compile(r"(%\S+) = (%\S+) to (%\S+) step (%\S+)")
_CARRIED = re.compile(r"(%[\w.$-]+) = (%[\w.$-]+(?:#\d+)?)")


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
    seldom: Numbers = field(default_factory=lambda: np.zeros(1))
    """How often is done what a branch in these may pass over: in each turn, as far as anybody knows; of a loop that is
    made one with the loop around it, in each turn of that one."""


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
        self._flattened = False
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
        """An operation that does nothing but make a value, of whole numbers if all that it is made of are known."""
        values = [self._values[operand] for operand in operation.operands]
        known = [value for value in values if value is not None]
        if operation.name in TILES:
            return TILES[operation.name](operation, *known) if len(known) == len(values) else None
        if name in BINARY and len(values) == 2:
            return BINARY[name](*known) if len(known) == len(values) else None
        if name in KEEP and values:
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

    def _tt_get_program_id(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers]:
        return (self._ids[operation.text.split()[0]],)

    def _tt_get_num_programs(self, operation: Operation, turns: Numbers, looped: bool) -> Sequence[Numbers]:
        return (np.array([self._grid["xyz".index(operation.text.split()[0])]]),)

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
            self.work.seldom = self.work.seldom + (turns if self._flattened else turns * count)
        around, self._flattened = self._flattened, "tt.flatten" in operation.text
        after = self.carry_out(operation.regions[0], turns * count, looped=True)
        self._flattened = around
        return [carried_on(first, second, count) for first, second in zip(before, after, strict=False)]

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
        touched, shared = sectors(addresses, masked, element_bytes(kind), self.work.programs)
        self._add(stores, nbytes, turns, looped, touched, shared, tensor)

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

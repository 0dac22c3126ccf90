"""The space of ways to compute a contraction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....core.fingerprint import cache_bytes
from ....core.nests import Subject
from ....core.schedule import Schedule, Value
from ....core.space import Knob, KnobSpace
from ..payload.contraction import Contraction
from ..simd import Simd
from .order import LoopOrder
from .purpose import PURPOSE
from .subject import product

PACKING = ("none", "panel", "block", "whole")
"""Where an operand is copied into register-tile order: in the register loops (and folded away), in the innermost cache
loop that it varies with, once per parallel block, or once before all."""

LOWERINGS = ("outerproduct", "parallelarith")

ROWS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28)

CACHE_LOOPS = LoopOrder(("m", "n", "k"))
"""The order of the loops over cache tiles."""

COLUMN_COUNTS = (2, 4, 3, 1)
"""Vectors along a register tile, the best number first."""

FMA_LIMIT = 128
"""Vector multiply-adds in the innermost loop's body; beyond it, compiling takes seconds and code leaves the cache."""

PARALLEL_ARITH_LIMIT = 32
"""The same for `parallelarith`, which compiles several times slower."""


class ContractionSpace(KnobSpace):
    """Register tile, cache tiles, parallel blocks, loop orders, packing and lowering of one contraction.

    Tile sizes are in elements and are rounded up to whole register tiles; a size that equals the dimension leaves the
    loop out. What cannot fit (more accumulators than registers, bodies beyond FMA_LIMIT) is not in the space.
    """

    def __init__(self, contraction: Contraction, simd: Simd, threads: int = 1) -> None:
        self.contraction = contraction
        self.simd = simd
        self.threads = threads
        c = contraction
        columns = tuple(simd.lanes * vectors for vectors in (1, 2, 3, 4) if simd.lanes * (vectors - 1) < c.n)
        rows = tuple(rows for rows in ROWS if rows <= min(c.m, simd.registers - 2))
        self.knobs = (
            Knob("reg_n", "ordinal", columns, PURPOSE["reg_n"]),
            Knob("reg_m", "ordinal", rows, PURPOSE["reg_m"], needs=("reg_n",)),
            Knob("reg_k", "log2", (2, 4, 8, 16), PURPOSE["reg_k"], needs=("reg_n", "reg_m")),
            Knob(
                "lowering",
                "categorical",
                LOWERINGS,
                "how a register tile is contracted",
                needs=("reg_n", "reg_m", "reg_k"),
            ),
            Knob(
                "remainder",
                "categorical",
                ("mask", "peel"),
                PURPOSE["remainder"],
                needs=("reg_n", "reg_m"),
            ),
            Knob("tile_k", "log2", cache_tiles(c.k), PURPOSE["tile_k"], needs=("reg_k",)),
            Knob(
                "block_m", "log2", cache_tiles(c.m), "rows of a parallel block; each thread needs one", needs=("reg_m",)
            ),
            Knob("tile_m", "log2", cache_tiles(c.m), PURPOSE["tile_m"], needs=("reg_m", "block_m")),
            Knob("block_n", "log2", cache_tiles(c.n), "columns of a parallel block", needs=("reg_n",)),
            Knob("tile_n", "log2", cache_tiles(c.n), PURPOSE["tile_n"], needs=("reg_n", "block_n")),
            *CACHE_LOOPS.knobs(),
            Knob("reg_order", "permutation", ("mn", "nm"), PURPOSE["reg_order"]),
            Knob("pack_a", "ordinal", PACKING, PURPOSE["pack_a"]),
            Knob("pack_b", "ordinal", PACKING, PURPOSE["pack_b"]),
            Knob("accumulate", "categorical", ("block", "tile"), PURPOSE["accumulate"]),
        )

    def hints(self) -> Sequence[Mapping[str, Value]]:
        """What an analytical model of the caches says (Low, Igual, Smith, Quintana-Orti 2016), and close to it.

        The register tile fills the registers, or at least half of them where a block then is of whole tiles, since
        partial ones cost more than they gain; its slices of B take half of the first cache, A's block half of the
        second; each thread has an equal share of the rows.
        """
        c, caches = self.contraction, cache_bytes()
        model: dict[str, Value] = {
            "order_1": "n",
            "order_2": "k",
            "reg_order": "nm",
            "reg_k": 4,
            "lowering": "outerproduct",
        }
        model |= {"remainder": "peel", "pack_a": "panel", "pack_b": "panel", "accumulate": "block"}
        model |= {"block_m": -(-c.m // self.threads), "block_n": c.n, "tile_n": c.n}
        hints = []
        even = [count for count in COLUMN_COUNTS if c.n % (count * self.simd.lanes) == 0]
        for vectors in even or COLUMN_COUNTS[:3]:
            columns = vectors * self.simd.lanes
            tile_k = min(c.k, caches.get("L1", 1 << 15) // 2 // (4 * columns))
            tile_m = caches.get("L2", 1 << 19) // 2 // (4 * tile_k)
            most = (self.simd.registers - vectors - 1) // vectors
            rows = next((count for count in range(most, most // 2, -1) if -(-c.m // self.threads) % count == 0), most)
            tile = {"reg_n": columns, "reg_m": rows, "tile_k": tile_k, "tile_m": tile_m}
            hints += [model | tile, model | tile | {"pack_a": "none", "accumulate": "tile"}]
        return [{knob.name: _nearest(knob, hint[knob.name]) for knob in self.knobs} for hint in hints]

    def subject(self, prefix: Schedule) -> Subject:
        """What the decision after `prefix` is about."""
        nest = product(self.contraction)
        lead = len(self.contraction.batch)
        loops = {"m": lead, "n": lead + 1, "k": lead + 2}
        return Subject(nest, loops.get(self.knobs[len(prefix)].name.rpartition("_")[2]))

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        if knob.name in CACHE_LOOPS.names:
            return CACHE_LOOPS.legal(knob, chosen)
        get = {name: int(value) for name, value in chosen.items() if not isinstance(value, str)}
        vectors = get.get("reg_n", 0) // self.simd.lanes
        c = self.contraction
        match knob.name:
            case "reg_m":
                # An accumulator a vector, one row of the right operand, and one broadcast element of the left.
                return [r for r in knob.values if int(r) * vectors + vectors + 1 <= self.simd.registers]
            case "reg_k":
                work, unrollings = get["reg_m"] * vectors, [int(u) for u in knob.values]
                # A partial row of A that is wider than a register makes LLVM (24) give up.
                whole = [u for u in unrollings if c.k % u == 0 or u <= self.simd.lanes]
                return [u for u in whole if u == 2 or (u < 2 * c.k and work * u <= FMA_LIMIT)]
            case "lowering":
                small = get["reg_m"] * vectors * get["reg_k"] <= PARALLEL_ARITH_LIMIT
                return knob.values if small else knob.values[:1]
            case "remainder":
                return knob.values if c.m % get["reg_m"] or c.n % get["reg_n"] else knob.values[:1]
            case "tile_k":
                return [s for s in knob.values if get["reg_k"] <= int(s) or s == c.k]
            case "block_m" | "block_n":
                dimension = c.m if knob.name == "block_m" else c.n
                register = get["reg_" + knob.name[-1]]
                return [s for s in knob.values if register <= int(s) or s == dimension]
            case "tile_m" | "tile_n":
                block, register = get["block_" + knob.name[-1]], get["reg_" + knob.name[-1]]
                return [s for s in knob.values if s == block or register <= int(s) < block]
            case _:
                return knob.values


def cache_tiles(dimension: int) -> tuple[int, ...]:
    """Powers of two from 16 up to the dimension, and the dimension itself.

    Smaller tiles are loops of few iterations, which LLVM unrolls into each other until compiling takes seconds.
    """
    return (*(1 << p for p in range(4, dimension.bit_length()) if 1 << p < dimension), dimension)


def _nearest(knob: Knob, wanted: Value) -> Value:
    """The value of a knob that comes closest to a number; a word stays itself."""
    if isinstance(wanted, str):
        return wanted
    return min(knob.values, key=lambda value: abs(float(value) - wanted))

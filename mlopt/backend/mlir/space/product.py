"""How a sum of products is computed within its block: register tile, cache loops, packing."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from ....core.schedule import Value
from ....core.space import Knob
from ..payload.nest import LoopNest
from ..payload.product import Product
from ..simd import Simd
from .matmul import FMA_LIMIT, cache_tiles
from .order import LoopOrder
from .purpose import PURPOSE

PACKING = ("none", "panel", "block")
"""Where an operand is copied into register-tile order: in the register loops (and folded away), in the innermost cache
loop that it varies with, or once in a block."""

ROWS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 28)

UNROLLINGS = (1, 2, 4, 8, 16)


class ProductKnobs:
    """The knobs of one product; sizes are in elements."""

    def __init__(self, product: Product, prefix: str, simd: Simd) -> None:
        self.product, self.prefix, self.simd = product, prefix, simd
        sizes = product.nest.sizes
        self.size = {name: sizes[loop] for name, loop in product.roles.items()}
        columns = tuple(simd.lanes * count for count in (1, 2, 3, 4) if simd.lanes * (count - 1) < self.size["n"])
        most = min(self.size["m"], simd.registers - 2)
        rows = tuple(count for count in ROWS if count <= most)
        depth = self.size.get("k", 1)
        whole = {depth} if depth <= UNROLLINGS[-1] else set()
        counts = (2,) if product.pairs else sorted({*UNROLLINGS, *whole})
        unrollings = tuple(c for c in counts if depth % c == 0 or product.packs_rows or product.pairs)
        named = "".join(self.size)
        self.order = LoopOrder(tuple(self.size), prefix)
        tile = (f"{prefix}reg_n", f"{prefix}reg_m")
        self.knobs = (
            Knob(f"{prefix}reg_n", "ordinal", columns, PURPOSE["reg_n"]),
            Knob(f"{prefix}reg_m", "ordinal", rows, PURPOSE["reg_m"], (f"{prefix}reg_n",)),
            Knob(f"{prefix}reg_k", "log2", unrollings, PURPOSE["reg_k"], tile),
            Knob(f"{prefix}remainder", "categorical", ("mask", "peel"), PURPOSE["remainder"], tile),
            *(
                Knob(f"{prefix}tile_{name}", "log2", cache_tiles(self.size[name]), PURPOSE[f"tile_{name}"])
                for name in named
            ),
            *self.order.knobs(),
            Knob(f"{prefix}reg_order", "permutation", _orders(named.replace("k", "")), PURPOSE["reg_order"]),
            Knob(f"{prefix}pack_a", "ordinal", PACKING if product.packs_rows else PACKING[:1], PURPOSE["pack_a"]),
            # Pairs of B are not neighbours, and would be brought together each time that they are read.
            Knob(f"{prefix}pack_b", "ordinal", PACKING[1:] if product.pairs else PACKING, PURPOSE["pack_b"]),
            Knob(f"{prefix}accumulate", "categorical", ("block", "tile"), PURPOSE["accumulate"]),
        )

    @property
    def vector_loop(self) -> int:
        return self.product.n

    @property
    def transposes(self) -> bool:
        """Whether packing turns an operand round, neighbours in which are not neighbours in a register tile."""
        nest, left = self.product.nest, self.product.left
        rows = self.product.packs_rows and nest.inputs[left].innermost() == self.product.m
        return rows or nest.inputs[1 - left].innermost() != self.product.n

    @classmethod
    def of(cls, nest: LoopNest, prefix: str, simd: Simd) -> ProductKnobs | None:
        """The knobs of a nest; None for what is no product, or one with a vector, which packing would only slow."""
        product = Product.find(nest)
        if product is None or product.m is None or (product.pairs and not simd.dots):
            return None
        return cls(product, prefix, simd)

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        if knob.name in self.order.names:
            return self.order.legal(knob, chosen)
        name = knob.name.removeprefix(self.prefix)
        vectors = int(chosen.get(f"{self.prefix}reg_n", 0)) // self.simd.lanes
        if name == "reg_m":
            # An accumulator a vector, one row of B, and one broadcast element of A.
            return [rows for rows in knob.values if int(rows) * vectors + vectors + 1 <= self.simd.registers]
        if name == "reg_k":
            work = int(chosen[f"{self.prefix}reg_m"]) * vectors
            return [count for count in knob.values if count == knob.values[0] or work * int(count) <= FMA_LIMIT]
        if name == "remainder":
            partial = any(self.size[each] % int(chosen[f"{self.prefix}reg_{each}"]) for each in "nm")
            return knob.values if partial else knob.values[:1]
        return knob.values


def _orders(loops: str) -> tuple[str, ...]:
    return tuple("".join(order) for order in itertools.permutations(loops))

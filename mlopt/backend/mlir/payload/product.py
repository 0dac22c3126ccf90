"""The roles of the loops of a sum of products, in the terms of the matrix product that it contains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..bindings import ir
from .describe import describe
from .nest import Access, LoopNest
from .walk import operations

FEW = 8
"""A loop of fewer iterations is m, or k, only where there is no longer one."""

LANES = 4
"""Of the narrowest vectors; a loop of fewer iterations is n only where there is no longer one."""

PAIRS = 16
"""Pairs of bfloat16 that one instruction takes from each operand."""


@dataclass(frozen=True)
class Product:
    """C[outer, m, n] += A[outer, m, k, inner] B[outer, k, inner, n], with loops by number.

    n is the loop of vectors, m that of a register tile's rows, k the innermost of the sum. An access through a sum of
    loops, as that of a convolution's input, is allowed for A only; then neither m nor k is packed.
    """

    nest: LoopNest
    left: int
    """A's position among the operands; B is the other."""
    m: int | None
    n: int
    k: int | None
    packs_rows: bool
    """Whether m and k may be packed with n."""
    pairs: bool = False
    """Whether the operands are of bfloat16, multiplied in pairs along k; then k is packed with n, and m is not."""

    @classmethod
    def find(cls, nest: LoopNest) -> Product | None:
        """The roles in a nest; None where it has no loop that can be n."""
        if not nest.is_product or nest.outputs[0].dtype != "f32":
            return None
        (output,), kinds = nest.outputs, {access.dtype for access in nest.inputs}
        owners = {loop: [each for each in (0, 1) if nest.inputs[each].varies_with(loop)] for loop in nest.parallel}
        columns = [
            loop
            for loop in reversed(_in_order(output, nest))
            if len(owners[loop]) == 1 and nest.inputs[owners[loop][0]].is_projection
        ]
        if not columns:
            return None
        n = max(columns, key=lambda loop: min(nest.sizes[loop], LANES))
        left = 1 - owners[n][0]
        a, b = nest.inputs[left], nest.inputs[1 - left]
        rows = [loop for loop in _in_order(output, nest) if a.varies_with(loop) and not b.varies_with(loop)]
        m = rows[-1] if rows else None
        if m is not None and nest.sizes[m] < FEW:
            m = max(rows, key=lambda loop: nest.sizes[loop])
        sums = [loop for loop in sorted(nest.reductions) if b.varies_with(loop) and nest.sizes[loop] > 1]
        plain = [loop for loop in sums if a.plain(loop) is not None]
        k = max(
            plain, key=lambda loop: (loop == a.innermost() and nest.sizes[loop] >= FEW, nest.sizes[loop]), default=None
        )
        packs = m is not None and k is not None and a.is_projection and m < n
        if kinds == {"bf16"} and packs and nest.sizes[n] >= PAIRS:
            return cls(nest, left, m, n, k, packs_rows=False, pairs=True)
        return cls(nest, left, m, n, k, packs) if kinds == {"f32"} else None

    @property
    def strided(self) -> bool:
        """Whether neighbouring rows read elements of A that are further apart, which no vector holds."""
        return self.m is not None and not self.nest.inputs[self.left].walks(self.m)

    @property
    def outer(self) -> tuple[int, ...]:
        """The other parallel loops."""
        return tuple(loop for loop in self.nest.parallel if loop not in (self.m, self.n))

    @property
    def inner(self) -> tuple[int, ...]:
        """The other loops of the sum."""
        return tuple(loop for loop in sorted(self.nest.reductions) if loop != self.k)

    @property
    def roles(self) -> dict[str, int]:
        """The loops that have a name: n, and m and k where there are such."""
        named = {"m": self.m, "n": self.n, "k": self.k}
        return {name: loop for name, loop in named.items() if loop is not None}

    @property
    def packed(self) -> tuple[int, ...]:
        """The loops whose register tile becomes the inner part of packed operands, in the order of the loops."""
        if self.pairs and self.k is not None:
            return tuple(sorted((self.n, self.k)))
        return tuple(sorted(self.roles.values())) if self.packs_rows else (self.n,)


def _in_order(output: Access, nest: LoopNest) -> list[int]:
    """The parallel loops with more than one iteration, in the order of the output's subscripts."""
    loops = [row.index(1) for row in output.rows if any(row)]
    return [loop for loop in loops if nest.sizes[loop] > 1]


def put_left_first(module: Any) -> None:
    """Exchange the operands of products whose A is the second one. Needs an active context.

    Register tiles are lowered to outer products in which the second operand becomes vectors; that must be B.
    """
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic"]:
        product = Product.find(describe(op))
        if product is not None and product.left == 1:
            op.operands[0], op.operands[1] = op.operands[1], op.operands[0]
            b, a, c = op.attributes["indexing_maps"]
            op.attributes["indexing_maps"] = ir.ArrayAttr.get([a, b, c])


def contract_sums(module: Any) -> None:
    """Let sums of products that no register tile of a product is made for be computed by fused multiply-adds.

    Register tiles are made of these anyway. Rounding once instead of twice makes nothing less exact. Needs an active
    context.
    """
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic"]:
        nest = describe(op)
        if nest.is_product and not in_register_tiles(nest):
            contract(op)


def contract(op: Any) -> None:
    """Let what a linalg.generic multiplies and adds be computed by fused multiply-adds. Needs an active context."""
    for each in operations(op):
        if each.name in ("arith.mulf", "arith.addf"):
            each.attributes["fastmath"] = ir.Attribute.parse("#arith.fastmath<contract>")


def in_register_tiles(nest: LoopNest) -> bool:
    """Whether a nest is a product with rows and columns."""
    product = Product.find(nest)
    return product is not None and product.m is not None

"""The contraction at the heart of a payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..bindings import ir
from .describe import describe
from .walk import is_cleared, made_by, operations

NAMED = ("linalg.matmul", "linalg.batch_matmul")
"""Operations that are a product of matrices if nothing else is said of them."""


@dataclass(frozen=True)
class Contraction:
    """C[batch, m, n] += A[batch, m, k] B[batch, k, n] over float32, or with m, k or k, n in the other order."""

    operation: str
    batch: tuple[int, ...]
    m: int
    n: int
    k: int
    left: str = "mk"
    """The order of A's dimensions after the batch."""
    right: str = "kn"
    """The order of B's."""

    @classmethod
    def find(cls, module: Any) -> Contraction | None:
        """The matrix product that a payload consists of, in generic form too; None where it is anything else, or more.

        Its loops must be in the order batch, m, n, k, and start from zero.
        """
        computing = [op for op in operations(module.operation) if op.name.startswith("linalg.")]
        found = [op for op in computing if op.name in (*NAMED, "linalg.generic")]
        rest = {op.name for op in computing if op not in found}
        if len(found) != 1 or not rest <= {"linalg.fill", "linalg.yield"} or len(found[0].operands) != 3:
            return None
        (product,) = found
        types = [ir.RankedTensorType(operand.type) for operand in product.operands]
        single = all(each.element_type == ir.F32Type.get() for each in types)
        shapes = [tuple(each.shape) for each in types]
        if not single or min(map(len, shapes)) < 2 or not all(size > 0 for shape in shapes for size in shape):
            return None
        orders, start = _orders(product, len(shapes[2]) - 2), product.operands[2]
        if orders is None or not (made_by(start, "linalg.fill") and is_cleared(start)):
            return None
        sizes = dict(zip(orders[0], shapes[0][-2:], strict=True)) | dict(zip(orders[1], shapes[1][-2:], strict=True))
        return cls(product.name, shapes[2][:-2], sizes["m"], sizes["n"], sizes["k"], *orders)


def _orders(product: Any, lead: int) -> tuple[str, str] | None:
    """The orders of A's and B's last two dimensions; None for what is no product of matrices."""
    if product.name in NAMED and "indexing_maps" not in product.attributes:
        return "mk", "kn"
    if product.name == "linalg.generic" and not describe(product).is_product:
        return None
    maps = [ir.AffineMapAttr(each).value for each in product.attributes["indexing_maps"]]
    letters = dict(enumerate("mnk", start=lead))
    known = [
        [ir.AffineDimExpr(each).position for each in one.results if isinstance(each, ir.AffineDimExpr)] for one in maps
    ]
    batch = list(range(lead))
    if any(
        dims[:lead] != batch or len(dims) != lead + 2 or len(one.results) != lead + 2
        for dims, one in zip(known, maps, strict=True)
    ):
        return None
    left, right, output = ("".join(letters.get(each, "?") for each in dims[lead:]) for dims in known)
    return (left, right) if left in ("mk", "km") and right in ("kn", "nk") and output == "mn" else None

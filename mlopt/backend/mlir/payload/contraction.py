"""The contraction at the heart of a payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..bindings import ir
from .nest import operations

BATCH_LOOPS = {"linalg.matmul": 0, "linalg.batch_matmul": 1}
"""The contractions understood so far, with the number of loops that come before m, n and k."""


@dataclass(frozen=True)
class Contraction:
    """C[batch, m, n] += A[batch, m, k] B[batch, k, n] over float32."""

    operation: str
    batch: tuple[int, ...]
    m: int
    n: int
    k: int

    @classmethod
    def find(cls, module: Any) -> Contraction | None:
        """The matrix product that a parsed payload consists of; None where it is anything else, or more."""
        computing = [op for op in operations(module.operation) if op.name.startswith("linalg.")]
        found = [op for op in computing if op.name in BATCH_LOOPS]
        rest = {op.name for op in computing if op not in found}
        if len(found) != 1 or not rest <= {"linalg.fill", "linalg.yield"}:
            return None
        left, right, accumulator = found[0].operands
        if not (_is_plain(found[0]) and _is_zero(accumulator)):
            return None
        rows, columns = (ir.RankedTensorType(operand.type).shape for operand in (left, right))
        if not all(size > 0 for size in (*rows, *columns)):
            return None
        return cls(found[0].name, tuple(rows[:-2]), rows[-2], columns[-1], rows[-1])


def _is_plain(product: Any) -> bool:
    """Whether a product reads and writes float32, each operand in the order of its dimensions."""
    single = ir.F32Type.get()
    types = [ir.RankedTensorType(operand.type) for operand in product.operands]
    lead = types[0].rank - 2
    batch, (m, n, k) = list(range(lead)), range(lead, lead + 3)
    wanted = ([*batch, m, k], [*batch, k, n], [*batch, m, n])
    maps = [
        ir.AffineMap.get(lead + 3, 0, [ir.AffineDimExpr.get(dimension) for dimension in dimensions])
        for dimensions in wanted
    ]
    plain = ir.ArrayAttr.get([ir.AffineMapAttr.get(each) for each in maps])
    as_stated = "indexing_maps" not in product.attributes or product.attributes["indexing_maps"] == plain
    return bool(as_stated) and all(each.element_type == single for each in types)


def _is_zero(tensor: Any) -> bool:
    """Whether a tensor is a linalg.fill of the constant 0."""
    fill = tensor.owner
    if isinstance(fill, ir.Block) or fill.name != "linalg.fill":
        return False
    constant = fill.operands[0].owner
    if isinstance(constant, ir.Block) or constant.name != "arith.constant":
        return False
    return float(ir.FloatAttr(constant.attributes["value"]).value) == 0.0

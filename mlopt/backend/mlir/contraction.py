"""The contraction at the heart of a payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...core.errors import UserError
from .bindings import ir

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
    def find(cls, module: Any) -> Contraction:
        """The one contraction in a parsed payload. Raises UserError where there is none, or one not understood."""
        found = [op for op in _operations(module.operation) if op.name in BATCH_LOOPS]
        if len(found) != 1:
            raise UserError(f"the MLIR backend optimises programs with one matrix product; this one has {len(found)}")
        left, right, accumulator = found[0].operands
        if not _is_plain(found[0]):
            raise UserError("the MLIR backend optimises matrix products of float32 operands that are not transposed")
        if not _is_zero(accumulator):
            raise UserError("the MLIR backend optimises matrix products that start from zero (linalg.fill)")
        rows, columns = (ir.RankedTensorType(operand.type).shape for operand in (left, right))
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


def _operations(operation: Any) -> list[Any]:
    """`operation` and everything nested in it, outermost first."""
    nested = (o for region in operation.regions for block in region for op in block for o in _operations(op.operation))
    return [operation, *nested]

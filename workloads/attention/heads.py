"""What attention of many queries and of one share: heads of queries in groups, each with its keys and values."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mlopt.core.errors import UserError
from mlopt.protocols import TensorSpec
from mlopt.workloads.base import HALF_DTYPES, PortableWorkload, one_of, positive, read_as_float32, returned, tensor


@dataclass(frozen=True)
class GroupedHeads(PortableWorkload):
    """softmax(Q K^T / sqrt(head_dim)) V for each head, computed in float32.

    Q has shape (batch, heads, *queries, head_dim), K and V (batch, kv_heads, keys, head_dim). Each kv_head serves
    heads / kv_heads heads of Q in a row; by default each head has its own.
    """

    far_scale: ClassVar[float] = 16.0
    """Scores are large by its square."""

    batch: int = 1
    heads: int = 8
    kv_heads: int | None = None
    head_dim: int = 64
    dtype: str = "f32"

    def __post_init__(self) -> None:
        positive(batch=self.batch, heads=self.heads, kv_heads=self.key_heads, head_dim=self.head_dim)
        one_of("dtype", self.dtype, tuple(HALF_DTYPES))
        if self.heads % self.key_heads:
            raise UserError(f"heads={self.heads} must be a multiple of kv_heads={self.kv_heads}")

    @property
    def key_heads(self) -> int:
        """Number of heads of K and V."""
        return self.heads if self.kv_heads is None else self.kv_heads

    @property
    @abstractmethod
    def queries(self) -> tuple[int, ...]:
        """(number of queries,), or () where there is one alone."""

    @property
    @abstractmethod
    def keys(self) -> int:
        """Number of keys."""

    @property
    @abstractmethod
    def visible_pairs(self) -> int:
        """Number of pairs of a query and a key that it sees, in one head."""

    @property
    def rows(self) -> Mapping[str, int]:
        """The program's loops over rows of scores: batch, kv_head, place in its group if any, query unless alone."""
        group = self.heads // self.key_heads
        grouped = {"g": group} if group > 1 else {}
        return {"b": self.batch, "h": self.key_heads, **grouped, **dict(zip("s", self.queries, strict=False))}

    @property
    def flops(self) -> int:
        """Of a visible pair: two terms of products, scale, maximum, difference, exponential and sum; then quotients."""
        of_a_head = self.visible_pairs * (4 * self.head_dim + 5) + math.prod(self.queries) * self.head_dim
        return self.batch * self.heads * of_a_head

    @property
    def least_flops(self) -> int:
        """Half of the products', as of any product of matrices."""
        return 2 * self.batch * self.heads * self.visible_pairs * self.head_dim

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        cache = TensorSpec((self.batch, self.key_heads, self.keys, self.head_dim), HALF_DTYPES[self.dtype])
        return *self.outputs, cache, cache

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec((self.batch, self.heads, *self.queries, self.head_dim), HALF_DTYPES[self.dtype]),)

    @property
    def libraries(self) -> tuple[str, ...]:
        return ("flash", "cudnn")

    def eager_by(self, library: str) -> Callable[..., Any]:
        from mlopt.workloads.attention import eager

        return eager.by(library, self.eager())

    @property
    def placeholders(self) -> Mapping[str, object]:
        row = tuple(self.rows.values())
        _, k, v = self.operands
        return {
            "name": self.name,
            "loops": ", ".join(self.rows),
            "parallel": ", ".join(['"parallel"'] * len(row)),
            "cache": tensor(self.operands[1].shape),
            "out": tensor((*row, self.head_dim)),
            "scores": tensor((*row, self.keys)),
            "row": tensor(row),
            "scale": f"{1.0 / math.sqrt(self.head_dim):.9e}",
            "mask": "// Every query sees every key.",
            "score": "%scaled",
            **read_as_float32(k, "k"),
            **read_as_float32(v, "v"),
            **self._views(),
        }

    def _views(self) -> Mapping[str, str]:
        """Where heads are in groups, Q is viewed as, and the result made from, a tensor with a dimension for each."""
        (q,) = self.outputs
        flat, grouped = q.shape, (*self.rows.values(), self.head_dim)
        if flat == grouped:
            return {"view": "", "flatten": "", **read_as_float32(q, "q"), **returned(q, "out")}
        merged = [[0], [1, 2], *([dimension] for dimension in range(3, len(grouped)))]
        return {
            "view": f"%q = tensor.expand_shape %flat_q {merged} output_shape {list(grouped)}"
            f" : {tensor(flat)} into {tensor(grouped)}",
            "flatten": f"%flat_out = tensor.collapse_shape %out {merged} : {tensor(grouped)} into {tensor(flat)}",
            **read_as_float32(q, "q", "flat_q"),
            **returned(q, "flat_out"),
        }

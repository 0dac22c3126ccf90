"""Scaled dot-product attention as a workload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlopt.core.errors import UserError
from mlopt.workloads.attention.heads import GroupedHeads
from mlopt.workloads.base import positive


@dataclass(frozen=True)
class Attention(GroupedHeads):
    """Attention of `seq` queries, shape (batch, heads, seq, head_dim), to `kv_seq` keys.

    Queries hold the last of the keys' positions: query i stands at i + kv_seq - seq. With `causal` it sees no later
    key; with a `window` of w, no key that is w or more positions before it.
    """

    seq: int = 512
    kv_seq: int = 512
    causal: bool = False
    window: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(seq=self.seq, kv_seq=self.kv_seq)
        if self.window is not None:
            positive(window=self.window)
        if self.causal and self.kv_seq < self.seq:
            raise UserError(f"causal attention of seq={self.seq} queries needs as many keys, not kv_seq={self.kv_seq}")

    @property
    def queries(self) -> tuple[int, ...]:
        return (self.seq,)

    @property
    def keys(self) -> int:
        return self.kv_seq

    @property
    def visible_pairs(self) -> int:
        last = [position if self.causal else self.kv_seq - 1 for position in self._positions]
        first = [max(0, position - self.window + 1) if self.window else 0 for position in self._positions]
        return sum(last) - sum(first) + self.seq

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {"causal": self.causal, "window": self.window}

    @property
    def placeholders(self) -> Mapping[str, object]:
        """With the mask: lines that put the lowest number in place of the scores of keys that a query does not see."""
        conditions = [("before", "sge", 0)] if self.causal else []
        if self.window:
            conditions.append(("near", "slt", self.window))
        if not conditions:
            return super().placeholders
        rows = len(self.rows)
        lines = [
            f"%i = linalg.index {rows - 1} : index",
            f"%key = linalg.index {rows} : index",
            f"%offset = arith.constant {self.kv_seq - self.seq} : index",
            "%position = arith.addi %i, %offset : index",
            "%back = arith.subi %position, %key : index",
        ]
        score = "%scaled"
        for name, comparison, limit in conditions:
            lines += [
                f"%limit_{name} = arith.constant {limit} : index",
                f"%is_{name} = arith.cmpi {comparison}, %back, %limit_{name} : index",
                f"%score_{name} = arith.select %is_{name}, {score}, %lowest : f32",
            ]
            score = f"%score_{name}"
        return {**super().placeholders, "mask": "\n    ".join(lines), "score": score}

    @property
    def _positions(self) -> range:
        return range(self.kv_seq - self.seq, self.kv_seq)

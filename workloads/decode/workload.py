"""One step of decoding as a workload."""

from __future__ import annotations

from dataclasses import dataclass

from mlopt.workloads.attention.heads import GroupedHeads
from mlopt.workloads.base import positive


@dataclass(frozen=True)
class Decode(GroupedHeads):
    """Attention of one query a head, shape (batch, heads, head_dim), to all `kv_len` keys of a cache."""

    heads: int = 32
    kv_len: int = 4096
    head_dim: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(kv_len=self.kv_len)

    @property
    def queries(self) -> tuple[int, ...]:
        return ()

    @property
    def keys(self) -> int:
        return self.kv_len

    @property
    def visible_pairs(self) -> int:
        return self.kv_len

"""Scaled dot-product attention as PyTorch users write it."""

import functools

import torch
import torch.nn.functional as F


def eager(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, causal: bool, window: int | None) -> torch.Tensor:
    """Q of shape (batch, heads, seq, head_dim), K and V of shape (batch, kv_heads, kv_seq, head_dim)."""
    seq, keys = q.shape[2], k.shape[2]
    plain = window is None and (seq == keys or not causal)  # what PyTorch needs no mask for
    mask = None if plain else visible(seq, keys, causal, window)
    grouped = q.shape[1] != k.shape[1]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal and plain, enable_gqa=grouped)


@functools.cache
def visible(seq: int, keys: int, causal: bool, window: int | None) -> torch.Tensor:
    """Whether query i, which stands at i + keys - seq, sees key j; made once, as a model would."""
    back = torch.arange(seq)[:, None] + (keys - seq) - torch.arange(keys)
    seen = back >= 0 if causal else torch.ones_like(back, dtype=torch.bool)
    return seen if window is None else seen & (back < window)

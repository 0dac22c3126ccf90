"""One step of decoding as PyTorch users write it."""

import torch
import torch.nn.functional as F


def eager(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Q of shape (batch, heads, head_dim), K and V of shape (batch, kv_heads, kv_len, head_dim)."""
    grouped = q.shape[1] != k.shape[1]
    return F.scaled_dot_product_attention(q[:, :, None], k, v, enable_gqa=grouped)[:, :, 0]

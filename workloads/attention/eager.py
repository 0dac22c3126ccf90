"""Scaled dot-product attention as PyTorch users write it."""

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

LIBRARIES = {"flash": SDPBackend.FLASH_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION}
"""On GPUs; which of them PyTorch prefers depends on its version."""


def eager(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, causal: bool, window: int | None) -> torch.Tensor:
    """Q of shape (batch, heads, seq, head_dim), K and V of shape (batch, kv_heads, kv_seq, head_dim)."""
    seq, keys = q.shape[2], k.shape[2]
    plain = window is None and (seq == keys or not causal)  # what PyTorch needs no mask for
    mask = None if plain else visible(seq, keys, causal, window, q.device)
    grouped = q.shape[1] != k.shape[1]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal and plain, enable_gqa=grouped)


def by(library: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with one of LIBRARIES alone for its scaled dot-product attention."""

    def computed(*tensors: torch.Tensor) -> Any:
        with sdpa_kernel(LIBRARIES[library]):
            return function(*tensors)

    return computed


@functools.cache
def visible(seq: int, keys: int, causal: bool, window: int | None, device: torch.device) -> torch.Tensor:
    """Whether query i, which stands at i + keys - seq, sees key j; made once, as a model would."""
    back = torch.arange(seq, device=device)[:, None] + (keys - seq) - torch.arange(keys, device=device)
    seen = back >= 0 if causal else torch.ones_like(back, dtype=torch.bool)
    return seen if window is None else seen & (back < window)

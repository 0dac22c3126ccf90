"""Two linear layers with a GELU between them as PyTorch users write it."""

import torch
import torch.nn.functional as F


def eager(x: torch.Tensor, w1: torch.Tensor, b1: torch.Tensor, w2: torch.Tensor, b2: torch.Tensor) -> torch.Tensor:
    """x of shape (m, d_model), w1 of shape (d_model, d_ff), w2 of shape (d_ff, d_model)."""
    return torch.addmm(b2, F.gelu(torch.addmm(b1, x, w1), approximate="tanh"), w2)

"""Layer normalisation as PyTorch users write it."""

import torch
import torch.nn.functional as F


def eager(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
    """x of shape (rows, cols), gamma and beta of shape (cols,)."""
    return F.layer_norm(x, gamma.shape, gamma, beta, eps=1e-5)

"""The matrix product as PyTorch users write it."""

import torch


def eager(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """A of shape (m, k), B of shape (k, n): the product, shape (m, n)."""
    return a @ b

"""The contraction of two tensors as PyTorch users write it."""

import torch


def eager(a: torch.Tensor, b: torch.Tensor, *, spec: str) -> torch.Tensor:
    """The einsum of two operands."""
    return torch.einsum(spec, a, b)

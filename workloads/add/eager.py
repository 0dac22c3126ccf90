"""The element-wise sum as PyTorch users write it."""

import torch


def eager(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The sum of two tensors of one shape."""
    return x + y

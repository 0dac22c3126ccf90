"""The matrix product as PyTorch users write it."""

import functools

import torch


def eager(a: torch.Tensor, b: torch.Tensor, *, tf32: bool = False, transposed: bool = False) -> torch.Tensor:
    """A of shape (..., m, k), B of shape (..., k, n): the product, shape (..., m, n), of tf32 if the device has that.

    Where B is given as its transpose, both are of fp8: then the product is in bfloat16.
    """
    if transposed:
        return _of_fp8(a, b)
    if tf32:  # for the whole process, as its users do, and TorchInductor understands
        torch.set_float32_matmul_precision("high")
    return a @ b


def _of_fp8(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    if a.ndim > 2:
        return torch.stack([_of_fp8(*pair) for pair in zip(a, b, strict=True)])
    one = _one(a.device)
    return torch._scaled_mm(a, b.t(), one, one, out_dtype=torch.bfloat16)


@functools.cache
def _one(device: torch.device) -> torch.Tensor:
    """The factor of an operand that has none; made once, as a model would."""
    return torch.ones((), device=device)

"""Memory shared by numpy's arrays and PyTorch's tensors, of dtypes too that PyTorch knows in no form of numpy's."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

BITS = {"bfloat16": "int16", "float8_e4m3fn": "uint8"}
"""Dtypes that numpy has from ml_dtypes, and PyTorch by the same names: whole numbers of their size, which both know."""


def to_torch(array: NDArray[Any]) -> Any:
    """A tensor on the memory of an array."""
    import torch

    name = array.dtype.name
    if name not in BITS:
        return torch.from_numpy(array)
    return torch.from_numpy(array.view(BITS[name])).view(getattr(torch, name))


def to_numpy(tensor: Any) -> NDArray[Any]:
    """An array on the memory of a tensor."""
    import torch

    name, tensor = str(tensor.dtype).removeprefix("torch."), tensor.detach()  # it may be a module's parameter
    if name not in BITS:
        plain: NDArray[Any] = tensor.numpy()
        return plain
    array: NDArray[Any] = tensor.view(getattr(torch, BITS[name])).numpy().view(name)
    return array


def stored(tensor: Any) -> NDArray[Any]:
    """A tensor's elements in an array as outputs are given to kernels: booleans as bytes."""
    array = to_numpy(tensor.cpu().contiguous())
    return array.view("uint8") if array.dtype == bool else array

"""Memory shared by numpy's arrays and PyTorch's tensors, bfloat16 too, which PyTorch knows in no form of numpy's."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def to_torch(array: NDArray[Any]) -> Any:
    """A tensor on the memory of an array."""
    import torch

    if array.dtype != "bfloat16":
        return torch.from_numpy(array)
    return torch.from_numpy(array.view("int16")).view(torch.bfloat16)


def to_numpy(tensor: Any) -> NDArray[Any]:
    """An array on the memory of a tensor."""
    import torch

    narrow = tensor.dtype == torch.bfloat16
    array: NDArray[Any] = (tensor.view(torch.int16) if narrow else tensor).numpy()
    return array.view("bfloat16") if narrow else array

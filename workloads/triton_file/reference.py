"""What a user's kernel should compute: the file's own `inputs` and `reference`, carried out in float64.

The file is beside this one as `kernel.py`, or is given as a module. Needs PyTorch and numpy.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[Any]

DRAWS = 8
LEAST_NOISE = 2.0**-18
"""Relatively: for float32, whose sums of many terms are off by more than one rounding of each term."""


def inputs(*, sizes: Mapping[str, Any]) -> tuple[torch.Tensor, ...]:
    """Inputs as the file makes them."""
    return made(importlib.import_module("kernel"), sizes, 0)


def reference(*arrays: Array, sizes: Mapping[str, Any]) -> tuple[Array, ...]:
    """The outputs in float64."""
    return exact(importlib.import_module("kernel"), arrays)


def tolerance(*arrays: Array, sizes: Mapping[str, Any]) -> tuple[Array, ...]:
    """The error allowed in each element of each output."""
    return allowed(importlib.import_module("kernel"), arrays)


def made(module: Any, sizes: Mapping[str, Any], seed: int) -> tuple[torch.Tensor, ...]:
    """Inputs on the CPU, drawn by PyTorch's generator from this seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return tuple(tensor.cpu().contiguous() for tensor in _several(module.inputs(**sizes)))


def exact(module: Any, arrays: Sequence[Array]) -> tuple[Array, ...]:
    """The file's reference of these inputs in float64."""
    return _outputs(module, [_wide(_tensor(array)) for array in arrays])


def allowed(module: Any, arrays: Sequence[Array]) -> tuple[Array, ...]:
    """The file's own `tolerance(*inputs)`, or what noise in the inputs makes of the outputs.

    That is four times the most that a few draws of noise change an element, each input's as large as a rounding to its
    dtype (Parker 1997, "Monte Carlo arithmetic"), and a rounding of the result to the narrowest of these.
    """
    tensors = [_tensor(array) for array in arrays]
    if hasattr(module, "tolerance"):
        return tuple(_wide(torch.as_tensor(limit)).numpy() for limit in _several(module.tolerance(*tensors)))
    units = [torch.finfo(tensor.dtype).eps / 2 if tensor.is_floating_point() else 0.0 for tensor in tensors]
    results = exact(module, arrays)
    most = [np.zeros_like(result) for result in results]
    generator = torch.Generator().manual_seed(0)
    for _ in range(DRAWS):
        noisy = [_noisy(tensor, unit, generator) for tensor, unit in zip(tensors, units, strict=True)]
        for limit, result, other in zip(most, results, _outputs(module, noisy), strict=True):
            np.maximum(limit, np.abs(other - result), out=limit)
    rounding = 2.0 * max([*units, torch.finfo(torch.float32).eps])
    return tuple(4.0 * limit + rounding * np.abs(result) for limit, result in zip(most, results, strict=True))


def _noisy(tensor: torch.Tensor, unit: float, generator: torch.Generator) -> torch.Tensor:
    if not tensor.is_floating_point():
        return tensor
    noise = 2.0 * torch.rand(tensor.shape, generator=generator, dtype=torch.float64) - 1.0
    return tensor.double() * (1.0 + max(unit, LEAST_NOISE) * noise)


def _outputs(module: Any, tensors: Sequence[torch.Tensor]) -> tuple[Array, ...]:
    results = _several(module.reference(*(tensor.clone() for tensor in tensors)))
    return tuple(_wide(result.detach().cpu()).numpy() for result in results)


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def _tensor(array: Array) -> torch.Tensor:
    """A tensor of an array; bfloat16 comes as numpy's extension, or as its bits."""
    array = np.ascontiguousarray(array)
    if array.dtype == np.uint16 or array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def _several(values: Any) -> tuple[Any, ...]:
    return tuple(values) if isinstance(values, (tuple, list)) else (values,)

"""What a user's kernel should compute: the file's own `inputs` and `reference`, carried out in float64.

The file is beside this one as `kernel.py`, or is given as a module. Needs PyTorch and numpy.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

DRAWS = 8
LEAST_NOISE = 2.0**-18
"""Relatively: for float32, whose sums of many terms are off by more than one rounding of each term."""


def inputs(*, sizes: Mapping[str, Any]) -> tuple[torch.Tensor, ...]:
    """Inputs as the file makes them."""
    return made(importlib.import_module("kernel"), sizes, 0)


def reference(*inputs: Any, sizes: Mapping[str, Any]) -> tuple[Any, ...]:
    """The outputs in float64: arrays, or tensors where the inputs are."""
    return exact(importlib.import_module("kernel"), inputs)


def tolerance(*inputs: Any, sizes: Mapping[str, Any]) -> tuple[Any, ...]:
    """The error allowed in each element of each output."""
    return allowed(importlib.import_module("kernel"), inputs)


def made(module: Any, sizes: Mapping[str, Any], seed: int) -> tuple[torch.Tensor, ...]:
    """Inputs on the CPU, drawn by PyTorch's generator from this seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return tuple(tensor.cpu().contiguous() for tensor in _several(module.inputs(**sizes)))


def exact(module: Any, inputs: Sequence[Any]) -> tuple[Any, ...]:
    """The file's reference of these inputs in float64."""
    return _as_given(inputs, _outputs(module, [_wide(_tensor(each)) for each in inputs]))


def allowed(module: Any, inputs: Sequence[Any]) -> tuple[Any, ...]:
    """The file's own `tolerance(*inputs)`, or what noise in the inputs makes of the outputs.

    That is four times the most that a few draws of noise change an element, each input's as large as a rounding to its
    dtype (Parker 1997, "Monte Carlo arithmetic"), and a rounding of the result to the narrowest of these.
    """
    tensors = [_tensor(each) for each in inputs]
    if hasattr(module, "tolerance"):
        limits = [_wide(torch.as_tensor(limit)) for limit in _several(module.tolerance(*tensors))]
        return _as_given(inputs, limits)
    units = [torch.finfo(tensor.dtype).eps / 2 if tensor.is_floating_point() else 0.0 for tensor in tensors]
    results = _outputs(module, [_wide(tensor) for tensor in tensors])
    most = [torch.zeros_like(result) for result in results]
    generator = torch.Generator().manual_seed(0)
    for _ in range(DRAWS):
        noisy = [_noisy(tensor, unit, generator) for tensor, unit in zip(tensors, units, strict=True)]
        others = _outputs(module, noisy)
        most = [limit.maximum((b - a).abs()) for limit, a, b in zip(most, results, others, strict=True)]
    rounding = 2.0 * max([*units, torch.finfo(torch.float32).eps])
    return _as_given(
        inputs, [4.0 * limit + rounding * result.abs() for limit, result in zip(most, results, strict=True)]
    )


def _noisy(tensor: torch.Tensor, unit: float, generator: torch.Generator) -> torch.Tensor:
    if not tensor.is_floating_point():
        return tensor
    noise = 2.0 * torch.rand(tensor.shape, generator=generator, dtype=torch.float64) - 1.0
    return tensor.double() * (1.0 + max(unit, LEAST_NOISE) * noise.to(tensor.device))


def _outputs(module: Any, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    results = _several(module.reference(*(tensor.clone() for tensor in tensors)))
    return [_wide(result.detach()) for result in results]


def _as_given(inputs: Sequence[Any], results: Sequence[torch.Tensor]) -> tuple[Any, ...]:
    """Tensors, where the inputs are tensors, else arrays."""
    return tuple(results) if any(map(torch.is_tensor, inputs)) else tuple(result.cpu().numpy() for result in results)


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def _tensor(array: Any) -> torch.Tensor:
    """A tensor of an array, or of a tensor itself; bfloat16 comes as numpy's extension, or as its bits."""
    if isinstance(array, torch.Tensor):
        return array
    array = np.ascontiguousarray(array)
    if array.dtype == np.uint16 or array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def _several(values: Any) -> tuple[Any, ...]:
    return tuple(values) if isinstance(values, (tuple, list)) else (values,)

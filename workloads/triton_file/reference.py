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
    """Inputs on the CPU, drawn by PyTorch's generator from this seed.

    Raises TypeError for what is no tensor, and ValueError for one whose elements do not lie one after another.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found = _several(module.inputs(**sizes))
    for number, each in enumerate(found):
        if not isinstance(each, torch.Tensor):
            raise TypeError(f"it returned {type(each).__name__} for input {number}, which must be a tensor")
        if not each.is_contiguous():
            raise ValueError(f"input {number} is not contiguous: transpose or cut it in launch and in reference")
    return tuple(tensor.cpu() for tensor in found)


def exact(module: Any, inputs: Sequence[Any]) -> tuple[Any, ...]:
    """The file's reference of these inputs in float64."""
    return _as_given(inputs, [_wide(result) for result in _outputs(module, [_tensor(each) for each in inputs])])


def allowed(module: Any, inputs: Sequence[Any]) -> tuple[Any, ...]:
    """The file's own `tolerance(*inputs)`, or what noise in the inputs makes of the outputs.

    That is four times the most that a few draws of noise change an element, each input's as large as a rounding to its
    dtype (Parker 1997, "Monte Carlo arithmetic"), and two roundings of the result, one of which is the reference's: to
    its own dtype, or the widest-spaced of the inputs'.
    """
    tensors = [_tensor(each) for each in inputs]
    if hasattr(module, "tolerance"):
        limits = [_wide(torch.as_tensor(limit)) for limit in _several(module.tolerance(*tensors))]
        return _as_given(inputs, limits)
    results = _outputs(module, tensors)
    right = [_wide(result) for result in results]
    most = [torch.zeros_like(result) for result in right]
    generator = torch.Generator().manual_seed(0)
    for _ in range(DRAWS):
        others = _outputs(module, [_noisy(tensor, generator) for tensor in tensors])
        most = [limit.maximum((_wide(b) - a).abs()) for limit, a, b in zip(most, right, others, strict=True)]
    found = []
    for limit, result, value in zip(most, results, right, strict=True):
        dtypes = [torch.float32, *(each.dtype for each in (result, *tensors) if _rounds(each))]
        spacing = max(torch.finfo(dtype).eps for dtype in dtypes)
        least = max(torch.finfo(dtype).tiny * torch.finfo(dtype).eps for dtype in dtypes)
        found.append(4.0 * limit + (spacing * value.abs()).clamp(min=least) if _rounds(result) else 4.0 * limit)
    return _as_given(inputs, found)


def _rounds(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point()


def _noisy(tensor: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    if not _rounds(tensor):
        return tensor
    unit = max(torch.finfo(tensor.dtype).eps / 2, LEAST_NOISE)
    noise = 2.0 * torch.rand(tensor.shape, generator=generator, dtype=torch.float64) - 1.0
    return tensor.double() * (1.0 + unit * noise.to(tensor.device))


def _outputs(module: Any, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The reference's, of these in float64."""
    given = [(tensor.double() if _rounds(tensor) else tensor).clone() for tensor in tensors]
    return [result.detach() for result in _several(module.reference(*given))]


def _as_given(inputs: Sequence[Any], results: Sequence[torch.Tensor]) -> tuple[Any, ...]:
    """Tensors, where the inputs are tensors, else arrays."""
    return tuple(results) if any(map(torch.is_tensor, inputs)) else tuple(result.cpu().numpy() for result in results)


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.double()


def _tensor(array: Any) -> torch.Tensor:
    """A tensor of an array, or of a tensor itself; narrow floats are numpy's extensions, bfloat16 also its bits."""
    if isinstance(array, torch.Tensor):
        return array
    array = np.ascontiguousarray(array)
    if array.dtype == np.uint16 or array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    if array.dtype.name == "float8_e4m3fn":
        return torch.from_numpy(array.view(np.uint8)).view(torch.float8_e4m3fn)
    return torch.from_numpy(array)


def _several(values: Any) -> tuple[Any, ...]:
    return tuple(values) if isinstance(values, (tuple, list)) else (values,)

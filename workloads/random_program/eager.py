"""A random program as calls of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from .program import Call

Tensor = torch.Tensor


def _convolution(image: Tensor, filters: Tensor, stride: int, layout: str) -> Tensor:
    if layout == "nchw":
        return F.conv2d(image, filters, stride=stride)
    return F.conv2d(image.permute(0, 3, 1, 2), filters.permute(3, 2, 0, 1), stride=stride).permute(0, 2, 3, 1)


def _pair(x: Tensor, y: Tensor, function: str, shape: Sequence[int]) -> Tensor:
    result: Tensor = getattr(torch, function)(x, y.reshape(list(shape)))
    return result


FUNCTIONS: Mapping[str, Callable[..., Tensor]] = {
    "einsum": lambda a, b, spec: torch.einsum(spec, a, b),
    "convolution": _convolution,
    "depthwise": lambda x, taps, stride: F.conv2d(x, taps[:, None], stride=stride, groups=x.shape[1]),
    "sum_pool": lambda x, window, stride: F.avg_pool2d(x, window, stride, divisor_override=1),
    "max_pool": lambda x, window, stride: F.max_pool2d(x, window, stride),
    "sum_reduce": lambda x, axes: x.sum(dim=tuple(axes)),
    "max_reduce": lambda x, axes: x.amax(dim=tuple(axes)),
    "pair": _pair,
    "relu": torch.relu,
    "tanh": torch.tanh,
    "exp": torch.exp,
    "square": torch.square,
    "sigmoid": torch.sigmoid,
    "halve": lambda x: x * 0.5,
}


def eager(*inputs: Tensor, names: Sequence[str], calls: Sequence[Call]) -> Any:
    """The result of `calls` on the arguments of these names."""
    known = dict(zip(names, inputs, strict=True))
    for call in calls:
        known[call.output] = FUNCTIONS[call.function](*(known[name] for name in call.inputs), **call.arguments)
    return known[calls[-1].output]

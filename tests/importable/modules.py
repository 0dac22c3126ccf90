"""PyTorch modules as users might write them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 24)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.dropout(self.linear(x)))


class Depthwise(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(4, 4, 3, padding=1, groups=4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.convolution(x)
        return result


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(16, 32), nn.Linear(16, 32), nn.Linear(32, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.down(F.silu(self.gate(x)) * self.up(x))
        return result


class GroupNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(2, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.norm(x)
        return result


class Wide(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(256, 512)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.linear(x)
        return result


class Sized(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()


def scaled_sum(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return 2.0 * x + y, x - y


def enlarged(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """By whole numbers, by another, and to a size that is no multiple."""
    ways = ({"scale_factor": (2, 3)}, {"scale_factor": 1.5}, {"size": (14, 8)})
    return tuple(F.interpolate(x, mode="nearest", **way) for way in ways)


def smoothly_enlarged(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear")


def masked_softmax(x: torch.Tensor) -> torch.Tensor:
    later = torch.ones(x.shape[-2:]).tril() == 0
    return torch.softmax(x.masked_fill(later, float("-inf")), dim=-1)


def curved(x: torch.Tensor) -> torch.Tensor:
    """The error function, which LLVM has not, and powers."""
    return F.gelu(x) + x**3 - x**2


def unbounded(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """NaN below zero, and minus infinity."""
    return torch.log(x), torch.where(x > 0, x, -float("inf"))


def unbounded_in_float64(x: torch.Tensor) -> torch.Tensor:
    return x * (float("inf") if x.dtype == torch.float64 else 2.0)


def signs(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Booleans and places."""
    return x > 0, x.argmax(-1)


SIZE = 3


class Weights(nn.Module):
    """Returns what it computes, and what it computes with."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(16, 24))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x @ self.weights, self.weights


def named(x: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"y": x.tanh()}


def nothing(x: torch.Tensor) -> None:
    x.tanh()

"""Programs in PyTorch that mlopt has never seen: functions that compute what the files in programs/ do, and modules."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def gated_mlp(x: Tensor, g: Tensor, u: Tensor, d: Tensor) -> Tensor:
    return (F.silu(x @ g) * (x @ u)) @ d


def separable(x: Tensor, k: Tensor, w: Tensor) -> Tensor:
    """In nhwc, which PyTorch calls channels last."""
    image, filters = x.permute(0, 3, 1, 2), k.permute(2, 0, 1)[:, None]
    depthwise = F.relu(F.conv2d(image, filters, padding=1, groups=image.shape[1]))
    return F.conv2d(depthwise, w.permute(3, 2, 0, 1)).permute(0, 2, 3, 1)


def rmsnorm_linear(x: Tensor, g: Tensor, w: Tensor) -> Tensor:
    return F.rms_norm(x, x.shape[1:], g, 1e-6) @ w


def log_softmax(x: Tensor) -> Tensor:
    return F.log_softmax(x, dim=1)


def stencil(x: Tensor) -> Tensor:
    return x[1:-1] + 0.125 * (x[:-2] - 2.0 * x[1:-1] + x[2:])


def mean_pooling(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 2)


class GatedMlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(768, 2048, bias=False), nn.Linear(768, 2048, bias=False)
        self.down = nn.Linear(2048, 768, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.down(F.silu(self.gate(x)) * self.up(x))
        return result


class Separable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(64, 64, 3, padding=1, groups=64)
        self.pointwise = nn.Conv2d(64, 128, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.pointwise(F.relu(self.depthwise(x)))
        return result


class RmsnormLinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.linear = nn.RMSNorm(1024, eps=1e-6), nn.Linear(1024, 1024)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.linear(self.norm(x))
        return result


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(64, 64, 3, padding=1, bias=False) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm2d(64) for _ in range(2))
        for norm in self.norms:  # as if it had been trained
            for values in (norm.weight.data, norm.running_var):
                values.uniform_(0.5, 1.5)
            for values in (norm.bias.data, norm.running_mean):
                values.normal_()

    def forward(self, x: Tensor) -> Tensor:
        first, second = zip(self.convolutions, self.norms, strict=True)
        hidden = F.relu(first[1](first[0](x)))
        return F.relu(x + second[1](second[0](hidden)))


class SelfAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.project, self.out = nn.Linear(512, 3 * 512), nn.Linear(512, 512)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (y.unflatten(2, (8, 64)).transpose(1, 2) for y in self.project(x).chunk(3, dim=2))
        result: Tensor = self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return result


class GroupNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, 64)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.norm(x)
        return result


class InvertedBottleneckEnd(nn.Module):
    """The last two convolutions of a block of MobileNetV2, strided."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(96, 96, 3, stride=2, padding=1, groups=96, bias=False)
        self.pointwise = nn.Conv2d(96, 160, 1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for channels in (96, 160))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.norms[1](self.pointwise(F.relu6(self.norms[0](self.depthwise(x)))))
        return result


class Upsampling(nn.Module):
    """A step of a decoder: twice as many rows and columns of half as many channels."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(64, 32, kernel_size=4, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.convolution(x))


class Mixer(nn.Module):
    """A block of MLP-Mixer: one MLP across patches, one across channels."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(256) for _ in range(2))
        self.patches = nn.Sequential(nn.Linear(196, 384), nn.GELU(), nn.Linear(384, 196))
        self.channels = nn.Sequential(nn.Linear(256, 1024), nn.GELU(), nn.Linear(1024, 256))

    def forward(self, x: Tensor) -> Tensor:
        mixed = x + self.patches(self.norms[0](x).transpose(1, 2)).transpose(1, 2)
        result: Tensor = mixed + self.channels(self.norms[1](mixed))
        return result


def pairwise_distances(x: Tensor, y: Tensor) -> Tensor:
    return torch.sqrt(((x[:, None] - y[None]) ** 2).sum(dim=-1))


def cross_entropy(scores: Tensor, wanted: Tensor) -> Tensor:
    """For each row, with probabilities as what is wanted."""
    return -(F.log_softmax(scores, dim=1) * wanted).sum(dim=1)


def global_mean(x: Tensor) -> Tensor:
    return torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)

"""What the GPU of this machine reaches: products of float16 by PyTorch's library, and a copy in its memory."""

from __future__ import annotations

from ...protocols import Roofline
from .cuda import Cuda
from .device import Device

SIZE = 8192
"""Rows and columns of a product that fills any GPU."""
COPIED_BYTES = 1 << 30
REPETITIONS = 20


def measure(device: Device | None = None, size: int = SIZE, copied: int = COPIED_BYTES) -> Roofline:
    """The best of REPETITIONS of each; `size` and `copied` (bytes) are what is computed.

    The rate of float16 stands for float32 as well: no product of it is faster, whatever its digits.
    """
    import torch

    device = device or Cuda()
    a, b = (torch.randn(size, size, device=device.name).half() for _ in range(2))
    source = torch.zeros(copied, dtype=torch.int8, device=device.name)
    target = torch.empty_like(source)
    product = min(device.timed(lambda: (a @ b,))[1] for _ in range(REPETITIONS))
    copy = min(device.timed(lambda: (target.copy_(source),))[1] for _ in range(REPETITIONS))
    return Roofline(flops_per_second=2.0 * size**3 / product, bytes_per_second=2.0 * copied / copy)

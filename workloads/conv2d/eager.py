"""The convolution of images as PyTorch users write it."""

import torch
import torch.nn.functional as F


def eager(image: torch.Tensor, filters: torch.Tensor, *, stride: int, layout: str) -> torch.Tensor:
    """An image in this layout, nchw or nhwc, with filters in fchw or hwcf; nhwc is PyTorch's channels_last."""
    if layout == "nchw":
        return F.conv2d(image, filters, stride=stride)
    return F.conv2d(image.permute(0, 3, 1, 2), filters.permute(3, 2, 0, 1), stride=stride).permute(0, 2, 3, 1)

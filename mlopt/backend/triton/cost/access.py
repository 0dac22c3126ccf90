"""What a load or store of many programs touches in memory, and what they share of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .integers import Numbers

SECTOR = 32
"""Bytes: what a GPU's caches move at least."""


@dataclass
class Access:
    """One load or store of the program's text."""

    stores: bool
    nbytes: int
    """Of all elements, masked or not."""
    turns: Numbers
    """How often each program does it, shape (programs,)."""
    looped: bool
    sectors: float
    """That one program touches in one turn, on average."""
    shared: float
    """How many programs touch a sector, of those that run together, on average."""
    tensor: int | None
    """The number of the argument that it reads or writes."""


def sectors(addresses: Numbers, mask: Numbers | None, width: int, programs: int) -> tuple[float, float]:
    """How many sectors a program touches, and how many programs touch a sector, on average."""
    step = max(1, SECTOR // width)
    for axis in range(1, addresses.ndim):  # neighbours in memory: one of those in a sector stands for all
        line = np.moveaxis(addresses, axis, -1)
        if (
            line.shape[-1] > 1
            and (line[0, ..., 1] - line[0, ..., 0] == width).all()
            and (line[0].flat[0] % SECTOR == 0)
        ):
            addresses = line[..., ::step]
            mask = None if mask is None else np.moveaxis(mask, axis, -1)[..., ::step]
            break
    touched = (addresses // SECTOR).reshape(len(addresses), -1)
    seen = np.ones(touched.shape, bool) if mask is None else (mask != 0).reshape(len(addresses), -1)
    touched = np.sort(np.where(seen, touched, -1), axis=1)
    fresh = np.diff(touched, axis=1, prepend=-1) != 0
    each = fresh.sum()
    if not each:
        return 0.0, 1.0
    together = len(np.unique(touched[fresh]))
    repeated = programs / len(addresses)  # where all programs are alike, one stands for all
    return float(each / len(addresses)), float(each * repeated / together)

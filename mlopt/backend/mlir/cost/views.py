"""Where a buffer, or a part of it, lies in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..bindings import ir
from .index import Index
from .shapes import bits

DYNAMIC = -(1 << 63)


@dataclass(frozen=True, slots=True)
class Buffer:
    """A memref: where it lies, and how its subscripts are weighed."""

    number: int
    offset: Index
    """Bytes."""
    strides: tuple[float, ...]
    """Bytes."""
    sizes: tuple[float, ...]
    element: int
    """Bytes."""


def fresh(key: int, kind: Any, dynamic: Sequence[float]) -> tuple[Buffer, float]:
    """Memory of its own, and its bytes; `dynamic` are the sizes that its type leaves open."""
    open_sizes = iter(dynamic)
    sizes = [next(open_sizes) if kind.is_dynamic_dim(d) else float(kind.shape[d]) for d in range(kind.rank)]
    element = max(1, bits(kind.element_type) // 8)
    strides, stride = [], float(element)
    for size in reversed(sizes):
        strides.append(stride)
        stride *= size
    return Buffer(key, Index(0.0), tuple(reversed(strides)), tuple(sizes), element), stride


def part(source: Buffer, op: Any, index: Callable[[int], Index], trips: Mapping[int, float]) -> Buffer:
    """What `memref.subview` takes of a buffer; `index` tells of an operand by its hash."""
    dynamic = iter([hash(operand) for operand in list(op.operands)[1:]])
    offsets, sizes, steps = (
        [index(next(dynamic)) if n == DYNAMIC else Index(float(n)) for n in op.attributes[k]]
        for k in ("static_offsets", "static_sizes", "static_strides")
    )
    at = source.offset
    for offset, stride in zip(offsets, source.strides, strict=True):
        at = at + offset.times(stride)
    kept = ir.MemRefType(op.results[0].type).shape
    strides = [stride * step.start for stride, step in zip(source.strides, steps, strict=True)]
    extents = [size.mean(trips) for size in sizes]
    chosen = [d for d in range(len(extents)) if len(kept) == len(extents) or extents[d] != 1]
    chosen = sorted((chosen + [d for d in range(len(extents)) if d not in chosen])[: len(kept)])
    return Buffer(
        source.number, at, tuple(strides[d] for d in chosen), tuple(extents[d] for d in chosen), source.element
    )


def reshaped(source: Buffer, kind: Any) -> Buffer:
    """Another view of the same bytes, in their order."""
    strides, stride = [], source.strides[-1] if source.strides else float(source.element)
    sizes = [1.0 if kind.is_dynamic_dim(d) else float(kind.shape[d]) for d in range(kind.rank)]
    found, _ = kind.get_strides_and_offset()
    for size, static in zip(reversed(sizes), reversed(found), strict=True):
        stride = stride if static == DYNAMIC else static * float(source.element)
        strides.append(stride)
        stride *= size
    return Buffer(source.number, source.offset, tuple(reversed(strides)), tuple(sizes), source.element)

"""What a program's IR is like, as plain numbers: what a learner may know of it.

All that counts something counts it over one call, on the busiest thread. The names are the same for every program.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields

from .model import Analysis, Part, Share
from .tree import Loop, Shape
from .units import Uses

WIDTHS = (128, 256, 512)
"""Bits of a row of a vector: the least that holds it."""


def features(analysis: Analysis) -> dict[str, float]:
    """Numbers of at least 0 by name; cycles and bytes are those that the model of costs sees."""
    parts, tree = analysis.parts, analysis.tree
    innermost = [part for part in parts if part.loop.number and not part.loop.loops]
    levels = len(parts[0].moved)
    return {
        **_cycles(parts),
        **_turns(parts),
        **_widths(parts),
        **{f"bytes_into_l{level + 1}": sum(part.moved[level] for part in parts) for level in range(levels)},
        "pages_walked": sum(part.walked for part in parts),
        "bytes_buffers": sum(tree.sizes.values()),
        "bytes_temporary": sum(size for buffer, size in tree.sizes.items() if buffer in tree.temporary),
        "loops": float(len(parts) - 1),
        "depth": float(_depth(tree.root)),
        "entries": sum(part.times for part in parts if part.loop.number),
        "iterations": sum(part.iterations for part in parts),
        "innermost_trips": _mean((part.loop.trips, part.computing) for part in innermost),
        "innermost_operations": _mean((len(part.loop.operations), part.computing) for part in innermost),
        "unrolled": sum(part.iterations for part in parts if part.loop.unrolled),
        "spills": sum(part.iterations * part.body.spilled for part in parts),
        "registers_at_most": max(part.body.pressure for part in parts),
        "code_instructions": sum(part.body.instructions for part in parts),
        "code_at_most": max(part.body.instructions for part in parts),
        **_sharing(analysis.shares, analysis.threads),
    }


def _cycles(parts: Sequence[Part]) -> dict[str, float]:
    busy = [part.iterations * part.body.uses.cycles(part.body.cpu) for part in parts]
    straight = [part.computing - part.entering for part in parts]
    return {
        "cycles": sum(max(part.computing, part.moving) for part in parts),
        "cycles_computing": sum(part.computing for part in parts),
        "cycles_moving": sum(part.moving for part in parts),
        "cycles_moving_most": sum(part.moving for part in parts if part.moving > part.computing),
        "cycles_entering": sum(part.entering for part in parts),
        "cycles_waiting": sum(max(0.0, took - used) for took, used in zip(straight, busy, strict=True)),
    }


def _turns(parts: Sequence[Part]) -> dict[str, float]:
    """Of each kind of unit."""
    kinds = [kind.name for kind in fields(Uses)]
    return {
        f"turns_{kind.rstrip('_')}": sum(part.iterations * getattr(part.body.uses, kind) for part in parts)
        for kind in kinds
    }


def _widths(parts: Sequence[Part]) -> dict[str, float]:
    """Operations on numbers, by the width of a row, and rows of loads and stores that fill no whole register."""
    found = {f"operations_{width}": 0.0 for width in ("scalar", *WIDTHS)}
    narrow = 0.0
    for part in parts:
        for operation in part.loop.operations:
            rows = part.iterations * operation.shape.rows
            if operation.access:
                narrow += rows * (operation.shape.lanes * operation.shape.bits < part.body.cpu.vector_bits)
            elif operation.result:
                found[f"operations_{_width(operation.shape)}"] += rows
    return {**found, "narrow_accesses": narrow}


def _width(shape: Shape) -> str | int:
    if not shape.vector:
        return "scalar"
    return next((width for width in WIDTHS if shape.lanes * shape.bits <= width), WIDTHS[-1])


def _sharing(shares: Sequence[Share], threads: int) -> dict[str, float]:
    """`parallel_slack`: how much longer the busiest thread works than it would if all had as much to do."""
    blocks = [(share.busiest * threads / max(share.blocks, 1.0), share.forks) for share in shares]
    return {
        "threads": float(threads),
        "forks": sum(share.forks for share in shares),
        "parallel_blocks": _mean((share.blocks, share.forks) for share in shares),
        "parallel_slack": _mean(blocks) if blocks else 1.0,
    }


def _mean(weighed: Iterable[tuple[float, float]]) -> float:
    values = list(weighed)
    whole = sum(weight for _, weight in values)
    return sum(value * weight for value, weight in values) / whole if whole else 0.0


def _depth(loop: Loop) -> int:
    return max((1 + _depth(inner) for inner in loop.loops), default=0)

"""What a compiled kernel asks of a multiprocessor, read from its machine code."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....core.errors import CompileError

LEAST_LOOP = 16
"""Instructions: what is shorter waits for a barrier."""

_SASS = re.compile(r"/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P[\dT]+ )?([A-Z][A-Z0-9_.]*)([^;]*);")
_RESOURCES = re.compile(r"REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)")
_GCN = re.compile(
    r"^\t(?P<name>[vs]_\w+|ds_\w+|global_\w+|buffer_\w+|scratch_\w+)(?P<rest>.*)$|^(?P<label>\.LBB\w+):", re.M
)


@dataclass(frozen=True)
class Machine:
    """Counts are of instructions in the text."""

    registers: int
    """Of a thread."""
    shared_bytes: int
    """Of a block, those that are asked for at launch included."""
    once: int
    """Instructions outside of innermost loops."""
    looped: int
    """Those within."""
    spills_once: int
    """Of those, the ones that move registers to memory or back; `spills_looped` likewise."""
    spills_looped: int
    products: str
    """How tiles are multiplied: `wgmma` (from shared memory, by four warps), `mma` (from registers), or not at all."""
    asynchronous: bool
    """Whether copies to shared memory go on beside what is computed."""
    warps: int


def machine(kernel: Any) -> Machine:
    """Of a kernel as Triton compiled it. Raises CompileError when its code cannot be read."""
    shared, warps = kernel.metadata.shared, kernel.metadata.num_warps
    if "cubin" in kernel.asm:
        return _nvidia(kernel.asm["cubin"], shared, warps)
    if "amdgcn" in kernel.asm:
        return _amd(kernel.asm["amdgcn"], shared, warps)
    raise CompileError(f"no machine code among {', '.join(kernel.asm)}")


def _nvidia(cubin: bytes, shared: int, warps: int) -> Machine:
    from triton import knobs

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.cubin"
        file.write_bytes(cubin)
        command = [knobs.nvidia.cuobjdump.path, "-sass", "-res-usage", str(file)]
        listing = subprocess.run(command, capture_output=True, text=True, check=False)
    resources = _RESOURCES.search(listing.stdout)
    found = _SASS.findall(listing.stdout)
    if not resources or not found:
        raise CompileError(f"cuobjdump cannot read the kernel: {listing.stderr[:200]}")
    # What waits long for a barrier stands behind the end, and jumps back.
    found = found[: max((i for i, (_, name, _) in enumerate(found) if name == "EXIT"), default=len(found) - 1) + 1]
    names = [name for _, name, _ in found]
    places = [int(place, 16) for place, _, _ in found]
    jumps = []
    for number, (_, name, operands) in enumerate(found):
        target = re.search(r"0x([0-9a-f]+)", operands)
        if name.startswith("BRA") and target and int(target[1], 16) < places[number]:
            jumps.append((places.index(int(target[1], 16)), number + 1))
    looped = _innermost(jumps)
    spills = [number for number, name in enumerate(names) if name.startswith(("LDL", "STL"))]
    families = {name.partition(".")[0] for name in names}
    products = "wgmma" if families & {"HGMMA", "QGMMA", "IGMMA"} else "mma" if families & _MMA else ""
    return Machine(
        registers=int(resources[1]),
        shared_bytes=shared,
        once=len(names) - len(looped),
        looped=len(looped),
        spills_once=len(set(spills) - looped),
        spills_looped=len(looped.intersection(spills)),
        products=products,
        asynchronous=bool(families & {"LDGSTS", "UTMALDG"}),
        warps=warps,
    )


_MMA = {"HMMA", "QMMA", "IMMA", "DMMA"}


def _amd(text: str, shared: int, warps: int) -> Machine:
    def figure(name: str) -> int:
        found = re.search(rf"\.{name}:\s+(\d+)", text)
        return int(found[1]) if found else 0

    names: list[str] = []
    labels: dict[str, int] = {}
    jumps = []
    for line in _GCN.finditer(text):
        if line["label"]:
            labels[line["label"]] = len(names)
            continue
        names.append(line["name"])
        target = re.search(r"\.LBB\w+", line["rest"])
        if "branch" in line["name"] and target and target[0] in labels:
            jumps.append((labels[target[0]], len(names)))
    looped = _innermost(jumps)
    spills = [number for number, name in enumerate(names) if name.startswith("scratch_")]
    return Machine(
        registers=figure("vgpr_count"),  # of this family of GPUs, accumulators are among them
        shared_bytes=shared,
        once=len(names) - len(looped),
        looped=len(looped),
        spills_once=len(set(spills) - looped),
        spills_looped=len(looped.intersection(spills)),
        products="mma" if any("mfma" in name for name in names) else "",
        asynchronous=any("load_lds" in name or "_lds_" in name for name in names),
        warps=warps,
    )


def _innermost(jumps: Sequence[tuple[int, int]]) -> set[int]:
    """The numbers of the innermost loops' instructions, given as where each begins and ends."""
    loops = {loop for loop in jumps if loop[1] - loop[0] >= LEAST_LOOP}
    inner = [a for a in loops if not any(a != b and a[0] <= b[0] and b[1] <= a[1] for b in loops)]
    return {place for begin, end in inner for place in range(begin, end)}

"""What a compiled kernel asks of a multiprocessor, read from its machine code."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....core.errors import CompileError

LEAST_LOOP = 16
"""Instructions: what is shorter waits for a barrier."""

NVIDIA = {
    "tensor": re.compile(r"[HQID]G?MMA|UTC\w*MMA"),
    "memory": re.compile(r"(LD|ST)([GS]|SM)?|LDGSTS|ATOM[GS]?|REDG?|UTMA(LD|ST|RED)G|UBLKCP"),
    "special": re.compile(r"MUFU"),
    "spill": re.compile(r"LDL|STL"),
}
"""Instructions by kind: products of tiles; loads, stores and copies; exponentials and their kin; what moves registers
to memory or back. All others are of kind `other`."""

AMD = {
    "tensor": re.compile(r"v_s?mfma\w*"),
    "memory": re.compile(r"(global|buffer|ds)_\w+"),
    "special": re.compile(r"v_(exp|log|rcp|rsq|sqrt|sin|cos)_\w+"),
    "spill": re.compile(r"scratch_\w+"),
}

_SASS = re.compile(r"/\*([0-9a-f]{4,})\*/\s+(@!?U?P[\dT]+ )?([A-Z][A-Z0-9_.]*)([^;]*);")
_RESOURCES = re.compile(r"REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)")
_GCN = re.compile(
    r"^\t(?P<name>[vs]_\w+|ds_\w+|global_\w+|buffer_\w+|scratch_\w+)(?P<rest>.*)$|^(?P<label>\.LBB\w+):", re.M
)


@dataclass(frozen=True)
class Machine:
    """What the code is and what it needs."""

    registers: int
    """Of a thread."""
    shared_bytes: int
    """Of a block, those that are asked for at launch included."""
    once: Mapping[str, int]
    """Instructions in the text outside of innermost loops, by kind (NVIDIA, AMD)."""
    looped: Mapping[str, int]
    """Those within, but for what a branch there may pass over."""
    passed: Mapping[str, int]
    """That."""
    products: str
    """How tiles are multiplied: `wgmma` (from shared memory), `mma` (from registers), or not at all."""
    asynchronous: bool
    """Whether copies to shared memory go on beside what is computed."""
    warps: int

    def carried_out(self, turns: float, seldom: float, kind: str | None = None) -> float:
        """Instructions of a kind, or of all, by a warp whose innermost loops turn so often together.

        What a branch there may pass over is done `seldom` times.
        """
        parts = ((1.0, self.once), (turns, self.looped), (seldom, self.passed))
        return sum(times * (sum(part.values()) if kind is None else part.get(kind, 0)) for times, part in parts)


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
    found = found[: max((i for i, (_, _, name, _) in enumerate(found) if name == "EXIT"), default=len(found) - 1) + 1]
    families = [name.partition(".")[0] for _, _, name, _ in found]
    places = {int(place, 16): number for number, (place, *_) in enumerate(found)}
    back, forward = [], []
    for number, (_, condition, name, operands) in enumerate(found):
        target = re.search(r"0x([0-9a-f]+)", operands)
        if name.startswith("BRA") and target and int(target[1], 16) in places:
            there = places[int(target[1], 16)]
            if there < number:
                back.append((there, number + 1))
            elif condition:
                forward.append((number + 1, there))
    once, looped, passed = _counted(families, NVIDIA, _innermost(back), forward)
    products = {family for family in families if NVIDIA["tensor"].fullmatch(family)}
    from_shared = any("GMMA" in family or "UTC" in family for family in products)
    return Machine(
        registers=int(resources[1]),
        shared_bytes=shared,
        once=once,
        looped=looped,
        passed=passed,
        products="wgmma" if from_shared else "mma" if products else "",
        asynchronous=not {"LDGSTS", "UTMALDG"}.isdisjoint(families),
        warps=warps,
    )


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
    once, looped, passed = _counted(names, AMD, _innermost(jumps), ())
    return Machine(
        registers=figure("vgpr_count"),  # of this family of GPUs, accumulators are among them
        shared_bytes=shared,
        once=once,
        looped=looped,
        passed=passed,
        products="mma" if once["tensor"] + looped["tensor"] else "",
        asynchronous=any("load_lds" in name or "_lds_" in name for name in names),
        warps=warps,
    )


def _counted(
    names: Sequence[str],
    kinds: Mapping[str, re.Pattern[str]],
    inner: set[int],
    forward: Sequence[tuple[int, int]],
) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """How many instructions there are of each kind: outside of innermost loops, within, and there passed over."""
    counts = Counter[str](), Counter[str](), Counter[str]()
    passed = {place for begin, end in forward if inner.issuperset((begin, end)) for place in range(begin, end)}
    for number, name in enumerate(names):
        kind = next((kind for kind, pattern in kinds.items() if pattern.fullmatch(name)), "other")
        counts[(number in inner) + (number in passed)][kind] += 1
    return counts


def _innermost(jumps: Sequence[tuple[int, int]]) -> set[int]:
    """The numbers of the innermost loops' instructions, given as where each begins and ends."""
    loops = {loop for loop in jumps if loop[1] - loop[0] >= LEAST_LOOP}
    inner = [a for a in loops if not any(a != b and a[0] <= b[0] and b[1] <= a[1] for b in loops)]
    return {place for begin, end in inner for place in range(begin, end)}

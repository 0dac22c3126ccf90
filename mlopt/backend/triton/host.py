"""The GPUs of this machine, asked of the driver's own tool: PyTorch would take hold of them in a process that forks."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from ...core.errors import UserError
from .target import DESCRIPTIONS, Gpu, described


@dataclass(frozen=True)
class Present:
    """A GPU that is here."""

    name: str
    """As its maker calls it."""
    arch: int
    """Compute capability times ten."""


@functools.cache
def present() -> Sequence[Present]:
    """Those that this process may use; none where there is no driver of NVIDIA's."""
    tool = shutil.which("nvidia-smi")
    if tool is None or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return ()
    command = [tool, "--query-gpu=name,compute_cap", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return parse(done.stdout) if done.returncode == 0 else ()


def parse(listing: str) -> Sequence[Present]:
    """What `nvidia-smi --query-gpu=name,compute_cap --format=csv,noheader` prints; other lines are left out."""
    found = []
    for line in listing.splitlines():
        name, comma, capability = line.rpartition(",")
        major, dot, minor = capability.strip().partition(".")
        if comma and dot and major.isdigit() and minor.isdigit():
            found.append(Present(name.strip(), 10 * int(major) + int(minor)))
    return tuple(found)


def of_this_machine(gpus: Sequence[Present]) -> Gpu:
    """The description of the first GPU, by its name. Raises UserError where there is none."""
    if not gpus:
        raise UserError("there is no GPU here: backend=triton compiles for one that you name, such as target=h200")
    words = gpus[0].name.lower().replace("rtx ", "rtx").replace("-", " ").split()
    for file in sorted(DESCRIPTIONS.glob("*.yaml")):
        if file.stem in words:
            return described(file.stem)
    raise UserError(f"nothing describes {gpus[0].name}: name a target like it, such as target=h100")

"""The GPUs of this machine, asked of the driver's own tool: PyTorch would take hold of them in a process that forks."""

from __future__ import annotations

import functools
import math
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...core.errors import UserError
from .driver import facts
from .target import Gpu, described, of_gpus

LINE = re.compile(r"(?P<identity>GPU-[\w-]+), (?P<name>.+), (?P<major>\d+)\.(?P<minor>\d+)")


@dataclass(frozen=True)
class Present:
    """A GPU that is here."""

    name: str
    """As its maker calls it."""
    arch: int
    """Compute capability times ten."""
    identity: str
    """What the driver calls it, and no other GPU."""


STATE = ("uuid", "name", "driver_version", "clocks.sm", "clocks.mem", "clocks.max.sm", "power.limit", "temperature.gpu")
"""What the driver's tool tells of a GPU that changes what a kernel costs, by its own words."""


@functools.cache
def present() -> Sequence[Present]:
    """Those that this process may use; none where there is no driver of NVIDIA's."""
    return visible(parse(_listed("uuid", "name", "compute_cap")), os.environ.get("CUDA_VISIBLE_DEVICES"))


def states(identities: Sequence[str]) -> Sequence[Mapping[str, str]]:
    """What these GPUs are, and at which clocks they run now: values of STATE, with their units."""
    found = (dict(zip(STATE, line.split(", "), strict=False)) for line in _listed(*STATE).splitlines())
    return [state for state in found if state["uuid"] in identities]


def _listed(*keys: str) -> str:
    """What the driver's tool prints, a line a GPU; nothing where there is none, or no driver."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    command = [tool, f"--query-gpu={','.join(keys)}", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def parse(listing: str) -> Sequence[Present]:
    """Of a list of identity, name and compute capability; other lines are left out."""
    found = (LINE.fullmatch(line.strip()) for line in listing.splitlines())
    return tuple(Present(m["name"], 10 * int(m["major"]) + int(m["minor"]), m["identity"]) for m in found if m)


def visible(gpus: Sequence[Present], chosen: str | None) -> Sequence[Present]:
    """Those that CUDA_VISIBLE_DEVICES, a list of numbers or of beginnings of identities, leaves, up to one unknown.

    All, where it is not set or lists parts of GPUs.
    """
    if chosen is None or "MIG-" in chosen:
        return gpus
    found: list[Present] = []
    for word in map(str.strip, chosen.split(",")):
        named = [gpu for number, gpu in enumerate(gpus) if word == str(number) or gpu.identity.startswith(word or "-")]
        if not named:
            break
        found += named[:1]
    return tuple(found)


def of_this_machine(gpus: Sequence[Present]) -> Gpu:
    """The first GPU: what its driver tells of it, and at the rates of the one most like it that is described.

    Raises UserError where there is none.
    """
    if not gpus:
        raise UserError("there is no GPU here: backend=triton compiles for one that you name, such as target=h200")
    first = gpus[0]
    told: Mapping[str, Any] = facts().get(first.identity, {})
    return replace(described(most_like(first, told.get("multiprocessors"))), arch=first.arch, **told)


def words(gpu: Present) -> Sequence[str]:
    """Of its name, as descriptions are named."""
    return gpu.name.lower().replace("rtx ", "rtx").replace("-", " ").split()


def most_like(gpu: Present, multiprocessors: int | None = None) -> str:
    """The description that bears its name, else one of the nearest architecture, of these the nearest in size."""

    def distance(name: str) -> tuple[float, ...]:
        other = described(name)
        if not isinstance(other.arch, int):
            return (math.inf,)
        size = multiprocessors or other.multiprocessors
        return name not in words(gpu), abs(other.arch - gpu.arch), abs(other.multiprocessors - size)

    return min(of_gpus(), key=distance)

"""The machine: cores, clocks, memory, disk, counters, GPUs."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from ..core import cgroup
from ..core.cache import cache_folder
from ..core.cores import placement
from ..core.fingerprint import available_cores, fingerprint
from ..evaluator.counters import EVENTS, count
from ..evaluator.energy import PowerMeter
from ..executor import machine
from .finding import Finding, State

LITTLE_MEMORY, LITTLE_DISK = 1 << 30, 1 << 30
"""Bytes for a worker, and for a study's files with the caches, that are enough."""

BUSY = 0.5
"""Load of the last minute, a core, from which times suffer: mlopt cannot stop what is not its own."""

_CPUS = Path("/sys/devices/system/cpu")
_TURBO = (("intel_pstate/no_turbo", "0", "1"), ("cpufreq/boost", "1", "0"))
"""Files that say whether it is on, what they say then, and what turns it off."""
_VIRTUAL = "as virtual ones do not"


def cores() -> Iterator[Finding]:
    """How many, which ones kernels run on, and who else does."""
    places, number = placement(), available_cores()
    yield Finding("cores", State.OK, f"{number} of {os.cpu_count()}: {fingerprint()['cpu']}")
    if places:
        yield Finding("pinning", State.OK, f"threads have cores of their own, in the order {_listed(places)}")
    else:
        detail = f"a control group allows less than the {len(os.sched_getaffinity(0))} cores: threads are not pinned"
        yield Finding("pinning", State.LIMITED, detail, "give whole cores: docker --cpuset-cpus, or taskset")
    load = os.getloadavg()[0] / number
    if load > BUSY:
        detail = f"{load:.0%} of the cores were in use during the last minute"
        yield Finding("load", State.LIMITED, detail, "end what else runs, or wait")
    else:
        yield Finding("load", State.OK, f"{load:.0%} of the cores during the last minute")


def governor(folder: Path = _CPUS) -> Iterator[Finding]:
    """Whether clocks are kept high."""
    found = {file.read_text().strip() for file in folder.glob("cpu[0-9]*/cpufreq/scaling_governor")}
    if not found:
        yield Finding("governor", State.ABSENT, f"the machine does not say how it sets its clocks, {_VIRTUAL}")
    elif found == {"performance"}:
        yield Finding("governor", State.OK, "performance")
    else:
        mend = "sudo cpupower frequency-set --governor performance"
        yield Finding("governor", State.LIMITED, ", ".join(sorted(found)), mend)


def turbo(folder: Path = _CPUS) -> Iterator[Finding]:
    """Whether clocks rise as far as heat and the other cores let them."""
    known = [(folder / name, on, off) for name, on, off in _TURBO if (folder / name).exists()]
    if not known:
        yield Finding("turbo", State.ABSENT, f"the machine does not say whether it is on, {_VIRTUAL}")
    for file, on, off in known:
        if file.read_text().strip() == on:
            detail = "on: clocks depend on heat and on what other cores do"
            yield Finding("turbo", State.LIMITED, detail, f"echo {off} | sudo tee {file}")
        else:
            yield Finding("turbo", State.OK, "off")


def smt(folder: Path = _CPUS) -> Iterator[Finding]:
    """Whether two threads share a core."""
    try:
        active = (folder / "smt" / "active").read_text().strip() == "1"
    except OSError:
        yield Finding("SMT", State.ABSENT, f"the machine does not say whether threads share cores, {_VIRTUAL}")
        return
    if active:
        siblings = {file.read_text() for file in folder.glob("cpu[0-9]*/topology/thread_siblings_list")}
        detail = "on: what runs on one half of a core slows the other half"
        mend = f"backend.threads={max(1, len(siblings))}, a thread a core; or echo off | sudo tee {folder}/smt/control"
        yield Finding("SMT", State.LIMITED, detail, mend)
    else:
        yield Finding("SMT", State.OK, "off")


def memory() -> Iterator[Finding]:
    """What each worker may hold."""
    slots = machine.slots(None)
    share, limits = machine.memory_share(slots), cgroup.memory_limits()
    whole = machine.memory_bytes()
    detail = f"{_size(whole)}{' by a control group' if limits else ''}, {_size(share)} for each of {slots} workers"
    if share < LITTLE_MEMORY:
        yield Finding("memory", State.LIMITED, detail, "fewer workers, each with more: executor.slots=1")
    else:
        yield Finding("memory", State.OK, detail)


def disk() -> Iterator[Finding]:
    """Where studies and the cache are written."""
    for subject, folder in (("disk", Path.cwd()), ("cache", cache_folder())):
        place = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(place).free
        if not os.access(place, os.W_OK):
            yield Finding(subject, State.LIMITED, f"{place} cannot be written", "hydra.run.dir=DIR, XDG_CACHE_HOME=DIR")
        elif free < LITTLE_DISK:
            yield Finding(subject, State.LIMITED, f"{_size(free)} free in {place}", "make room")
        else:
            yield Finding(subject, State.OK, f"{_size(free)} free in {place}")


def counters() -> Iterator[Finding]:
    """Hardware counters and energy: studies leave out of `metrics` what cannot be read."""
    found = count(lambda: sum(range(10_000)) and 1)
    if missing := EVENTS.keys() - found.keys():
        mend = "sudo sysctl kernel.perf_event_paranoid=2; containers and virtual machines may have none at all"
        yield Finding("perf counters", State.ABSENT, f"not to be had: {', '.join(sorted(missing))}", mend)
    else:
        yield Finding("perf counters", State.OK, ", ".join(found))
    meter = PowerMeter()
    time.sleep(0.05)
    if (watts := meter.watts()) is None:
        mend = "sudo chmod a+r /sys/class/powercap/*/energy_uj, where there is such a file"
        yield Finding("energy", State.ABSENT, "no RAPL counter can be read", mend)
    else:
        yield Finding("energy", State.OK, f"{watts:.0f} W now")


def gpu(devices: Path = Path("/dev")) -> Iterator[Finding]:
    """What backend=triton runs kernels on, where it does not simulate them."""
    from ..backend.triton import host

    files = sorted(path.name for path in devices.glob("nvidia[0-9]*"))
    if found := host.present():
        others = {each: like for each in found if (like := host.most_like(each)) not in host.words(each)}
        notes = {each: f" (simulated at the rates of {like})" for each, like in others.items()}
        yield Finding("GPU", State.OK, ", ".join(each.name + notes.get(each, "") for each in found))
    elif files:
        detail = f"{', '.join(files)}, of which nvidia-smi says nothing"
        yield Finding("GPU", State.LIMITED, detail, "install NVIDIA's driver with its tools (for backend=triton)")
    else:
        yield Finding("GPU", State.ABSENT, "none: backend=mlir needs none, and evaluator=simulation neither")


def _listed(cores: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, cores[:8]))
    return shown if len(cores) <= 8 else f"{shown}, ..."


def _size(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB"

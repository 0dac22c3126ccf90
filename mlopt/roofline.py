"""The roofline of this machine, measured once and kept, until a program proves it too low."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path

from .core.cache import cache_folder
from .core.fingerprint import digest, fingerprint
from .devices import machine, states
from .executor import device
from .protocols import Backend, Roofline, Workload

DEADLINE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Measure:
    """The work of measuring; to be done in a worker."""

    backend: Backend

    def __call__(self) -> Roofline:
        with device.alone():
            return self.backend.roofline()


def roofline(backend: Backend, run: Callable[[Measure], Roofline], workload: Workload, seconds: float) -> Roofline:
    """The roofline at the backend's thread count: from the user's cache, else measured by `run` and put there.

    `seconds` is what `workload` took at best. One that does not allow it was measured in a bad moment: it is measured
    again, and the higher of each peak stands.
    """
    path = _path(backend)
    known = read(path)
    if known is None:
        known = run(Measure(backend))
        _write(path, known)
    if seconds < known.seconds(workload.flops, workload.bytes):
        again = run(Measure(backend))
        known = Roofline(*map(max, astuple(known), astuple(again)))
        _write(path, known)
    return known


def kept(backend: Backend) -> Roofline | None:
    """What was measured for this backend and its thread count before, if anything was."""
    return read(_path(backend))


def _path(backend: Backend) -> Path:
    here = machine(fingerprint(), states(backend))
    key = digest([here, type(backend).__qualname__, backend.thread_count])
    return cache_folder() / "roofline" / f"{key}.json"


def read(path: Path) -> Roofline | None:
    """A roofline as it is kept in a file; None where none is."""
    try:
        values = json.loads(path.read_text())
        roofline = Roofline(**{peak.name: float(values[peak.name]) for peak in fields(Roofline)})
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    finite = math.isfinite(roofline.flops_per_second) and math.isfinite(roofline.bytes_per_second)
    return roofline if finite and all(peak > 0 for peak in astuple(roofline)) else None


def _write(path: Path, roofline: Roofline) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(roofline)))
        temporary.replace(path)
    except OSError:  # a cache that cannot be written costs a second per study, no more
        return

"""The content address of a measurement: a hash over all that it depends on.

It is made in two steps. A *context* is everything but the decisions; it is the same for all trials of a study. An
address is the hash of a context's hash and the decisions.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..core.fingerprint import fingerprint
from ..core.schedule import Schedule
from ..protocols import IdentifiedBackend, IdentifiedEvaluator, TensorSpec, Workload

SOURCES = (".py", ".mlir", ".yaml")
"""What a package is made of, as far as it changes what a kernel becomes."""
OPENMP = ("OMP_", "KMP_", "GOMP_")
"""How the environment variables begin that tell OpenMP's runtimes where threads run."""


def context(workload: Workload, backend: IdentifiedBackend, evaluator: IdentifiedEvaluator) -> dict[str, Any]:
    """All that a measurement depends on but the decisions, as plain data."""
    return {
        "workload": {
            "name": workload.name,
            "inputs": _tensors(workload.operands),
            "outputs": _tensors(workload.outputs),
            "parameters": digest(dict(workload.parameters)),
        },
        "backend": {"name": _name(backend), **backend.identity(workload)},
        "threads": backend.thread_count,
        "evaluator": {"name": _name(evaluator), **evaluator.identity()},
        "fingerprint": fingerprint(),
        "sources": {
            package: _source(package) for part in (workload, backend, evaluator) for package in _packages(part)
        },
        "openmp": {name: value for name, value in os.environ.items() if name.startswith(OPENMP)},
    }


def address(context_digest: str, schedule: Schedule) -> str:
    """The content address of what is measured in this context with these decisions, whose order counts."""
    return digest({"context": context_digest, "decisions": list(schedule)})


def digest(value: Any) -> str:
    """SHA-256 of plain data's canonical JSON: keys in order, no spaces, finite numbers."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def canonical(value: Any) -> str:
    """Plain data as the one JSON text that stands for it. Raises TypeError, ValueError for other data."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _tensors(specs: tuple[TensorSpec, ...]) -> list[Mapping[str, Any]]:
    return [{"shape": list(spec.shape), "dtype": spec.dtype} for spec in specs]


def _name(part: object) -> str:
    return f"{type(part).__module__}.{type(part).__qualname__}"


def _packages(part: object) -> Iterator[str]:
    """The top-level packages, other than Python's own, that a part's classes are written in."""
    for kind in type(part).__mro__:
        package = kind.__module__.partition(".")[0]
        if package not in sys.stdlib_module_names:
            yield package


@functools.cache
def _source(package: str) -> str:
    """A hash of a package's files: a version does not tell one edit from the next."""
    module, found = sys.modules[package], hashlib.sha256()
    for place in map(Path, getattr(module, "__path__", None) or [module.__file__ or ""]):
        for file in sorted(_files(place)) if place.is_dir() else [place]:
            found.update(f"{file.relative_to(place)}\n".encode())
            found.update(file.read_bytes())
    return found.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder, followlinks=True):  # in a checkout some of mlopt's folders are links
        yield from (Path(parent, name) for name in names if name.endswith(SOURCES))

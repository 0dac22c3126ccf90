"""The software that studies use: imported in processes of their own, since some of it breaks only when it is."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata

from .. import __version__, plugins
from ..core.errors import UserError
from .finding import Finding, State

IMPORT_SECONDS = 120.0
COMPILERS = "c++", "g++", "clang++"


@dataclass(frozen=True, slots=True)
class Package:
    """A distribution, the module that shows whether it works, and who needs it."""

    subject: str
    distribution: str
    module: str
    missing: State
    """How it stands where it is not installed; `failing`, where it is, and cannot be imported."""
    failing: State
    needed_by: str


PACKAGES = (
    Package("MLIR bindings", "torch-mlir", "mlopt.backend.mlir.bindings", State.ABSENT, State.BROKEN, "backend=mlir"),
    Package("Triton", "triton", "triton", State.ABSENT, State.BROKEN, "backend=triton"),
    Package("PyTorch", "torch", "torch", State.LIMITED, State.LIMITED, "the baselines torch and torch_compile"),
    Package("Ray", "ray", "ray", State.LIMITED, State.LIMITED, "executor=ray; executor=local does without"),
    Package("MLflow", "mlflow", "mlflow", State.LIMITED, State.LIMITED, "tracker=mlflow; tracker=none does without"),
    Package("Optuna", "optuna", "optuna", State.LIMITED, State.LIMITED, "searches that build on it"),
)

NOT_INSTALLED = 3
"""Exit code of a process that did not find the package."""

IMPORT = """
import sys
sys.path[:] = {path}
try:
    import {module}
except ModuleNotFoundError as error:
    if error.name not in ("{module}", "mlir"):  # something that it needs itself
        raise
    sys.exit({code})
"""


def python() -> Iterator[Finding]:
    """Always new enough, or mlopt would not run."""
    yield Finding("Python", State.OK, f"{platform.python_version()}, {sys.executable}")
    try:
        options, origins = plugins.options(), plugins.sources()
    except UserError as error:
        yield Finding("plugins", State.BROKEN, str(error), "rename or remove one of the two")
    else:
        yield Finding("mlopt", State.OK, f"{__version__}, {len(options)} options from {len(origins)} places")


def packages() -> Iterator[Finding]:
    """Whether each can be imported, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(_import, PACKAGES)


def _import(package: Package) -> Finding:
    program = IMPORT.format(path=sys.path, module=package.module, code=NOT_INSTALLED)
    command = [sys.executable, "-c", program]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_SECONDS, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        said = [f"not imported within {IMPORT_SECONDS:g} s"]
    else:
        if done.returncode == 0:
            return Finding(package.subject, State.OK, _version(package.distribution))
        if done.returncode == NOT_INSTALLED:
            mend = f"pip install {package.distribution} (for {package.needed_by})"
            return Finding(package.subject, package.missing, "not installed", mend)
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    mend = f"pip install --force-reinstall {package.distribution} (for {package.needed_by})"
    return Finding(package.subject, package.failing, said[-1], mend)


def _version(distribution: str) -> str:
    try:
        return f"{distribution} {metadata.version(distribution)}"
    except metadata.PackageNotFoundError:  # such as a build of MLIR on PYTHONPATH
        return "found on the path"


def compilers() -> Iterator[Finding]:
    """What is not Python."""
    from ..backend.mlir import openmp
    from ..backend.mlir.driver import tools

    try:
        yield Finding("OpenMP runtime", State.OK, openmp.library_path())
    except UserError:
        mend = "pip install intel-openmp, or install LLVM's libomp (for kernels on more than one thread)"
        yield Finding("OpenMP runtime", State.LIMITED, "none found: kernels run on one thread", mend)
    try:
        found = tools.find(None)
        yield Finding("mlir-opt", State.OK, f"{found.mlir_opt}, {found.version()}")
    except UserError as error:
        mend = "install LLVM's MLIR tools, such as Debian's mlir-22-tools (for backend.driver=mlir-opt)"
        yield Finding("mlir-opt", State.ABSENT, str(error), mend)
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler:
        yield Finding("C++ compiler", State.OK, compiler)
    else:
        yield Finding("C++ compiler", State.LIMITED, "none found", "install g++ (for the baseline torch_compile)")


def store() -> Iterator[Finding]:
    """Where `tracker=mlflow` writes."""
    from ..tracker.store import locate

    place = locate(None).database
    assert place is not None
    ancestor = next(parent for parent in place.absolute().parents if parent.exists())
    if not os.access(place if place.exists() else ancestor, os.W_OK):
        yield Finding("MLflow store", State.LIMITED, f"{place} cannot be written", "run mlopt in a folder of your own")
    else:
        yield Finding("MLflow store", State.OK, f"{place}{'' if place.exists() else ' (made by the first study)'}")

"""The command-line tools of an LLVM build: found beside a user's `mlir-opt`, run one after another."""

from __future__ import annotations

import functools
import os
import platform
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ....core.errors import UserError

MLIR_OPT = "mlir-opt"
LINKERS = ("cc", "clang", "gcc", "ld", "ld.lld")
"""Any of these makes a shared library of an object file; the compilers are only asked to link."""

SCRIPT = "schedule.mlir"
"""The file, in the folder that the tools run in, that holds the transform module."""


@dataclass(frozen=True)
class Tools:
    """Paths of programs of one version."""

    mlir_opt: str
    mlir_translate: str
    opt: str
    llc: str
    linker: str

    def version(self) -> str:
        """What the tool says of itself, in a line. Raises RuntimeError."""
        lines = run([self.mlir_opt, "--version"], b"", Path("/")).decode().strip().splitlines()
        return next((line for line in lines if " version " in line), lines[0]).strip()

    def transform(self) -> list[str]:
        """Applies the transform module in SCRIPT."""
        load = f"transform-preload-library{{transform-library-paths={SCRIPT}}}"
        return self.passes(f"builtin.module({load},transform-interpreter)")

    def passes(self, pipeline: str) -> list[str]:
        return [self.mlir_opt, "--allow-unregistered-dialect", f"--pass-pipeline={pipeline}"]

    def to_llvm_ir(self) -> list[str]:
        return [self.mlir_translate, "--mlir-to-llvmir"]

    def to_object(self, level: int) -> list[list[str]]:
        """From LLVM IR to an object file for this CPU."""
        host = [f"-O{level}", f"-mtriple={platform.machine()}-unknown-linux-gnu", "-mcpu=native"]
        return [[self.opt, *host], [self.llc, *host, "-relocation-model=pic", "-filetype=obj"]]

    def link(self) -> list[str]:
        """Makes a shared library; its name and what goes into it are to be appended."""
        return [self.linker, "-shared", "-o"]


def run(command: Sequence[str], given: bytes, folder: Path) -> bytes:
    """What a tool prints when it is given this to read. Raises RuntimeError, with what it complains of first."""
    try:
        done = subprocess.run(command, input=given, cwd=folder, capture_output=True)
    except OSError as error:
        raise RuntimeError(f"{command[0]} cannot be run: {error.strerror}") from error
    if done.returncode < 0:
        raise RuntimeError(f"{Path(command[0]).name} was ended by {signal.Signals(-done.returncode).name}")
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace") or f"{Path(command[0]).name} failed")
    return done.stdout


@functools.cache
def find(mlir_opt: str | None) -> Tools:
    """The tools that belong to this `mlir-opt`, or to the one on PATH. Raises UserError for what is not there."""
    first = _chosen(mlir_opt) if mlir_opt else shutil.which(MLIR_OPT) or _newest(MLIR_OPT)
    if first is None:
        raise UserError("no mlir-opt is on PATH; say where it is with backend.mlir_opt=PATH")
    translate, opt, llc = (_beside(first, tool) for tool in ("mlir-translate", "opt", "llc"))
    linker = next((path for name in LINKERS if (path := shutil.which(name))), None)
    if linker is None:
        raise UserError(f"backend.driver=mlir-opt needs a linker: {', '.join(LINKERS[:-1])} or {LINKERS[-1]}")
    return Tools(first, translate, opt, llc, linker)


def _chosen(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise UserError(f"backend.mlir_opt={name} is no program that can be run")
    return path


def _beside(first: str, tool: str) -> str:
    """The program of this name, and of the same suffix, in the folder of `first`, where that leads to, or on PATH."""
    suffix = Path(first).name.rpartition("opt")[2]
    for folder in (Path(first).parent, Path(first).resolve().parent):
        for name in (f"{tool}{suffix}", tool):
            if path := shutil.which(name, path=str(folder)):
                return path
    # A program without a version may be an old one, while LLVM's tools read what older ones wrote.
    if path := _newest(tool) or shutil.which(tool):
        return path
    raise UserError(f"{first} needs {tool} of the same version, beside it or on PATH; install LLVM's tools")


def _newest(tool: str) -> str | None:
    """The newest of the programs on PATH that carry a version, such as mlir-opt-22."""
    found = (path for folder in os.get_exec_path() for path in Path(folder).glob(f"{tool}-*"))
    versions = {path: path.name.removeprefix(f"{tool}-") for path in found if os.access(path, os.X_OK)}
    numbers = {str(path): int(version) for path, version in versions.items() if version.isdecimal()}
    return max(numbers, key=numbers.__getitem__, default=None)

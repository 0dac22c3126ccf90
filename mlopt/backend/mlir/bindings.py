"""The MLIR Python bindings, from whichever package carries them. Nothing else imports that package."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

PACKAGES = ("mlir", "torch_mlir")
"""Where the bindings may live: a build of upstream MLIR, which is there because a user wants it, or the wheel's."""


def _package() -> str:
    for package in PACKAGES:
        if find_spec(package) is not None and find_spec(f"{package}.ir") is not None:
            return package
    message = "no MLIR Python bindings; install them with: pip install torch-mlir"
    raise ModuleNotFoundError(message, name="mlir")


def _load(module: str) -> Any:
    return importlib.import_module(f"{_package()}.{module}")


ir = _load("ir")
affine = _load("dialects.affine")
arith = _load("dialects.arith")
linalg = _load("dialects.linalg")
math = _load("dialects.math")
scf = _load("dialects.scf")
tensor = _load("dialects.tensor")
structured = _load("dialects.transform.structured")
transform = _load("dialects.transform")
vector = _load("dialects.transform.vector")
bufferization = _load("dialects.transform.bufferization")
PassManager = _load("passmanager").PassManager
ExecutionEngine = _load("execution_engine").ExecutionEngine
apply_named_sequence = _load("dialects.transform.interpreter").apply_named_sequence
ranked_memref_descriptor = _load("runtime").get_ranked_memref_descriptor


def new_context() -> Any:
    """A context without threads of its own: workers are forked, and compile one program at a time."""
    context = ir.Context()
    context.enable_multithreading(False)
    context.allow_unregistered_dialects = True  # for marks of our own, and a user's operations
    return context


@contextmanager
def active() -> Iterator[None]:
    """This process's own context, which has its dialects loaded once, and a location."""
    context = _context()
    with context, ir.Location.unknown(context):
        yield


@functools.cache
def _context() -> Any:
    return new_context()

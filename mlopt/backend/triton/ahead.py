"""Compiling ahead of time: a launcher is run on tensors without memory, and what it would launch is compiled."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import CompileError, summary
from ...protocols import TensorSpec
from .kernel_file import KernelFile
from .target import Gpu


@dataclass(frozen=True)
class Launch:
    """One kernel that a call launches."""

    kernel: Any
    """What Triton compiled: `asm`, by language, and `metadata`."""
    grid: tuple[int, int, int]
    """Number of programs."""
    arguments: Mapping[str, Any]
    """The compiled function's parameters by name: numbers, tensors without memory, descriptors of such tensors."""


def launches(
    file: KernelFile,
    config: Mapping[str, Any],
    operands: Sequence[TensorSpec],
    parameters: Mapping[str, Any],
    gpu: Gpu,
) -> Sequence[Launch]:
    """What a call on such operands launches, compiled for `gpu`. Raises CompileError."""
    import torch

    inputs = [torch.empty(spec.shape, dtype=torch_dtype(spec.dtype), device="meta") for spec in operands]
    try:
        with _recorded(gpu) as found:
            file.launcher(config, parameters)(inputs)
    except Exception as error:
        raise CompileError(summary(error)) from error
    if not found:
        raise CompileError("the launcher launched no kernel")
    return found


def torch_dtype(name: str) -> Any:
    """PyTorch's dtype of numpy's name."""
    import torch

    return getattr(torch, {"bool": "bool"}.get(name, name))


@contextlib.contextmanager
def _recorded(gpu: Gpu) -> Iterator[list[Launch]]:
    """Within it, launched kernels are compiled for `gpu` and listed, and nothing runs."""
    from triton.runtime import driver
    from triton.runtime.jit import JITFunction

    found: list[Launch] = []
    run = JITFunction.run

    def record(self: Any, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
        kernel = run(self, *args, grid=grid, warmup=True, **kwargs)
        bound = {**dict(zip(self.arg_names, args, strict=False)), **kwargs}
        sizes = tuple(grid(bound) if callable(grid) else grid)
        found.append(Launch(kernel, (*sizes, 1, 1)[:3], _arguments(kernel, bound)))
        return kernel

    active = driver._active
    driver.set_active(_Compiler(gpu))
    JITFunction.run = record
    try:
        yield found
    finally:
        JITFunction.run = run
        driver._active = active


def _arguments(kernel: Any, bound: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of the parameters that are left when constants are compiled in."""
    return {name: bound[name] for name, kind in kernel.src.signature.items() if kind != "constexpr" and name in bound}


@dataclass(frozen=True)
class _Compiler:
    """What Triton asks a driver for when it compiles: the target; there is no device behind it."""

    gpu: Gpu

    def get_current_device(self) -> Gpu:
        return self.gpu  # compiled kernels are kept by device

    def get_current_stream(self, device: Gpu) -> int:
        return 0

    def get_current_target(self) -> Any:
        from triton.backends.compiler import GPUTarget

        return GPUTarget(self.gpu.runtime, self.gpu.arch, self.gpu.warp)

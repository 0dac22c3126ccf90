"""Compiling ahead of time: a launcher is run on tensors without memory, and what it would launch is compiled."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import CompileError, summary
from ...protocols import TensorSpec
from .kernel_file import KernelFile
from .played import Played, playing
from .target import Gpu

META = "meta"
"""The device of PyTorch's whose tensors have no memory."""

MOST_PROGRAMS = 65535
"""Along the second and the third axis of a grid."""


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
    """What a call on such operands launches, compiled for `gpu`. Raises CompileError, also if it cannot be launched."""
    import torch

    inputs = [torch.empty(spec.shape, dtype=torch_dtype(spec.dtype), device=META) for spec in operands]
    try:
        with _recorded(gpu) as found:
            file.launcher(config, parameters)(inputs)
    except CompileError:
        raise
    except Exception as error:
        raise CompileError(f"{summary(error)} (here launch is run on tensors of device {META})") from error
    if not found:
        raise CompileError("the launcher launched no kernel")
    return found


def stand_in(gpu: Gpu) -> Played:
    """Who plays this GPU where kernels are compiled."""
    return Played(META, gpu.runtime, gpu.arch, gpu.warp, gpu.multiprocessors, gpu.shared_bytes_per_block, gpu.registers)


def torch_dtype(name: str) -> Any:
    """PyTorch's dtype of numpy's name."""
    import torch

    return getattr(torch, name)


@contextlib.contextmanager
def _recorded(gpu: Gpu) -> Iterator[list[Launch]]:
    """Within it, launched kernels are compiled for `gpu` and listed, and nothing runs."""
    from triton.runtime.jit import JITFunction

    found: list[Launch] = []
    run = JITFunction.run

    def record(self: Any, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
        try:
            kernel = run(self, *args, grid=grid, warmup=True, **kwargs)
        except Exception as error:
            raise CompileError(summary(error)) from error
        bound = _bound(self, args, kwargs)
        sizes = (*(grid(bound) if callable(grid) else grid), 1, 1)[:3]
        if max(sizes[1:]) > MOST_PROGRAMS:
            raise CompileError(f"a grid of {sizes}: beyond its first axis a GPU takes {MOST_PROGRAMS} programs at most")
        found.append(Launch(kernel, sizes, _arguments(kernel, bound)))
        return kernel

    JITFunction.run = record
    try:
        with playing(stand_in(gpu)):
            yield found
    finally:
        JITFunction.run = run


def _bound(kernel: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of all parameters by name, with the defaults of those that are not given, as Triton tells grids."""
    parameters = inspect.signature(kernel.fn).parameters
    defaults = {name: each.default for name, each in parameters.items() if each.default is not each.empty}
    given = {**dict(zip(kernel.arg_names, args, strict=False)), **kwargs}
    return {**defaults, **{name: value for name, value in given.items() if name in parameters}}


def _arguments(kernel: Any, bound: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of the parameters that are left when constants are compiled in."""
    return {name: bound[name] for name, kind in kernel.src.signature.items() if kind != "constexpr" and name in bound}

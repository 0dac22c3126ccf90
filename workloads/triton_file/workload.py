"""A Triton kernel of the user's own as a workload."""

from __future__ import annotations

import functools
import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mlopt.core.errors import UserError, summary
from mlopt.core.tensors import to_numpy
from mlopt.protocols import Array, TensorSpec
from mlopt.workloads.base import FolderWorkload
from mlopt.workloads.mlir_file.workload import read_text


@dataclass(frozen=True)
class TritonFile(FolderWorkload):
    """What the Python file at `path` launches: `launch(*inputs)`, beside `inputs(**sizes)` and `reference(*inputs)`.

    The latter two make and take PyTorch tensors; the reference returns tensors of the dtypes that the launcher returns.
    `kernel` says which one to tune, of several under `triton.autotune`. See docs/triton.md.
    """

    path: str
    kernel: str | None = None
    sizes: Mapping[str, Any] | None = field(default=None, hash=False)
    """Arguments of `inputs`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", str(Path(self.path).expanduser().absolute()))

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        return self._specs[0]

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return self._specs[1]

    @property
    def flops(self) -> int:
        """One for each element of the outputs: nobody counts those of somebody else's kernel."""
        return sum(math.prod(spec.shape) for spec in self.outputs)

    @property
    def portable(self) -> Literal[True]:
        """As far as the file's own functions are."""
        return True

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {"sizes": dict(self.sizes or {})}

    def source(self, language: str) -> str:
        if language != "triton":
            raise UserError("workload=triton_file is a kernel for GPUs: choose backend=triton")
        try:
            return read_text(self.path, Path(self.path).stat().st_mtime_ns)
        except OSError as error:
            raise UserError(f"cannot read workload.path={self.path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise UserError(f"workload.path={self.path} is not a file of text") from None

    def inputs(self, rng: np.random.Generator, distribution: str) -> tuple[Array, ...]:
        """As the file makes them, from a seed drawn here; another distribution is only another seed."""
        seed = int(rng.integers(1 << 31)) ^ zlib.crc32(distribution.encode())
        return tuple(map(to_numpy, self._made(seed)))

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        with _of_the_file("reference"):
            found: tuple[Array, ...] = self._judge.exact(self._file_module, inputs)
        return found

    def tolerance(self, *inputs: Array) -> tuple[Array, ...]:
        with _of_the_file("tolerance"):
            found: tuple[Array, ...] = self._judge.allowed(self._file_module, inputs)
        return found

    def eager(self) -> Callable[..., Any]:
        function: Callable[..., Any] = self._file_module.reference
        return function

    def _made(self, seed: int) -> Sequence[Any]:
        from mlopt.backend.triton.played import Played, playing

        module = self._file_module
        with _of_the_file("inputs"), playing(Played()):  # which may be made for a GPU
            found: Sequence[Any] = self._judge.made(module, self.sizes or {}, seed)
        return found

    @property
    def _judge(self) -> Any:
        return self._module("reference")

    @property
    def _file_module(self) -> Any:
        from mlopt.backend.triton.kernel_file import source_of

        module = source_of(self).load().module
        for name in ("inputs", "reference"):
            if not callable(getattr(module, name, None)):
                raise UserError(f"{self.path} has no function {name}")
        return module

    @property
    def _specs(self) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
        return _specs(self, self.source("triton"))


@functools.lru_cache(maxsize=8)
def _specs(workload: TritonFile, text: str) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """The inputs' and outputs' shapes and dtypes, while the file has this text."""
    module = workload._file_module
    tensors = workload._made(0)
    with _of_the_file("reference"):
        results = module.reference(*(tensor.clone() for tensor in tensors))
        several = results if isinstance(results, (tuple, list)) else (results,)
        return tuple(map(_spec, tensors)), tuple(map(_spec, several))


def _spec(tensor: Any) -> TensorSpec:
    return TensorSpec(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


@contextmanager
def _of_the_file(function: str) -> Iterator[None]:
    """Within it, what the user's function raises is the user's mistake."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{function} of the kernel's file failed: {summary(error)}") from error

"""What every built-in workload shares: files in its folder, seeded inputs, bytes moved."""

from __future__ import annotations

import functools
import importlib
import math
import string
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from mlopt.core.errors import UserError
from mlopt.protocols import Array, TensorSpec

PROGRAMS = {"mlir": "payload.mlir", "triton": "kernel.py"}
"""Backend language to the file of a workload's folder that holds its program; in MLIR, a template."""

NUMPY_DTYPES = {"f32": "float32", "float32": "float32", "bf16": "bfloat16", "bfloat16": "bfloat16"}
"""A workload's `dtype`, by either name, to numpy's."""

HALF_DTYPES = {**NUMPY_DTYPES, "f16": "float16", "float16": "float16"}
"""The same where there is a program for GPUs, which compute with numbers of float16 too."""

MLIR_DTYPES = {"float32": "f32", "bfloat16": "bf16"}
"""numpy's name of a dtype to MLIR's."""


def size(*tensors: TensorSpec) -> int:
    """Bytes of all elements."""
    return sum(math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize for tensor in tensors)


class FolderWorkload(ABC):
    """A workload whose folder holds `payload.mlir`, `reference.py` (numpy alone) and `eager.py` (PyTorch).

    Subclasses are frozen dataclasses; their fields are the keys of the configuration.
    """

    far_scale: ClassVar[float] = 0.0
    """How many times as large as others inputs may be for a kernel that is right to stay so; 0 where nobody knows."""

    @property
    @abstractmethod
    def operands(self) -> tuple[TensorSpec, ...]:
        """The inputs' shapes and dtypes."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The results' shapes and dtypes."""

    @property
    def name(self) -> str:
        return _folder(type(self)).name

    @property
    def reference_files(self) -> tuple[Path, ...]:
        return (self._file("reference.py"),)

    @property
    def bytes(self) -> int:
        return size(*self.operands, *self.outputs)

    @property
    def least_flops(self) -> int:
        """What no algorithm does without: nothing that is known of all workloads."""
        return 0

    @property
    def least_bytes(self) -> int:
        """What every kernel reads or writes: outputs; inputs too where each element of them counts."""
        return size(*self.outputs)

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {}

    @property
    def placeholders(self) -> Mapping[str, object]:
        """What the payload's placeholders stand for; the configuration's keys, unless a subclass says otherwise."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]

    def source(self, language: str) -> str:
        if language == "mlir":
            return string.Template(self._file(PROGRAMS[language]).read_text()).substitute(self.placeholders)
        try:
            return self._file(PROGRAMS[language]).read_text()
        except (KeyError, StopIteration):
            raise UserError(f"workload {self.name} has no program for a backend that reads '{language}'") from None

    def inputs(self, rng: np.random.Generator, distribution: str) -> tuple[Array, ...]:
        one_of("distribution", distribution, ("normal", "uniform", "integers"))

        def real(shape: tuple[int, ...]) -> Array:
            if distribution == "integers":
                return rng.integers(-2, 2, shape, endpoint=True)
            return rng.standard_normal(shape) if distribution == "normal" else rng.random(shape)

        def draw(spec: TensorSpec) -> Array:
            if spec.dtype == "bool":
                return rng.random(spec.shape) < 0.5
            is_complex = np.issubdtype(spec.dtype, np.complexfloating)
            return (real(spec.shape) + 1j * real(spec.shape) if is_complex else real(spec.shape)).astype(spec.dtype)

        return tuple(draw(spec) for spec in self.operands)

    def far_inputs(self, rng: np.random.Generator) -> tuple[Array, ...] | None:
        """Normal ones, so many times as large; None of dtypes that end or are coarse there."""
        if not self.far_scale or any(operand.dtype != "float32" for operand in self.operands):
            return None
        return tuple(np.float32(self.far_scale) * array for array in self.inputs(rng, "normal"))

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        results: tuple[Array, ...] = self._module("reference").reference(*inputs, **self.parameters)
        return results

    def tolerance(self, *inputs: Array) -> tuple[Array, ...]:
        tolerances: tuple[Array, ...] = self._module("reference").tolerance(*inputs, **self.parameters)
        return tolerances

    def eager(self) -> Callable[..., Any]:
        function: Callable[..., Any] = self._module("eager").eager
        return functools.partial(function, **self.parameters) if self.parameters else function

    def _file(self, name: str) -> Path:
        return _folder(self._home(name)) / name

    def _module(self, name: str) -> Any:
        package = sys.modules[self._home(f"{name}.py").__module__].__package__
        return importlib.import_module(f"{package}.{name}")

    def _home(self, name: str) -> type:
        """The class in whose own folder the file of this name is: this workload's, else that of one it extends."""
        kinds = (kind for kind in type(self).__mro__ if issubclass(kind, FolderWorkload))
        return next(kind for kind in kinds if (_folder(kind) / name).is_file())


class PortableWorkload(FolderWorkload):
    """One whose reference is written with `precision.py`, so that it is computed wherever its inputs are."""

    @property
    def reference_files(self) -> tuple[Path, ...]:
        return *super().reference_files, Path(__file__).with_name("precision.py")

    @property
    def portable(self) -> Literal[True]:
        return True


def _folder(kind: type) -> Path:
    return Path(sys.modules[kind.__module__].__file__ or "").parent


def tensor(shape: Sequence[int], element: str = "f32") -> str:
    """The MLIR type of a tensor of this shape."""
    return f"tensor<{''.join(f'{size}x' for size in shape)}{element}>"


def read_as_float32(spec: TensorSpec, name: str, value: str = "") -> Mapping[str, str]:
    """Placeholders for an operand of a program that computes in float32: `type_name`, `argument_name`, `widen_name`.

    The program reads it as %value, %name unless said otherwise. That is the argument itself where it is of float32;
    else what `widen_name` makes of it.
    """
    value = value or name
    given, wide = tensor(spec.shape, _in_mlir(spec.dtype)), tensor(spec.shape)
    if given == wide:
        return {f"type_{name}": given, f"argument_{name}": f"%{value}", f"widen_{name}": ""}
    lines = _copied(f"%narrow_{value}", given, f"%{value}", wide)
    return {f"type_{name}": given, f"argument_{name}": f"%narrow_{value}", f"widen_{name}": lines}


def returned(spec: TensorSpec, name: str) -> Mapping[str, str]:
    """Placeholders for the result %name of a program that computes in float32: `narrow`, `result` and `result_type`.

    It is returned as it is, or rounded once to its dtype.
    """
    wide, wanted = tensor(spec.shape), tensor(spec.shape, _in_mlir(spec.dtype))
    if wanted == wide:
        return {"narrow": "", "result": f"%{name}", "result_type": wide}
    return {"narrow": _copied(f"%{name}", wide, "%rounded", wanted), "result": "%rounded", "result_type": wanted}


def _in_mlir(dtype: str) -> str:
    if dtype not in MLIR_DTYPES:
        raise for_gpus(dtype)
    return MLIR_DTYPES[dtype]


def for_gpus(dtype: str) -> UserError:
    """What to raise for a dtype of which there is no program in MLIR."""
    return UserError(f"there is a program for {dtype} on GPUs only, by backend=triton")


def _copied(source: str, given: str, target: str, wanted: str) -> str:
    """Lines of MLIR that convert a tensor to another element type."""
    return (
        f"{target}_empty = tensor.empty() : {wanted}\n"
        f"  {target} = linalg.copy ins({source} : {given}) outs({target}_empty : {wanted}) -> {wanted}"
    )


def positive(**sizes: int) -> None:
    """Raise UserError unless every size is a whole number of at least 1."""
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise UserError(f"workload size {name}={size!r} must be a whole number of at least 1")


def windows(extent: int, window: int, stride: int) -> int:
    """How many windows fit into an extent, `stride` apart. Raises UserError where not even one does."""
    if window > extent:
        raise UserError(f"a window of {window} does not fit into an image of {extent}, and there is no padding")
    return (extent - window) // stride + 1


def one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise UserError unless `value` is among `choices`."""
    if value not in choices:
        raise UserError(f"workload key {name}={value!r} must be one of: {', '.join(choices)}")

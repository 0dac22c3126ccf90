"""PyTorch as a baseline, as its users call it: eagerly, and through torch.compile."""

from __future__ import annotations

import ctypes
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from ..core.cores import pin_helpers, placement
from ..core.errors import UserError
from ..core.processes import mapped_files
from ..core.tensors import to_numpy, to_torch
from ..evaluator.correctness import Case
from ..evaluator.surroundings import Surroundings
from ..evaluator.timing import Call, on_the_wall
from ..executor import device
from ..protocols import Array, Inputs, Workload
from .contender import Prepared, Skipped, fresh_case, place_bytes, timed_case
from .places import Places

OPENMP = re.compile(r"lib(gomp|iomp5|omp5?)(-\w+)?\.so")
"""Names of OpenMP libraries: GCC's, of which PyPI's PyTorch has a copy, and Intel's or LLVM's, which others bring."""


@dataclass(frozen=True)
class PytorchContender:
    """The workload's eager function on `threads` threads, compiled by TorchInductor if `compiled`."""

    workload: Workload
    threads: int
    compiled: bool
    inputs: Inputs

    @property
    def name(self) -> str:
        return "torch_compile" if self.compiled else "torch"

    @property
    def preload(self) -> tuple[str, ...]:
        return ()

    def prepare(self) -> Prepared:
        if find_spec("torch") is None:
            raise Skipped("PyTorch is not installed")
        if self.compiled and not any(map(shutil.which, ("c++", "g++", "clang++"))):
            raise Skipped("there is no C++ compiler")
        function = eager(self.workload)  # before PyTorch is loaded, which takes seconds: there may be none
        import torch

        torch.set_num_threads(self.threads)
        with device.shared():
            timed = timed_case(self.workload, self.inputs)
            if self.compiled:
                function = self._compile(torch, function)
            prepared = _PreparedPytorch(self.workload, function, timed, torch.inference_mode())
        _pin(self.threads)
        return prepared

    def _compile(self, torch: Any, eager: Callable[..., Any]) -> Callable[..., Any]:
        import torch._inductor.config

        torch._inductor.config.compile_threads = 1  # a pool of compilers would outlive the compilation
        function: Callable[..., Any] = torch.compile(eager, dynamic=False, fullgraph=True)
        return function


def eager(workload: Workload) -> Callable[..., Any]:
    """What PyTorch's users write for a workload. Raises Skipped where they write nothing of the kind."""
    try:
        return workload.eager()
    except UserError as error:
        raise Skipped(str(error)) from None


def _pin(threads: int) -> None:
    """Give PyTorch's helper threads cores of their own, as our kernels' have; its OpenMP library is loaded by now."""
    for library in (path for path in mapped_files() if OPENMP.match(path.name)):
        pin_helpers(ctypes.CDLL(str(library)), placement()[:threads])


class _PreparedPytorch:
    """A function of tensors, which allocates its results itself, right on the first place's inputs.

    Enters `mode`, for as long as it exists itself: its process does nothing else.
    """

    clock = staticmethod(on_the_wall)

    def __init__(
        self, workload: Workload, function: Callable[..., Any], timed: Case, mode: AbstractContextManager[Any]
    ) -> None:
        self._mode = mode
        mode.__enter__()
        self._workload = workload
        self._function = function
        first = _PytorchPlace(function, timed)
        first.check()
        self._places = Places(first, lambda: _PytorchPlace(function, timed.moved()), place_bytes(workload, timed))
        self.surroundings = Surroundings()

    def place(self) -> _PytorchPlace:
        return self._places.next()

    def verify(self) -> None:
        with device.shared():
            for place in self._places.used:
                place.compare()
            _PytorchPlace(self._function, fresh_case(self._workload)).check()


class _PytorchPlace:
    """The function, bound to tensors on the memory of each set of a case's inputs."""

    def __init__(self, function: Callable[..., Any], case: Case) -> None:
        self._function = function
        self._case = case
        self._results: list[Any] = []
        self.calls = [self._bind(inputs) for inputs in case.sets]

    def before(self, calls: Sequence[Call]) -> Sequence[Call]:
        self._results.clear()
        return calls

    def after(self) -> None:
        """What the last call returned is looked at in the end."""

    def check(self) -> None:
        """Call the function once. Raises WrongResult."""
        self.calls[0]()
        self.compare()

    def compare(self) -> None:
        """Look at what the last call returned. Raises WrongResult."""
        (result,) = self._results
        self._case.compare(
            [to_numpy(tensor) for tensor in (result if isinstance(result, (tuple, list)) else (result,))]
        )

    def _bind(self, inputs: Sequence[Array]) -> Call:
        tensors, function, results = [to_torch(array) for array in inputs], self._function, self._results

        def call() -> None:
            results.clear()  # before, so that memory is used again as if nobody kept the result
            results.append(function(*tensors))

        return call

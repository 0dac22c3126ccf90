"""PyTorch as a baseline, as its users call it: eagerly, and through torch.compile."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..evaluator.correctness import case
from ..executor import device
from ..protocols import Workload
from .contender import SEED, Prepared, Skipped


@dataclass(frozen=True)
class PytorchContender:
    """The workload's eager function on `threads` threads, compiled by TorchInductor if `compiled`."""

    workload: Workload
    threads: int
    compiled: bool

    @property
    def name(self) -> str:
        return "torch_compile" if self.compiled else "torch"

    @property
    def preload(self) -> tuple[str, ...]:
        return ()

    def prepare(self) -> Prepared:
        try:
            import torch
        except ImportError:
            raise Skipped("PyTorch is not installed") from None
        if self.compiled and not any(map(shutil.which, ("c++", "g++", "clang++"))):
            raise Skipped("there is no C++ compiler")
        torch.set_num_threads(self.threads)
        inputs = case(self.workload, SEED, 0)
        tensors = [torch.from_numpy(array) for array in inputs.inputs]
        with device.shared(), torch.inference_mode():
            function = self._compile(torch) if self.compiled else self.workload.eager()
            results = function(*tensors)
        results = results if isinstance(results, tuple) else (results,)
        inputs.compare([result.numpy() for result in results])

        mode = torch.inference_mode()
        mode.__enter__()  # for as long as the call exists: this process does nothing else

        def call(keep: Any = mode) -> None:
            function(*tensors)

        return Prepared(call, overhead=0.0)

    def _compile(self, torch: Any) -> Callable[..., Any]:
        import torch._inductor.config

        torch._inductor.config.compile_threads = 1  # a pool of compilers would outlive the compilation
        function: Callable[..., Any] = torch.compile(self.workload.eager(), dynamic=False, fullgraph=True)
        return function

"""A kernel whose text was rewritten by somebody who need not be trusted: compiled and interpreted in a sandbox.

Its file is run there and nowhere else, and what comes back is read as plain data and arrays. What judges it (inputs,
references, the sizes that it is verified on) is that of the file as it was given.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...core.errors import CompileError, UserError, WrongResult
from ...protocols import Array, BoundedWorkload, Kernel, Workload
from ...sandbox.host import Refused, Sandbox, readable
from ...sandbox.nursery import Nursery
from .interpreter import INTERPRET, InterpretedKernel, Outcome
from .kernel_file import Source, given, verified_on
from .target import Gpu

MODULES = ("torch", "triton", "mlopt.backend.triton.ahead", "mlopt.backend.triton.cost.model", f"{__package__}.guest")


@dataclass(frozen=True)
class RewrittenProgram:
    """What a call launches, as the sandbox tells of it."""

    workload: Workload
    given: Source
    """The file as it was."""
    source: Source
    config: Mapping[str, Any]
    gpu: Gpu
    ir: str
    size: int
    metrics: Mapping[str, float]
    stage_seconds: Mapping[str, float]

    def simulate(self) -> Mapping[str, float]:
        """As it was told; raises WrongResult for a cost that no kernel can have."""
        least = least_seconds(self.workload, self.gpu)
        if self.metrics["cost"] < least:
            raise WrongResult(
                f"{self.metrics['cost']:.3g} s a call: whoever computes this needs {least:.3g} s at least"
            )
        return self.metrics

    def code_bytes(self) -> int | None:
        return self.size

    def small(self) -> Sequence[Workload]:
        return verified_on(self.given, self.config, self.workload)

    def interpreted(self) -> Iterator[tuple[Workload, Kernel]]:
        """The kernel on the sizes that the file as it was given wants it verified on."""
        with _sandbox(interpreting=True) as sandbox:
            for small in self.small():
                yield small, InterpretedKernel(_Interpreted(sandbox, self.source, self.config, given(small)))

    def load(self) -> Kernel:
        """Raises UserError: a kernel on a GPU has the memory of the process that launches it."""
        raise UserError("rewritten kernels are simulated, and never executed: choose evaluator=simulation")


def build(
    workload: Workload, original: Source, source: Source, config: Mapping[str, Any], gpu: Gpu
) -> RewrittenProgram:
    """Compile `source`, which was `original`, in a sandbox. Raises CompileError, and Failed where the sandbox ends."""
    _nursery(interpreting=True)  # imports what it needs while others compile
    start = time.perf_counter()
    request = {
        "source": asdict(source),
        "config": dict(config),
        "gpu": asdict(gpu),
        "operands": [[list(spec.shape), spec.dtype] for spec in workload.operands],
        "parameters": {**given(workload), "multiprocessors": gpu.multiprocessors},
    }
    try:
        with _sandbox(interpreting=False) as sandbox:
            found, _ = sandbox.ask("compiled", request)
    except Refused as error:
        raise CompileError(str(error).removeprefix("CompileError: ")) from None
    ir, size, metrics = found.get("ir"), found.get("code_bytes"), found.get("metrics", {})
    if not isinstance(ir, str) or type(size) is not int or not _are_numbers(metrics):
        raise CompileError("the sandbox's answer does not describe a compiled kernel")
    seconds = {"compile": time.perf_counter() - start}
    return RewrittenProgram(workload, original, source, config, gpu, ir, size, metrics, seconds)


def least_seconds(workload: Workload, gpu: Gpu) -> float:
    """What no kernel for this GPU stays below: the operations of the best algorithm, and bytes that must be moved."""
    if not isinstance(workload, BoundedWorkload):
        return 0.0
    peak = max(gpu.tensor_flops.values()) * gpu.multiprocessors * gpu.gigahertz * 1e9
    return max(workload.least_flops / peak, workload.least_bytes / gpu.l2_bytes_per_second)


def _sandbox(interpreting: bool) -> Sandbox:
    return Sandbox(_nursery(interpreting), may_start_processes=not interpreting)  # such as the assembler


@functools.cache
def _nursery(interpreting: bool) -> Nursery:
    """Of this process, and ends with it."""
    return Nursery(MODULES, {"TRITON_HOME": "{folder}", **({INTERPRET: "1"} if interpreting else {})})


@dataclass(frozen=True)
class _Interpreted:
    """Has a kernel interpreted in a sandbox."""

    sandbox: Sandbox
    source: Source
    config: Mapping[str, Any]
    parameters: Mapping[str, Any]

    def __call__(self, inputs: Sequence[Array]) -> Outcome:
        request = {"source": asdict(self.source), "config": dict(self.config), "parameters": dict(self.parameters)}
        try:
            plain, arrays = self.sandbox.ask("interpreted", request, inputs)
        except Refused as error:
            return str(error), {}
        numbers = plain.get("written", [])
        if "wrong" in plain or not isinstance(numbers, list) or len(numbers) > len(arrays):
            return readable(plain.get("wrong", "the sandbox's answer does not hold outputs")), {}
        outputs, changed = arrays[: len(arrays) - len(numbers)], arrays[len(arrays) - len(numbers) :]
        if any(type(number) is not int for number in numbers):
            return "the sandbox's answer numbers no inputs", {}
        written = dict(zip(numbers, changed, strict=True))
        if any(n not in range(len(inputs)) or inputs[n].shape != values.shape for n, values in written.items()):
            return "the sandbox's answer changes inputs that there are not", {}
        return outputs, written


def _are_numbers(found: Any) -> bool:
    """Whether these are metrics with a cost."""
    return (
        isinstance(found, dict)
        and all(isinstance(each, (int, float)) and math.isfinite(each) for each in found.values())
        and found.get("cost", 0.0) > 0.0
    )

"""A kernel whose text was rewritten by somebody who need not be trusted: compiled and interpreted in a sandbox.

Its file is run there and nowhere else, and what comes back is read as plain data and arrays. What judges it (inputs,
references, the sizes that it is verified on) is that of the file as it was given.
"""

from __future__ import annotations

import functools
import hashlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...core.errors import CompileError, UserError, WrongResult
from ...core.trial import Failed
from ...protocols import Array, BoundedWorkload, Kernel, Workload
from ...sandbox.host import Refused, Sandbox, readable
from ...sandbox.nursery import Nursery
from .interpreter import INTERPRET, InterpretedKernel, Outcome
from .kernel_file import Source, given, verified_on
from .target import Gpu

MODULES = ("torch", "triton", "mlopt.backend.triton.ahead", "mlopt.backend.triton.cost.model", f"{__package__}.guest")


MOST_FLOPS, MOST_BYTES = 5 * 10**10, 1 << 29
"""Of a call whose right results are computed within seconds, so that some of a kernel's can be looked at."""

LEAST_SHARE = 0.75
"""Of the elements that programs of the given file write, what those of a rewritten one, which may order them otherwise,
must write at least."""


@dataclass(frozen=True)
class _Exam:
    """Inputs of the size that counts, and what should come out."""

    inputs: Sequence[Array]
    expected: Sequence[Array]
    allowed: Sequence[Array]

    def wrong(self, answer: Sequence[Array]) -> tuple[int, int]:
        """How many elements were written, and how many of these are wrong; of an answer of another form, all."""
        outputs, written = answer[: len(self.expected)], answer[len(self.expected) :]
        shapes = [array.shape for array in self.expected]
        if [array.shape for array in outputs] != shapes or [array.shape for array in written] != shapes:
            return 1, 1
        count = wrong = 0
        for output, where, expected, allowed in zip(outputs, written, self.expected, self.allowed, strict=True):
            chosen = where.astype(bool)
            error = np.abs(output[chosen].astype(np.float64) - expected[chosen])
            count += int(chosen.sum())
            wrong += int((~(error <= np.broadcast_to(allowed, expected.shape)[chosen])).sum())
        return count, wrong


@functools.lru_cache(maxsize=1)
def _exam(workload: Workload) -> _Exam:
    inputs = workload.inputs(np.random.default_rng(0), "normal")
    return _Exam(inputs, workload.reference(*inputs), workload.tolerance(*inputs))


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
        """The kernel on the sizes that the file as it was given wants it verified on.

        In the end some of its programs are looked at on the size that it is meant for; raises WrongResult.
        """
        with _sandbox(interpreting=True) as sandbox:
            for small in self.small():
                yield small, InterpretedKernel(_Interpreted(sandbox, self.source, self.config, given(small)))
            self._check_at_size(sandbox)

    def _check_at_size(self, sandbox: Sandbox) -> None:
        """Raise WrongResult where some programs write what is wrong, or less than those of the file as it was given.

        A kernel could tell the size that counts from those that it is verified on, and do less there. Nothing is said
        where the given file cannot be looked at in this way, since its programs need one another's results, or where
        there is too much to compute.
        """
        workload, at = self.workload, int(hashlib.sha256(self.source.text.encode()).hexdigest()[:8], 16)
        if workload.flops > MOST_FLOPS or sum(s.nbytes for s in (*workload.operands, *workload.outputs)) > MOST_BYTES:
            return
        exam = _exam(workload)
        try:
            should, wrong = exam.wrong(self._sampled(sandbox, self.given, at, exam))
        except (Refused, Failed):  # it may take what nobody wrote for an address
            return
        if wrong or not should:
            return
        try:
            written, wrong = exam.wrong(self._sampled(sandbox, self.source, at, exam))
        except Refused as error:
            raise WrongResult(f"on the whole size: {error}") from None
        if wrong or written < LEAST_SHARE * should:
            raise WrongResult(
                f"on the whole size {wrong} of {written} elements are wrong that some programs wrote; {should} were due"
            )

    def _sampled(self, sandbox: Sandbox, source: Source, seed: int, exam: _Exam) -> Sequence[Array]:
        """Outputs, then where they were written. Raises Refused."""
        request = {
            "source": asdict(source),
            "config": dict(self.config),
            "parameters": {**given(self.workload), "multiprocessors": self.gpu.multiprocessors},
            "seed": seed,
        }
        return sandbox.ask("sampled", request, exam.inputs)[1]

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

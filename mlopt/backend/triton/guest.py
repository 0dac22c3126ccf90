"""What is done with a rewritten kernel in its sandbox: the only place where its text is run."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ...protocols import Array, TensorSpec
from .interpreter import INTERPRET, carry_out
from .kernel_file import Source
from .mended import mend
from .program import TritonProgram
from .sampled import carry_out_some
from .target import Gpu

Answer = tuple[dict[str, Any], Sequence[Array]]


def compiled(given: Mapping[str, Any], arrays: Sequence[Array]) -> Answer:
    """Compile a kernel for a GPU: its IR, the length of its code in bytes, and what a call should cost."""
    from .ahead import launches, stand_in

    source, gpu = Source(**given["source"]), Gpu(**given["gpu"])
    operands = [TensorSpec(tuple(shape), dtype) for shape, dtype in given["operands"]]
    found = launches(source.load(stand_in(gpu)), given["config"], operands, given["parameters"], gpu)
    program = TritonProgram(None, source, given["config"], found, gpu, {})  # type: ignore[arg-type]
    return {"ir": program.ir, "code_bytes": program.code_bytes(), "metrics": dict(program.simulate())}, ()


def interpreted(given: Mapping[str, Any], arrays: Sequence[Array]) -> Answer:
    """Interpret a kernel: the outputs, then the inputs that were written to, whose numbers are `written`."""
    _mended()
    outputs, written = carry_out(Source(**given["source"]), given["config"], given["parameters"], arrays)
    if isinstance(outputs, str):
        return {"wrong": outputs}, ()
    return {"written": list(written)}, [*outputs, *written.values()]


def sampled(given: Mapping[str, Any], arrays: Sequence[Array]) -> Answer:
    """Interpret some programs of a kernel that `seed` chooses: the outputs, then where they were written."""
    _mended()
    source = Source(**given["source"])
    outputs, written = carry_out_some(source, given["config"], given["parameters"], given["seed"], arrays)
    return {}, [*outputs, *written]


@functools.cache
def _mended() -> None:
    assert os.environ[INTERPRET] == "1"
    mend()

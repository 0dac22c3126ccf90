"""Turns a PyTorch module into MLIR, in a process of its own, so that whoever wants the program never loads PyTorch.

`python -m mlopt.workloads.torch_module.importer TARGET INPUTS FOLDER` prints the path of a file in FOLDER, which is
named after what it holds. Exit code 2, with one line on stderr, for a mistake of the user.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlopt.core.errors import UserError
from mlopt.core.tensors import to_numpy

AGREEMENT = 1e-6
"""Relative to the largest finite element: how far the imported program and the module, both in float64, may differ.

What is infinite or NaN in one must be just that in the other."""


def import_module(target: str, shapes: Sequence[Sequence[int]]) -> str:
    """The MLIR of a module or function for float32 inputs of these shapes; its parameters become constants.

    Raises UserError when it cannot be imported, or computes something else afterwards.
    """
    import torch
    from torch_mlir import fx

    from mlopt.backend.mlir.bindings import ir
    from mlopt.backend.mlir.payload.folding import lift
    from mlopt.workloads.torch_module.eager import load

    inputs = [torch.randn(tuple(shape)) for shape in shapes]  # all distinct: equal ones would be merged
    found = load(target)
    try:
        with torch.inference_mode():
            _tensors(found(*inputs), target)
        imported = fx.export_and_import(_as_module(found), *inputs, output_type="linalg-on-tensors")
        with imported.context as context, ir.Location.unknown(context):
            lift(imported)
        text = str(imported)
    except UserError:
        raise
    except Exception as error:  # of the module's own, or of any stage of the importer
        lines = str(error).strip().splitlines() or [type(error).__name__]
        reason = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
        raise UserError(f"workload.target={target} cannot be imported for these inputs: {reason}") from error
    _compare(text, found, inputs, target)
    return text


def _tensors(result: Any, target: str) -> Sequence[Any]:
    """What a module returned, as a sequence. Raises UserError where that is no tensors, or none."""
    import torch

    found = result if isinstance(result, (tuple, list)) else (result,)
    for each in found:
        if not isinstance(each, torch.Tensor):
            raise UserError(f"workload.target={target} returns a {type(each).__name__}; it must return tensors")
    return found


def _as_module(found: Any) -> Any:
    import torch

    if isinstance(found, torch.nn.Module):
        return found

    class Function(torch.nn.Module):
        def forward(self, *inputs: Any) -> Any:
            return found(*inputs)

    return Function()


def _compare(text: str, found: Any, inputs: Sequence[Any], target: str) -> None:
    """Raise UserError unless the program computes in float64 what the module does, where that can."""
    import torch

    from mlopt.backend.mlir.payload.given import understand
    from mlopt.workloads.mlir_file.reference import reference

    module = _as_module(found).double()
    try:
        with torch.inference_mode():
            result = module(*(x.double() for x in inputs))
    except RuntimeError:  # it insists on float32; the finals compare it with the reference anyway
        return
    computed = reference(*(x.numpy() for x in inputs), **understand(text, None, target).judge)
    for tensor, values in zip(_tensors(result, target), computed, strict=True):
        expected = to_numpy(tensor).astype(values.dtype)
        largest = np.abs(expected[np.isfinite(expected)]).max(initial=0.0)
        if not np.allclose(values, expected, rtol=0.0, atol=AGREEMENT * largest, equal_nan=True):
            raise UserError(f"workload.target={target} computes something else once it is imported")


def main(target: str, shapes: str, folder: str) -> int:
    try:
        text = import_module(target, json.loads(shapes))
    except UserError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    path = Path(folder) / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.mlir"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Every result has memory of its own: no two share it, and none is an argument's or a constant's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.bindings import ir
from mlopt.backend.mlir.naive import lower_to_loops
from mlopt.backend.mlir.payload.results import own_results
from mlopt.backend.mlir.payload.walk import operations
from mlopt.core.schedule import Schedule
from mlopt.evaluator.correctness import empty
from mlopt.search.draw import Draw
from mlopt.testing.workload import draw, within_tolerance
from mlopt.workloads.mlir_file.workload import MlirFile

COPY = "bufferization.alloc_tensor"

KINDS = {
    "r": "tensor<6x20xf32>",
    "a": "tensor<6x20xf32>",
    "again": "tensor<6x20xf32>",
    "flat": "tensor<120xf32>",
    "deep": "tensor<2x3x20xf32>",
    "part": "tensor<3x20xf32>",
    "splat": "tensor<6x20xf32>",
    "numbers": "tensor<4xf32>",
    "chosen": "tensor<6x20xf32>",
}
"""What `program` can return, and of what type."""

RETURNS = [
    ("r", "r"),
    ("r", "a"),
    ("a", "r", "a", "r"),
    ("r", "again"),
    ("r", "flat", "deep"),
    ("deep",),
    ("part",),
    ("part", "r"),
    ("part", "deep"),
    ("r", "splat", "numbers"),
    ("r", "chosen"),
]


def program(*returned: str) -> str:
    values, kinds = (", ".join(each) for each in (map("%{}".format, returned), map(KINDS.__getitem__, returned)))
    return f"""
func.func @f(%a: {KINDS["a"]}, %which: tensor<1xi32>) -> ({kinds}) {{
  %zero = arith.constant 0 : index
  %none = arith.constant 0 : i32
  %empty = tensor.empty() : {KINDS["r"]}
  %r = linalg.exp ins(%a: {KINDS["a"]}) outs(%empty: {KINDS["r"]}) -> {KINDS["r"]}
  %again = linalg.exp ins(%a: {KINDS["a"]}) outs(%empty: {KINDS["r"]}) -> {KINDS["r"]}
  %flat = tensor.collapse_shape %r [[0, 1]] : {KINDS["r"]} into {KINDS["flat"]}
  %deep = tensor.expand_shape %r [[0, 1], [2]] output_shape [2, 3, 20] : {KINDS["r"]} into {KINDS["deep"]}
  %part = tensor.extract_slice %r[2, 0] [3, 20] [1, 1] : {KINDS["r"]} to {KINDS["part"]}
  %splat = arith.constant dense<1.5> : {KINDS["splat"]}
  %numbers = arith.constant dense<[1.0, 2.0, 3.0, 5.0]> : {KINDS["numbers"]}
  %first = tensor.extract %which[%zero] : tensor<1xi32>
  %positive = arith.cmpi sgt, %first, %none : i32
  %chosen = arith.select %positive, %a, %r : {KINDS["r"]}
  return {values} : {kinds}
}}"""


@pytest.mark.parametrize("returned", RETURNS, ids="-".join)
def test_results_that_would_share_memory_are_right(tmp_path: Path, returned: tuple[str, ...]) -> None:
    (tmp_path / "program.mlir").write_text(program(*returned))
    workload, backend = MlirFile(str(tmp_path / "program.mlir")), Mlir(threads=1)
    inputs = draw(workload, "normal")
    schedules = Draw(backend.space(workload), np.random.default_rng(0))
    for schedule in (None, schedules.fresh(), schedules.fresh()):
        outputs = [empty(spec) for spec in workload.outputs]
        for output in outputs:
            output.fill(np.nan)
        backend.build(workload, schedule).load().bind(inputs, outputs)()
        assert within_tolerance(workload, inputs, outputs), schedule


def test_the_references_of_a_result_returned_twice_are_equal(tmp_path: Path) -> None:
    (tmp_path / "program.mlir").write_text(program("r", "r", "a"))
    inputs = draw(workload := MlirFile(str(tmp_path / "program.mlir")), "normal")
    one, other, argument = workload.reference(*inputs)
    np.testing.assert_allclose(one, np.exp(inputs[0].astype(np.float64)), rtol=1e-12)
    assert np.array_equal(one, other)
    assert np.array_equal(argument, inputs[0])


def test_a_result_with_memory_of_its_own_is_not_copied() -> None:
    module = ir.Module.parse(program("deep", "part", "splat"))
    own_results(module)
    own_results(module)
    (end,) = [op for op in operations(module.operation) if op.name == "func.return"]
    assert [operand.owner.name for operand in end.operands] == ["tensor.expand_shape", COPY, COPY]
    lower_to_loops(module)


def test_a_pipeline_of_passes_has_results_apart_too(tmp_path: Path) -> None:
    (tmp_path / "program.mlir").write_text(program("r", "r"))
    (tmp_path / "passes.yaml").write_text(
        "before: [{pass: one-shot-bufferize, options: {bufferize-function-boundaries: true,"
        " function-boundary-type-conversion: identity-layout-map}}, {pass: buffer-results-to-out-params, options:"
        " {hoist-static-allocs: true, modify-public-functions: true}}]\n"
        "passes: [{pass: canonicalize, optional: true}]\n"
        "after: [{pass: convert-linalg-to-loops, op: func.func}, expand-strided-metadata, lower-affine,"
        " convert-scf-to-cf, convert-math-to-libm,"
        " finalize-memref-to-llvm, convert-to-llvm, reconcile-unrealized-casts]"
    )
    workload = MlirFile(str(tmp_path / "program.mlir"))
    backend = Mlir(threads=1, pipeline_space=str(tmp_path / "passes.yaml"))
    inputs, outputs = draw(workload, "normal"), [empty(spec) for spec in workload.outputs]
    backend.build(workload, Schedule.of({"canonicalize": True})).load().bind(inputs, outputs)()
    assert within_tolerance(workload, inputs, outputs)

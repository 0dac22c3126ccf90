"""Attention by online softmax."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.bindings import ir
from mlopt.backend.mlir.payload.algorithms.online_softmax import rewrites
from mlopt.backend.mlir.payload.frontend import parse, prepare
from mlopt.backend.mlir.payload.walk import operations
from mlopt.core.schedule import Schedule
from mlopt.evaluator.correctness import case, empty
from mlopt.protocols import Workload
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.decode.workload import Decode
from mlopt.workloads.softmax.workload import Softmax

SMALL = {"heads": 2, "kv_heads": 2, "head_dim": 8}
PLAIN = Attention(**SMALL, seq=32, kv_seq=64)
WORKLOADS = (
    PLAIN,
    Attention(**SMALL, seq=32, kv_seq=64, causal=True),
    Attention(**SMALL, seq=64, kv_seq=64, causal=True, window=11),
    Attention(**SMALL, seq=32, kv_seq=96, window=40),
    Attention(heads=4, kv_heads=2, head_dim=8, seq=32, kv_seq=64, causal=True),
    Attention(**SMALL, seq=21, kv_seq=99),
    Attention(**SMALL, seq=32, kv_seq=64, dtype="bf16"),
    Decode(heads=4, kv_heads=2, kv_len=64, head_dim=8),
)


def prepared(text: str) -> ir.Module:
    module = parse(text)
    prepare(module)
    return module


def found(text: str) -> dict[Schedule, Any]:
    return dict(rewrites(prepared(text)))


@pytest.mark.parametrize("workload", WORKLOADS, ids=str)
def test_every_size_of_blocks_gives_the_right_result(workload: Workload) -> None:
    backend = Mlir(threads=1)
    space = backend.space(workload)
    online = {(hint["block_q"], hint["block_kv"]): hint for hint in space.hints() if hint.get("algorithm") == "online"}
    assert online
    inputs = case(workload, 0, 0)
    for hint in online.values():
        outputs = [empty(spec) for spec in workload.outputs]
        inputs.check(backend.build(workload, Schedule.of(hint)).load(), outputs)


def test_scores_are_only_ever_held_for_one_block() -> None:
    module = prepared(PLAIN.source("mlir"))
    rewrites(module)[Schedule.of({"algorithm": "online", "block_q": 16, "block_kv": 32})](module)
    kinds = {
        result.type
        for op in operations(module.operation)
        for result in op.results
        if isinstance(result.type, ir.RankedTensorType)
    }
    largest = max(math.prod(ir.RankedTensorType(kind).shape) for kind in kinds)
    assert largest == np.prod(PLAIN.outputs[0].shape)
    names = [op.name for op in operations(module.operation)]
    assert names.count("scf.forall") == names.count("scf.for") == 1


def test_blocks_divide_rows_and_keys() -> None:
    sizes = {tuple(path.values().values())[1:] for path in found(Attention(seq=48, kv_seq=96).source("mlir"))}
    assert sizes == {(16, 32)}
    odd = {tuple(path.values().values())[1:] for path in found(Attention(seq=21, kv_seq=99).source("mlir"))}
    assert odd == {(21, 33)}
    assert not found(Attention(seq=16, kv_seq=101).source("mlir"))


def test_a_block_has_several_rows_only_of_those_that_share_their_values() -> None:
    rows = {path.values()["block_q"] for path in found(Decode(heads=8, kv_heads=8, kv_len=64).source("mlir"))}
    assert rows == {1}
    grouped = {path.values()["block_q"] for path in found(Decode(heads=8, kv_heads=2, kv_len=64).source("mlir"))}
    assert grouped == {4}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("arith.subf %score, %most", "arith.subf %most, %score"),
        ("arith.subf %score, %most", "arith.addf %score, %most"),
        ("math.exp %below", "math.exp2 %below"),
        ("arith.maximumf", "arith.minimumf"),
        ("arith.divf %value, %total", "arith.mulf %value, %total"),
        ("%weight: f32, %total: f32):\n    %next = arith.addf", "%weight: f32, %total: f32):\n    %next = arith.mulf"),
    ],
)
def test_what_only_looks_like_attention_is_left_alone(old: str, new: str) -> None:
    text = PLAIN.source("mlir")
    assert found(text)
    assert text.count(old) == 1
    assert not found(text.replace(old, new))


def test_weights_that_are_wanted_themselves_are_kept() -> None:
    text = PLAIN.source("mlir")
    wanted = text.replace("return %out :", "return %weights, %out : tensor<1x2x32x64xf32>,")
    wanted = wanted.replace(
        ") -> tensor<1x2x32x8xf32> {\n", ") -> (tensor<1x2x32x64xf32>, tensor<1x2x32x8xf32>) {\n", 1
    )
    assert wanted != text
    assert not found(wanted)


def test_a_softmax_alone_has_no_keys_to_pass_in_blocks() -> None:
    assert not found(Softmax(64, 64).source("mlir"))


def test_weights_may_be_divided_before_they_are_multiplied() -> None:
    text = PLAIN.source("mlir")
    head, _, tail = text.partition("  %zeros_out =")
    share = """  %shares = linalg.generic {indexing_maps = [#each, #row, #each],
                              iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%weights, %sum : tensor<1x2x32x64xf32>, tensor<1x2x32xf32>) outs(%empty_scores : tensor<1x2x32x64xf32>) {
  ^bb0(%value: f32, %total: f32, %unused: f32):
    %share = arith.divf %value, %total : f32
    linalg.yield %share : f32
  } -> tensor<1x2x32x64xf32>
"""
    product = "  %zeros_out =" + tail.partition("  %out = ")[0].replace("ins(%weights,", "ins(%shares,")
    divided = f"{head}{share}{product}  return %weighted : tensor<1x2x32x8xf32>\n}}\n"
    module = prepared(divided)
    path = Schedule.of({"algorithm": "online", "block_q": 32, "block_kv": 32})
    rewrites(module)[path](module)
    assert [op.name for op in operations(module.operation)].count("scf.for") == 1


def test_a_total_that_does_not_begin_with_zero_is_not_summed_in_parts() -> None:
    text = PLAIN.source("mlir")
    total = "%zeros_rows = linalg.fill ins(%zero"
    assert text.count(total) == 1
    one = "%one = arith.constant 1.0 : f32\n  %zeros_rows = linalg.fill ins(%one"
    assert not found(text.replace(total, one))

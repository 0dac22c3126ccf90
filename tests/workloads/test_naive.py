"""The payloads compute what the references say, when they are lowered as they are written."""

from __future__ import annotations

import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.evaluator.correctness import DISTRIBUTIONS, case, empty
from mlopt.protocols import Workload
from mlopt.workloads.add.workload import Add
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.contraction.workload import Contraction
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.decode.workload import Decode
from mlopt.workloads.gelu.workload import Gelu
from mlopt.workloads.layernorm.workload import Layernorm
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.mlp.workload import Mlp
from mlopt.workloads.relu.workload import Relu
from mlopt.workloads.softmax.workload import Softmax

WORKLOADS: list[Workload] = [
    Add(shape=(3, 5, 7)),
    Relu(shape=(3, 5, 7, 2)),
    Gelu(shape=(11,)),
    Softmax(rows=5, cols=33),
    Softmax(rows=3, cols=1),
    Layernorm(rows=5, cols=33),
    Layernorm(rows=3, cols=1),
    Maxpool(n=2, c=3, h=8, w=11, k=3, stride=2),
    Conv2d(n=2, c=3, h=9, w=8, f=5, kh=3, kw=2, stride=2),
    Conv2d(n=2, c=3, h=9, w=8, f=5, kh=3, kw=2, stride=2, layout="nhwc"),
    Mlp(m=5, d_model=7, d_ff=19),
    Attention(batch=2, heads=3, kv_heads=3, seq=7, kv_seq=9, head_dim=5),
    Attention(batch=2, heads=6, kv_heads=3, seq=7, kv_seq=9, head_dim=5, causal=True),
    Attention(heads=2, kv_heads=2, seq=7, kv_seq=9, head_dim=5, causal=True, window=3),
    Attention(heads=2, kv_heads=1, seq=9, kv_seq=7, head_dim=5, window=3),
    Contraction(spec="tisj,tjk->tisk", sizes={"t": 3, "i": 5, "s": 2, "j": 7, "k": 3}),
    Contraction(spec="ab,cb->ca", sizes={"a": 3, "b": 5, "c": 7}, dtype="f32"),
    Contraction(spec="ab,ab->", sizes={"a": 3, "b": 5}),
    Decode(batch=2, heads=3, kv_heads=3, kv_len=17, head_dim=5),
    Decode(batch=2, heads=6, kv_heads=2, kv_len=17, head_dim=5),
]
"""Of small, odd sizes."""


@pytest.mark.parametrize("workload", WORKLOADS, ids=str)
def test_computes_what_the_reference_says(workload: Workload) -> None:
    kernel = Mlir().build(workload, None).load()
    outputs = [empty(spec) for spec in workload.outputs]
    for number in range(len(DISTRIBUTIONS)):
        case(workload, 0, number).check(kernel, outputs)

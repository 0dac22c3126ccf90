"""Programs of any kind compute what they should: schedules drawn uniformly, small and odd shapes."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.errors import CompileError
from mlopt.core.schedule import Schedule
from mlopt.executor.local import Local
from mlopt.protocols import Workload
from mlopt.search.draw import Draw
from mlopt.testing.backend import assert_computes
from mlopt.workloads.add.workload import Add
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.contraction.workload import Contraction
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.decode.workload import Decode
from mlopt.workloads.gelu.workload import Gelu
from mlopt.workloads.layernorm.workload import Layernorm
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.mlir_file.workload import MlirFile
from mlopt.workloads.mlp.workload import Mlp
from mlopt.workloads.softmax.workload import Softmax

PROGRAMS = Path(__file__).parent / "programs"
WORKLOADS: dict[str, Workload] = {
    "elementwise": Add(shape=(4, 5, 36)),
    "gelu": Gelu(shape=(6, 35)),
    "softmax": Softmax(rows=6, cols=35),
    "layernorm": Layernorm(rows=6, cols=35),
    "prime softmax": Softmax(rows=67, cols=35),
    "maxpool": Maxpool(n=2, c=3, h=8, w=17, k=3, stride=2),
    "dense maxpool": Maxpool(n=2, c=3, h=8, w=18, k=3, stride=1),
    "conv nchw": Conv2d(n=2, c=6, h=10, w=20, f=10, kh=3, kw=3),
    "conv nhwc": Conv2d(n=2, c=6, h=10, w=20, f=20, kh=3, kw=3, layout="nhwc"),
    "strided conv nchw": Conv2d(n=2, c=3, h=9, w=8, f=5, kh=3, kw=2, stride=2),
    "strided conv nhwc": Conv2d(n=2, c=3, h=9, w=8, f=5, kh=3, kw=2, stride=2, layout="nhwc"),
    "mlp": Mlp(m=6, d_model=10, d_ff=28),
    "attention": Attention(heads=2, kv_heads=2, seq=6, kv_seq=20, head_dim=12),
    "causal attention": Attention(heads=2, kv_heads=1, seq=7, kv_seq=9, head_dim=5, causal=True),
    "decode": Decode(heads=4, kv_heads=2, kv_len=17, head_dim=6),
    "transposed product": Contraction(spec="ab,cb->ca", sizes={"a": 6, "b": 5, "c": 14}, dtype="f32"),
    "innermost batch": Contraction(spec="abt,bct->act", sizes={"a": 5, "b": 7, "c": 9, "t": 3}, dtype="f32"),
    "complex product": Contraction(spec="tisjr,tjk->tisrk", sizes={"t": 2, "i": 5, "s": 2, "j": 3, "r": 2, "k": 7}),
    "complex vector": Contraction(spec="tis,ts->ti", sizes={"t": 3, "i": 5, "s": 2}),
    "complex numbers": Contraction(spec="a,a->", sizes={"a": 5}),
    **{path.stem: MlirFile(str(path)) for path in sorted(PROGRAMS.glob("*.mlir"))},
}
COUNT = 3
"""Schedules of each workload at each number of threads."""


def drawn(backend: Mlir, workload: Workload) -> list[Schedule]:
    draw = Draw(backend.space(workload), np.random.default_rng(backend.thread_count))
    return [schedule for schedule in (draw.fresh() for _ in range(COUNT)) if schedule is not None]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", WORKLOADS)
def test_all_that_is_drawn_compiles_and_computes_right(executor: Local, name: str, threads: int) -> None:
    backend, workload = Mlir(threads=threads), WORKLOADS[name]
    schedules = drawn(backend, workload)
    refused: list[str] = []
    assert schedules
    for schedule in schedules:
        try:
            executor.submit(functools.partial(assert_computes, backend, workload, schedule), 60).result()
        except CompileError as error:
            refused.append(f"{error} {schedule.values()}")
    assert not refused, "\n".join(refused)

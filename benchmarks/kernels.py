"""How good the kernels are that mlopt finds for the built-in workloads; see tuning.py."""

from __future__ import annotations

from typing import Any

from tuning import main

from mlopt.protocols import Workload
from mlopt.workloads.add.workload import Add
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.batch_matmul.workload import BatchMatmul
from mlopt.workloads.contraction.workload import Contraction
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.decode.workload import Decode
from mlopt.workloads.gelu.workload import Gelu
from mlopt.workloads.layernorm.workload import Layernorm
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.mlp.workload import Mlp
from mlopt.workloads.relu.workload import Relu
from mlopt.workloads.softmax.workload import Softmax

ELEMENTS = (16, 57, 57, 64)
POINTWISE: dict[str, Any] = {"n": 8, "c": 128, "h": 28, "w": 28, "f": 512, "kh": 1, "kw": 1}
QUARKS = {"t": 8, "i": 64, "s": 4, "j": 64, "r": 4, "k": 64}
MESONS = {"a": 24, "b": 24, "c": 24, "d": 24, "t": 16}

WORKLOADS: dict[str, Workload] = {
    **{f"matmul {size}": Matmul(size, size, size) for size in (256, 512, 1024, 2048)},
    "matmul 256x1536x1000": Matmul(m=256, k=1536, n=1000),
    "matmul 127x255x63": Matmul(m=127, n=255, k=63),
    "batch_matmul 16x128x128x64": BatchMatmul(b=16, m=128, n=128, k=64),
    **{f"conv2d 3x3 {layout}": Conv2d(layout=layout) for layout in ("nchw", "nhwc")},
    **{f"conv2d 1x1 {layout}": Conv2d(**POINTWISE, layout=layout) for layout in ("nchw", "nhwc")},
    "maxpool 16x64x56x56": Maxpool(),
    "add 16x57x57x64": Add(ELEMENTS),
    "relu 16x57x57x64": Relu(ELEMENTS),
    "gelu 1024x1024": Gelu((1024, 1024)),
    "softmax 1024x1024": Softmax(1024, 1024),
    "layernorm 1024x1024": Layernorm(1024, 1024),
    "mlp 512x768x3072": Mlp(512, 768, 3072),
    "attention 1x8x512x64": Attention(),
    "attention causal": Attention(causal=True),
    "decode 32x4096x128": Decode(),
    "contraction quark line, complex64": Contraction("tisjr,tjk->tisrk", QUARKS),
    "contraction mesons, float32": Contraction("tab,tbcd->tacd", MESONS, dtype="f32"),
}

if __name__ == "__main__":
    main("kernels", WORKLOADS)

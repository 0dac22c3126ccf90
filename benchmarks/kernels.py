"""How good the kernels are that mlopt finds: studies of whole workloads, PyTorch measured in the same run.

`ratio` is the best of PyTorch eager and torch.compile over ours: above 1 we win. Arguments choose rows by the beginning
of their names: `kernels.py conv2d "matmul 512"`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from report import report

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.fingerprint import available_cores
from mlopt.evaluator.execution import Execution
from mlopt.executor.local import Local
from mlopt.protocols import Budget, StudyInfo, Workload
from mlopt.search.evolve import Evolve
from mlopt.study import Study
from mlopt.tracker.none import NoTracker
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

TRIALS = 300

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


def study(name: str, workload: Workload, threads: int, folder: Path) -> dict[str, Any]:
    tags = {"workload": workload.name, "backend": "mlir", "search": "evolve", "evaluator": "execution"}
    info = StudyInfo(name, folder, {"workload": {}}, tags)
    result = Study(
        workload, Mlir(threads), Evolve(), Execution(), Local(), [NoTracker()], Budget(TRIALS), 0, info
    ).run()
    best, low_high, speedup = result["best"], result["best"]["ci95"], result["speedup"]
    pytorch = [speedup[key] for key in ("torch", "torch_compile") if key in speedup]
    return {
        "workload": name,
        "threads": threads,
        "ms": 1e3 * best["seconds"],
        "± %": 50 * (low_high[1] - low_high[0]) / best["seconds"],
        "GFLOP/s": workload.flops / best["seconds"] / 1e9,
        "over naive": speedup.get("naive", ""),
        "over torch": speedup.get("torch", ""),
        "over torch_compile": speedup.get("torch_compile", ""),
        "ratio": min(pytorch) if pytorch else "",
        "of roofline": speedup.get("roofline", ""),
        "ok %": 100 * result["counts"]["ok"] / result["trials"],
        "wall s": result["wall_seconds"],
    }


def main(chosen: Sequence[str]) -> None:
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, workload in WORKLOADS.items():
            if not chosen or name.startswith(tuple(chosen)):
                for threads in sorted({1, available_cores()}):
                    rows.append(study(name, workload, threads, Path(folder) / f"{len(rows)}"))
                    print(rows[-1], flush=True)
    report("kernels", f"Best of {TRIALS} trials with evolve", rows)
    ratios = [row["ratio"] for row in rows if row["ratio"]]
    if ratios:
        print(f"geometric mean of the ratios {geometric_mean(ratios):.3f}, the lowest {min(ratios):.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])

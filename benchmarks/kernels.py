"""How good the kernels are that mlopt finds: studies of whole workloads, PyTorch measured in the same run.

`ratio` is the best of PyTorch eager and torch.compile over ours: above 1 we win.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
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
from mlopt.workloads.batch_matmul.workload import BatchMatmul
from mlopt.workloads.matmul.workload import Matmul

TRIALS = 200

WORKLOADS: tuple[tuple[str, Workload], ...] = (
    ("matmul 256", Matmul(256, 256, 256)),
    ("matmul 512", Matmul(512, 512, 512)),
    ("matmul 1024", Matmul(1024, 1024, 1024)),
    ("matmul 127x255x63", Matmul(127, 255, 63)),
    ("batch_matmul 16x128x128x64", BatchMatmul(b=16, m=128, n=128, k=64)),
)


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
        "of roofline": speedup["roofline"],
        "wall s": result["wall_seconds"],
    }


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, workload in WORKLOADS:
            for threads in sorted({1, available_cores()}):
                rows.append(study(name, workload, threads, Path(folder) / f"{len(rows)}"))
                print(rows[-1])
    report("kernels", f"Best of {TRIALS} trials with evolve", rows)


if __name__ == "__main__":
    main()

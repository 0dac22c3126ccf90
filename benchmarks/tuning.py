"""What the benchmarks of kernels share: a study of each workload, PyTorch measured in the same run, one table.

`ratio` is the best of PyTorch eager and torch.compile over ours: above 1 we win. Arguments choose rows by the beginning
of their names: `kernels.py conv2d "matmul 512"`; `--trials` is the budget of each study. Rows are kept for as long as
mlopt is what it was: an interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

from kept import Kept, version
from report import report

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.fingerprint import available_cores
from mlopt.evaluator.execution import Execution
from mlopt.executor.local import Local
from mlopt.protocols import Budget, StudyInfo, Workload
from mlopt.search.evolve import Evolve
from mlopt.study import Study
from mlopt.tracker.none import NoTracker

TRIALS = 300


def tune(name: str, workload: Workload, threads: int, trials: int, folder: Path) -> dict[str, Any]:
    """The row of one study."""
    tags = {"workload": workload.name, "backend": "mlir", "search": "evolve", "evaluator": "execution"}
    info = StudyInfo(name, folder, {"workload": {}}, tags)
    study = Study(workload, Mlir(threads), Evolve(), Execution(), Local(), [NoTracker()], Budget(trials), 0, info)
    result = study.run()
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
        "compile p50 ms": 1e3 * median(t.compile_seconds for t in study.trials if t.compile_seconds is not None),
        "wall s": result["wall_seconds"],
    }


def main(benchmark: str, workloads: Mapping[str, Workload]) -> None:
    """Tune the workloads that the command line chooses, at one and at all threads, and report."""
    parser = argparse.ArgumentParser(description=f"Studies of {benchmark}, with PyTorch measured in the same run.")
    parser.add_argument("rows", nargs="*", help="beginnings of the names of rows; all by default")
    parser.add_argument("--trials", type=int, default=TRIALS)
    arguments = parser.parse_args()
    rows, kept = list[dict[str, Any]](), Kept(benchmark)
    with tempfile.TemporaryDirectory() as folder:
        for name, workload in workloads.items():
            if not arguments.rows or name.startswith(tuple(arguments.rows)):
                for threads in sorted({1, available_cores()}):
                    key, place = f"{version()} {arguments.trials} {threads} {name}", Path(folder) / f"{len(rows)}"
                    rows.append(kept.once(key, partial(tune, name, workload, threads, arguments.trials, place)))
                    print(rows[-1], flush=True)
    report(benchmark, f"Best of {arguments.trials} trials with evolve", rows)
    ratios = [row["ratio"] for row in rows if row["ratio"]]
    if ratios:
        print(f"geometric mean of the ratios {geometric_mean(ratios):.3f}, the lowest {min(ratios):.3f}")

"""How many executed trials the cascade saves: studies with and without it, until they are as good.

For every workload and seed, plain execution spends `--trials`; the cascade then may screen `--screened` times as many.
Counted are the programs that each has executed until it first came within `WITHIN` of plain execution's best time. What
is compared are the trials' own times, and there are no finals. All seeds and both ways share one pool of measurements
(pool.py): each machine code is timed once, so that noise favours nobody. Run it where nothing else computes.
It is meant to end within half an hour, and the last line says how long the rows took. Rows and the pool are kept in
`benchmarks/results/`: an interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from kept import Kept, minutes, version
from pool import Pooled, WithoutFinals
from report import RESULTS, report

from mlopt.backend.mlir.backend import Mlir
from mlopt.evaluator.cascade import Cascade
from mlopt.evaluator.execution import Execution
from mlopt.evaluator.simulation import Simulation
from mlopt.executor.local import Local
from mlopt.protocols import Budget, Evaluator, StudyInfo, Workload
from mlopt.search.evolve import Evolve
from mlopt.study import Study
from mlopt.tracker.none import NoTracker
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.matmul.workload import Matmul

SEEDS, TRIALS, SCREENED = 10, 150, 2
WITHIN = 1.02

WORKLOADS: Mapping[str, Workload] = {
    "matmul 512": Matmul(512, 512, 512),
    "conv2d 3x3": Conv2d(),
    "attention": Attention(),
}


def executed(workload: Workload, evaluator: Evaluator, trials: int, seed: int) -> Sequence[float]:
    """Seconds of the trials of a study that were executed, in their order."""
    tags = {"workload": workload.name, "backend": "mlir", "search": "evolve", "evaluator": "benchmark"}
    with tempfile.TemporaryDirectory() as folder:
        info = StudyInfo("cascade", Path(folder), {"workload": {}}, tags)
        judge = WithoutFinals(evaluator)
        study = Study(workload, Mlir(), Evolve(), judge, Local(), [NoTracker()], Budget(trials), seed, info)
        study.run()
    return [trial.seconds for trial in study.trials if trial.seconds is not None]


def needed(seconds: Sequence[float], goal: float) -> float:
    """How many trials it took to reach `goal`; infinite where they did not, however many more it may have taken."""
    return next((number for number, taken in enumerate(seconds, 1) if taken <= goal), float("inf"))


def row(name: str, workload: Workload, seed: int, trials: int) -> dict[str, Any]:
    exact = Pooled(Execution(), RESULTS / "cascade-pool" / version() / name)
    plain = executed(workload, exact, trials, seed)
    cascade = executed(workload, Cascade(Simulation(), exact), SCREENED * trials, seed)
    goal = WITHIN * min(plain)
    return {
        "workload": name,
        "seed": seed,
        "plain: executed until there": needed(plain, goal),
        "cascade: executed until there": needed(cascade, goal),
        "times fewer": needed(plain, goal) / needed(cascade, goal),
        "plain: executed": len(plain),
        "cascade: executed": len(cascade),
        "best of cascade over plain": min(cascade) / min(plain),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Executed trials that the cascade saves.")
    parser.add_argument("rows", nargs="*", help="beginnings of the names of rows; all by default")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--trials", type=int, default=TRIALS, help="of plain execution")
    arguments = parser.parse_args()
    rows, kept = list[dict[str, Any]](), Kept("cascade")
    for name, workload in WORKLOADS.items():
        if not arguments.rows or name.startswith(tuple(arguments.rows)):
            own = [
                kept.clocked(
                    f"{name} {seed} {arguments.trials} {version()}",
                    functools.partial(row, name, workload, seed, arguments.trials),
                )
                for seed in range(arguments.seeds)
            ]
            keys = [key for key in own[0] if key not in ("workload", "seed")]
            rows += [*own, {"workload": name, "seed": "median", **{key: median(r[key] for r in own) for key in keys}}]
            print(rows[-1], flush=True)
    # JSON knows nothing infinite.
    known = [{key: "never" if value == float("inf") else value for key, value in row.items()} for row in rows]
    report("cascade", f"Executed trials within {WITHIN:g} times the best of plain execution", known)
    print(minutes(row for row in rows if row["seed"] != "median"))


if __name__ == "__main__":
    main()

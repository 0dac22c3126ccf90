"""How well a simulated cost stands for a measured time: random schedules of ten workloads, judged by both evaluators.

For each workload: Spearman's rho of cost and seconds; the share of the fastest tenth that simulation also has among
its best tenth (`recall`); how much slower than the fastest of all is the fastest of the ten that simulation likes best
(`regret`); and how long simulating took beyond producing the IR. Arguments choose rows by the beginning of their names.

Times are kept (`kept.py`) for as long as the backend's code, its cost model aside, is what it was: what was interrupted
goes on, and a cost model that was changed is compared with them at once.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from kept import Kept, digest
from numpy.typing import NDArray
from report import report
from scipy.stats import spearmanr

import mlopt
from mlopt.backend.mlir.backend import Mlir
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status
from mlopt.evaluator.execution import Execution
from mlopt.evaluator.simulation import Simulation
from mlopt.executor.local import Local
from mlopt.protocols import Budget, Evaluator, Executor, Workload
from mlopt.runner import Outcome, TrialWork
from mlopt.search.draw import Draw
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.batch_matmul.workload import BatchMatmul
from mlopt.workloads.contraction.workload import Contraction
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.decode.workload import Decode
from mlopt.workloads.layernorm.workload import Layernorm
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.mlp.workload import Mlp
from mlopt.workloads.softmax.workload import Softmax

SCHEDULES = 300
EXECUTED = 10
"""Schedules that would be executed after simulating all."""

TIMED = 40
"""Schedules whose simulation is timed."""

PACKAGE = Path(mlopt.__path__[0])

WORKLOADS: Mapping[str, Workload] = {
    "matmul 384": Matmul(m=384, n=384, k=384),
    "batch_matmul 16x128x128x64": BatchMatmul(b=16, m=128, n=128, k=64),
    "conv2d 56x56x64 nchw": Conv2d(),
    "maxpool 16x64x56x56": Maxpool(),
    "softmax 1024x1024": Softmax(rows=1024, cols=1024),
    "layernorm 1024x1024": Layernorm(rows=1024, cols=1024),
    "mlp 128x256x1024": Mlp(m=128, d_model=256, d_ff=1024),
    "attention 4x256x64": Attention(batch=1, heads=4, kv_heads=4, seq=256, kv_seq=256, head_dim=64),
    "decode 8x1024x64": Decode(heads=8, kv_heads=8, kv_len=1024, head_dim=64),
    "contraction": Contraction("tisjr,tjk->tisrk", {"t": 4, "i": 32, "s": 4, "j": 48, "r": 4, "k": 32}, "complex64"),
}


def simulated(
    workload: Workload, schedules: Sequence[Schedule], backend: Mlir, executor: Executor
) -> list[float | None]:
    """The schedules' costs, None for those that are not valid."""
    outcomes = map(_outcome, _submitted(workload, schedules, backend, Simulation(), executor))
    return [None if found.status is not Status.OK else found.measurement.metrics["cost"] for found in outcomes]


def executed(
    kept: Kept, name: str, schedules: Sequence[Schedule], backend: Mlir, executor: Executor
) -> list[float | None]:
    """The schedules' seconds, None for those that are not valid; from what is kept, or measured now."""
    keys = [f"{name} {backend.threads} {number} {_code()}" for number in range(len(schedules))]
    missing = {key: schedule for key, schedule in zip(keys, schedules, strict=True) if key not in kept}
    futures = _submitted(WORKLOADS[name], list(missing.values()), backend, Execution(), executor)
    for key, future in zip(missing, futures, strict=True):
        found = _outcome(future)
        if found.status is not Status.OK:
            print(f"left out: {found.status} {found.error}", flush=True)
        kept.add(key, found.measurement.seconds)
    return [kept[key] for key in keys]


def _submitted(
    workload: Workload, schedules: Sequence[Schedule], backend: Mlir, evaluator: Evaluator, executor: Executor
) -> list[Future[Outcome]]:
    deadline = Budget(len(schedules)).trial_seconds
    return [
        executor.submit(TrialWork(workload, backend, evaluator, schedule, None), deadline) for schedule in schedules
    ]


@functools.cache
def _code() -> str:
    """What tells schedules and times from those of another version of the backend."""
    backend = PACKAGE / "backend" / "mlir"
    modules = [path for path in backend.rglob("*.py") if backend / "cost" not in path.parents]
    return digest(PACKAGE / "search" / "draw.py", *sorted(modules))


def _outcome(future: Future[Outcome]) -> Outcome:
    error = future.exception()
    return future.result() if error is None else Outcome(Status.of(error), error=str(error))


def simulating(workload: Workload, schedules: Sequence[Schedule], backend: Mlir) -> float:
    """CPU seconds of simulating, beyond producing the IR, that 95 % of the programs stay below."""
    taken = []
    for schedule in schedules:
        program = backend.build(workload, schedule)
        start = time.process_time()
        Simulation().evaluate(program, workload, None)
        taken.append(time.process_time() - start)
    return float(np.percentile(taken, 95))


def row(kept: Kept, name: str, threads: int, number: int, seed: int, executor: Executor) -> dict[str, Any]:
    """How well the schedules of one workload, drawn uniformly, are told apart."""
    workload, backend = WORKLOADS[name], Mlir(threads)
    draw = Draw(backend.space(workload), np.random.default_rng(seed))
    schedules = list(itertools.islice(iter(draw.fresh, None), number))
    costs = simulated(workload, schedules, backend, executor)
    times = executed(kept, name, schedules, backend, executor)
    cost, seconds = np.array([each for each in zip(costs, times, strict=True) if None not in each], float).T
    return {
        "workload": name,
        "threads": threads,
        "schedules": len(cost),
        "rho": float(spearmanr(cost, seconds).statistic),
        "recall": recall(cost, seconds),
        "regret %": 100.0 * regret(cost, seconds),
        "slowest / fastest": float(seconds.max() / seconds.min()),
        "cost / seconds": float(np.median(cost / seconds)),
        "p95 ms": 1e3 * simulating(workload, schedules[:TIMED], backend),
    }


def recall(cost: NDArray[np.float64], seconds: NDArray[np.float64]) -> float:
    """The share of the fastest tenth that is in the cheapest tenth."""
    tenth = max(1, len(cost) // 10)
    return len(set(np.argsort(cost)[:tenth]) & set(np.argsort(seconds)[:tenth])) / tenth


def regret(cost: NDArray[np.float64], seconds: NDArray[np.float64]) -> float:
    """How much longer than the fastest of all takes the fastest of the cheapest EXECUTED."""
    return float(seconds[np.argsort(cost)[:EXECUTED]].min() / seconds.min() - 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description="Simulated costs against measured times, by workload.")
    parser.add_argument("rows", nargs="*", help="beginnings of the names of rows; all by default")
    parser.add_argument("--schedules", type=int, default=SCHEDULES)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    kept = Kept("fidelity")
    executor = Local()
    executor.start((*Mlir().preload, *Execution().preload, *Simulation().preload, "mlopt.runner"))
    try:
        for seed, name in enumerate(WORKLOADS):
            if not arguments.rows or name.startswith(tuple(arguments.rows)):
                rows.append(row(kept, name, arguments.threads, arguments.schedules, seed, executor))
                print(rows[-1], flush=True)
    finally:
        executor.close()
    averages = {key: mean(each[key] for each in rows) for key in ("rho", "recall", "regret %")}
    report(
        "fidelity",
        f"{arguments.schedules} random schedules, simulated and executed",
        [
            *rows,
            {"workload": "average", **averages},
        ],
    )


if __name__ == "__main__":
    main()

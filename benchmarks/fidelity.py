"""How well a simulated cost stands for a measured time: random schedules of ten workloads, judged by both evaluators.

For each workload: Spearman's rho of cost and seconds; the share of the fastest tenth that simulation also has among
its best tenth (`recall`); how much slower than the fastest of all is the fastest of the ten that simulation likes best
(`regret`); and how long simulating took beyond producing the IR. Arguments choose rows by the beginning of their names.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from report import report
from scipy.stats import spearmanr

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status
from mlopt.evaluator.execution import Execution
from mlopt.evaluator.simulation import Simulation
from mlopt.executor.local import Local
from mlopt.protocols import Budget, Executor, Workload
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

Judged = tuple[NDArray[np.float64], NDArray[np.float64]]

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


def judge(workload: Workload, schedules: Sequence[Schedule], backend: Mlir, executor: Executor) -> Judged:
    """Costs and seconds of the schedules that both evaluators find valid."""
    deadline = Budget(len(schedules)).trial_seconds
    futures = [
        [executor.submit(TrialWork(workload, backend, evaluator, schedule, None), deadline) for schedule in schedules]
        for evaluator in (Simulation(), Execution())
    ]
    found = []
    for simulated, executed in zip(*([_outcome(future) for future in each] for each in futures), strict=True):
        if simulated.status is executed.status is Status.OK:
            found.append((simulated.measurement.metrics["cost"], executed.measurement.seconds))
        else:
            print(f"left out: {simulated.status} {simulated.error}, {executed.status} {executed.error}", flush=True)
    cost, seconds = np.array(found).T
    return cost, seconds


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


def row(name: str, threads: int, number: int, seed: int, executor: Executor) -> dict[str, Any]:
    """How well the schedules of one workload, drawn uniformly, are told apart."""
    workload, backend = WORKLOADS[name], Mlir(threads)
    draw = Draw(backend.space(workload), np.random.default_rng(seed))
    schedules = list(itertools.islice(iter(draw.fresh, None), number))
    cost, seconds = judge(workload, schedules, backend, executor)
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
    executor = Local()
    executor.start((*Mlir().preload, *Execution().preload, *Simulation().preload, "mlopt.runner"))
    try:
        for seed, name in enumerate(WORKLOADS):
            if not arguments.rows or name.startswith(tuple(arguments.rows)):
                rows.append(row(name, arguments.threads, arguments.schedules, seed, executor))
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

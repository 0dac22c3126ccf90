"""What becomes of schedules drawn uniformly from the spaces of all workloads: compiled, verified, timed by workers.

`--schedules` says how many are drawn in all, as many on one thread as on all of them; the same number draws the same
ones. Arguments choose rows by the beginning of their names. Every schedule that fails is printed. Rows are kept for as
long as mlopt's code is what it was: an interrupted run goes on where it was. It is meant to end within an hour and a
half, and the last line says how long the rows took.
"""

from __future__ import annotations

import argparse
import functools
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import kernels
import numpy as np
import programs
from kept import Kept, minutes, version
from report import report

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.fingerprint import available_cores
from mlopt.core.trial import Status
from mlopt.evaluator.execution import Execution
from mlopt.executor.local import Local
from mlopt.protocols import Budget, Executor, Workload
from mlopt.runner import Outcome, TrialWork
from mlopt.search.draw import Draw
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.mlp.workload import Mlp
from mlopt.workloads.random_program.kinds import KINDS
from mlopt.workloads.random_program.workload import RandomProgram
from mlopt.workloads.rmsnorm.workload import Rmsnorm

SCHEDULES = 2000
SLOW = ("matmul 1024", "matmul 2048")
"""What says no more than its smaller kin, and takes longer."""

VARIANTS: Mapping[str, Workload] = {
    "matmul 512, bfloat16": Matmul(512, 512, 512, dtype="bf16"),
    "mlp 512x768x3072, bfloat16": Mlp(512, 768, 3072, dtype="bf16"),
    "attention, bfloat16": Attention(dtype="bf16"),
    "attention through a window": Attention(causal=True, window=128),
    "attention with grouped heads": Attention(kv_heads=2),
    "rmsnorm 1024x1024": Rmsnorm(1024, 1024),
    **{f"random {kind}": RandomProgram(kind) for kind in KINDS},
}

WORKLOADS: Mapping[str, Workload] = {
    **{name: workload for name, workload in kernels.WORKLOADS.items() if name not in SLOW},
    **VARIANTS,
    **programs.WORKLOADS,
}


def sample(
    name: str, workload: Workload, threads: int, number: int, rng: np.random.Generator, executor: Executor
) -> dict[str, Any]:
    """The row of one workload on so many threads, from so many of its schedules."""
    backend, deadline = Mlir(threads), Budget(number).trial_seconds
    evaluator = Execution(precision=0.1, seconds=0.01)
    drawn = list(itertools.islice(iter(Draw(backend.space(workload), rng).fresh, None), number))
    works = [TrialWork(workload, backend, evaluator, schedule, None) for schedule in drawn]
    outcomes = [_outcome(future) for future in [executor.submit(work, deadline) for work in works]]
    for schedule, outcome in zip(drawn, outcomes, strict=True):
        if outcome.status is not Status.OK:
            print(f"{name}: {outcome.status}: {outcome.error}: {schedule.values()}", flush=True)
    return {"workload": name, "threads": threads, **_row(outcomes)}


def _outcome(future: Future[Outcome]) -> Outcome:
    error = future.exception()
    return future.result() if error is None else Outcome(Status.of(error), error=str(error))


def _row(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    counts = Counter(outcome.status for outcome in outcomes)
    seconds = [outcome.compile_seconds for outcome in outcomes if outcome.compile_seconds is not None]
    return {
        "schedules": len(outcomes),
        **{status.value: counts[status] for status in Status},
        "ok %": 100 * counts[Status.OK] / len(outcomes),
        **{f"compile p{p} ms": 1e3 * float(np.percentile(seconds, p)) if seconds else "" for p in (50, 95)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Statuses of schedules drawn uniformly, by workload.")
    parser.add_argument("rows", nargs="*", help="beginnings of the names of rows; all by default")
    parser.add_argument("--schedules", type=int, default=SCHEDULES)
    arguments = parser.parse_args()
    chosen = [name for name in WORKLOADS if not arguments.rows or name.startswith(tuple(arguments.rows))]
    counts = sorted({1, available_cores()})
    share = -(-arguments.schedules // (len(chosen) * len(counts)))
    rows, kept = list[dict[str, Any]](), Kept("schedules")
    executor = Local()
    executor.start((*Mlir().preload, *Execution().preload, "mlopt.runner"))
    try:
        for name, threads in itertools.product(chosen, counts):
            rng = np.random.default_rng([list(WORKLOADS).index(name), threads])
            make = functools.partial(sample, name, WORKLOADS[name], threads, share, rng, executor)
            rows.append(kept.clocked(f"{name} {threads} {share} {version()}", make))
            print(rows[-1], flush=True)
    finally:
        executor.close()
    statuses, took = [status.value for status in Status], minutes(rows)
    total = {key: sum(row[key] for row in rows) for key in ("schedules", *statuses)}
    rows.append({"workload": "all", **total, "ok %": 100 * total["ok"] / total["schedules"]})
    report("schedules", f"{total['schedules']} schedules drawn uniformly", rows)
    print(took)


if __name__ == "__main__":
    main()

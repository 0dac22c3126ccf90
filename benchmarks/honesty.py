"""Whether every planted cheat is caught and no honest kernel accused, in trials and in the finals.

Each cheat of the gallery is run `--runs` times in both. `--honest` kernels (random schedules of the smaller workloads)
take part in trials, and of each workload the naive program and PyTorch in the finals. Works run in workers, as those of
a study do. Whoever is accused and should not be is printed. Rows are kept: an interrupted run goes on where it was. It
is meant to end within 20 minutes on a quiet machine; the last line says how long the rows took.
"""

from __future__ import annotations

import argparse
import functools
import itertools
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import Any

import kernels
import numpy as np
from kept import Kept, minutes, version
from report import report

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.errors import WrongResult
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status
from mlopt.evaluator.execution import Execution
from mlopt.executor.local import Local
from mlopt.executor.worker import Worker
from mlopt.finals.contender import Contender, KernelContender, Prepare, Skipped, Turn, Verify
from mlopt.finals.pytorch import PytorchContender
from mlopt.protocols import Backend, Budget, Executor, Workload
from mlopt.runner import Outcome, TrialWork
from mlopt.search.draw import Draw
from mlopt.testing.cheats.backend import CheatingBackend
from mlopt.testing.cheats.gallery import CHEATS, NEED_SHORT_CALLS, THREADS
from mlopt.workloads.matmul.workload import Matmul

RUNS, HONEST = 10, 500
LARGE = ("matmul 1024", "matmul 2048", "mlp", "decode", "attention", "conv2d 1x1", "contraction")
"""What takes longer, and says no more than its smaller kin."""

HONEST_WORKLOADS: Mapping[str, Workload] = {
    name: workload for name, workload in kernels.WORKLOADS.items() if not name.startswith(LARGE)
}
LONG, SHORT = Matmul(512, 512, 512), Matmul(16, 16, 16)
"""What the cheats compute: a call of the first takes long enough for an answer from memory to be much faster."""

TURNS = 5
SECONDS = 120.0


def in_finals(contender: Contender) -> Exception | None:
    """Take part alone; what it was accused of."""
    worker = Worker(("numpy", "mlopt.finals.contender", *contender.preload))
    try:
        for work in (Prepare(contender), *[Turn(contender.name)] * TURNS, Verify(contender.name)):
            worker.run(work, SECONDS)  # type: ignore[arg-type]
    except Exception as error:
        return error
    finally:
        worker.close()
    return None


def in_trials(works: Iterator[TrialWork], executor: Executor) -> list[Outcome]:
    return [outcome(future) for future in [executor.submit(work, Budget(1).trial_seconds) for work in works]]


def outcome(future: Future[Outcome]) -> Outcome:
    error = future.exception()
    return future.result() if error is None else Outcome(Status.of(error), error=str(error))


def cheat_row(cheat: str, runs: int, executor: Executor) -> dict[str, Any]:
    backend, workload = CheatingBackend(Mlir(THREADS), cheat), SHORT if cheat in NEED_SHORT_CALLS else LONG
    schedule = first_schedule(backend, workload)
    trial = TrialWork(workload, backend, Execution(), schedule, None)
    outcomes = in_trials(itertools.repeat(trial, runs), executor)
    finals = [in_finals(KernelContender(cheat, backend, workload, schedule, "warm")) for _ in range(runs)]
    caught = [found for found in outcomes if found.status is Status.WRONG_RESULT]
    return {
        "kernel": cheat,
        "runs": runs,
        "caught in trials": len(caught),
        "caught in finals": sum(isinstance(error, WrongResult) for error in finals),
        "reason": caught[0].error.partition(": ")[2][:80] if caught else "",
    }


def first_schedule(backend: Backend, workload: Workload) -> Schedule:
    drawn = Draw(backend.space(workload), np.random.default_rng(0)).fresh()
    assert drawn is not None
    return drawn


def honest_row(name: str, workload: Workload, runs: int, executor: Executor) -> dict[str, Any]:
    backend, rng = Mlir(), np.random.default_rng(0)
    drawn = itertools.islice(iter(Draw(backend.space(workload), rng).fresh, None), runs)
    outcomes = in_trials((TrialWork(workload, backend, Execution(), found, None) for found in drawn), executor)
    contenders: list[Contender] = [
        KernelContender("naive", backend, workload, None, "warm"),
        PytorchContender(workload, backend.thread_count, False, "warm"),
    ]
    errors = [error for error in map(in_finals, contenders) if error is not None and not isinstance(error, Skipped)]
    for accused in (*(found.error for found in outcomes if found.status is Status.WRONG_RESULT), *errors):
        print(f"{name}: {accused}", flush=True)
    return {
        "kernel": f"honest {name}",
        "runs": len(outcomes),
        "accused in trials": sum(found.status is Status.WRONG_RESULT for found in outcomes),
        "accused in finals": len(errors),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Planted cheats that are caught, honest kernels that are accused.")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each cheat")
    parser.add_argument("--honest", type=int, default=HONEST, help="honest kernels in all")
    arguments = parser.parse_args()
    executor, rows, kept = Local(), list[dict[str, Any]](), Kept("honesty")
    number = -(-arguments.honest // len(HONEST_WORKLOADS))
    executor.start((*Mlir().preload, *Execution().preload, "mlopt.runner"))
    try:
        for cheat in CHEATS:
            make = functools.partial(cheat_row, cheat, arguments.runs, executor)
            rows.append(kept.clocked(f"{cheat} {arguments.runs} {version()}", make))
            print(rows[-1], flush=True)
        for name, workload in HONEST_WORKLOADS.items():
            make = functools.partial(honest_row, name, workload, number, executor)
            rows.append(kept.clocked(f"honest {name} {number} {version()}", make))
            print(rows[-1], flush=True)
    finally:
        executor.close()
    report("honesty", f"{len(CHEATS)} cheats, {arguments.honest} honest kernels", rows)
    print(minutes(rows))


if __name__ == "__main__":
    main()

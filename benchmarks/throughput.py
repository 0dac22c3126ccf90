"""How many trials a second: real ones on a 256x256x256 product, and what loop and searches cost by themselves."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from constrained import Constrained
from noop import NoopBackend, NoopEvaluator
from report import report

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.fingerprint import available_cores
from mlopt.core.trial import Status, Trial
from mlopt.evaluator.execution import Execution
from mlopt.executor.local import Local
from mlopt.executor.ray import Ray
from mlopt.protocols import Budget, Executor, Search, StudyContext, StudyInfo, Tracker
from mlopt.search.anneal import Anneal
from mlopt.search.evolve import Evolve
from mlopt.search.grid import Grid
from mlopt.search.random import Random
from mlopt.study import Study
from mlopt.tracker.mlflow import Mlflow
from mlopt.tracker.none import NoTracker
from mlopt.workloads.matmul.workload import Matmul

TRIALS = 200
LOOPS = 2000

TAGS = {"workload": "matmul", "backend": "mlir", "evaluator": "execution"}


def real(folder: Path, search: Search, executor: Executor, tracker: Tracker) -> dict[str, Any]:
    """A whole study; the rate is over the trials' time, from the first one's start to the last one's end."""
    names = {"search": type(search).__name__.lower(), "executor": type(executor).__name__.lower()}
    info = StudyInfo("throughput", folder, {"workload": {}}, {**TAGS, **names})
    workload = Matmul(m=256, n=256, k=256)
    Study(workload, Mlir(), search, Execution(), executor, [tracker], Budget(TRIALS), 0, info).run()
    trials = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    start = min(datetime.fromisoformat(trial["started"]) for trial in trials)
    seconds = (max(datetime.fromisoformat(trial["finished"]) for trial in trials) - start).total_seconds()
    return {
        "study": f"matmul 256, {names['search']}, {names['executor']}, {type(tracker).__name__}",
        "trials": len(trials),
        "ok": sum(trial["status"] == "ok" for trial in trials),
        "seconds": seconds,
        "trials a second": len(trials) / seconds,
        "ms a trial": 1e3 * seconds / len(trials),
    }


def loop(folder: Path, tracker: Tracker) -> dict[str, Any]:
    """The study loop around works that return at once, on one worker."""
    info = StudyInfo("loop", folder, {"workload": {}}, {**TAGS, "search": "random"})
    executor = Local(slots=1)
    executor.start(("mlopt.runner",))
    study = Study(Matmul(), NoopBackend(), Random(), NoopEvaluator(), executor, [tracker], Budget(LOOPS), 0, info)
    study.run()
    times = [datetime.fromisoformat(trial.finished) for trial in study.trials]
    seconds = (times[-1] - times[0]).total_seconds()
    return {
        "study": f"nothing to do, {type(tracker).__name__}",
        "trials": len(times),
        "ok": sum(trial.ok for trial in study.trials),
        "seconds": seconds,
        "trials a second": len(times) / seconds,
        "ms a trial": 1e3 * seconds / len(times),
    }


def own(search: Search, history: int, trials: int) -> dict[str, Any]:
    """What a search itself costs on a large space with constraints, after `history` trials."""
    search.start(Constrained(), StudyContext(np.random.default_rng(0), Budget(history + trials), slots=1))
    rng = np.random.default_rng(1)
    start = time.process_time()
    for number in range(history + trials):
        if number == history > 0:
            start = time.process_time()
        asked = search.ask(1)
        search.tell([Trial(number, schedule, Status.OK, seconds=rng.uniform(1.0, 2.0)) for schedule in asked])
    seconds = time.process_time() - start
    return {
        "study": f"{type(search).__name__.lower()} alone, 10^9 schedules, after {history} trials",
        "trials": trials,
        "ok": trials,
        "seconds": seconds,
        "trials a second": trials / seconds,
        "ms a trial": 1e3 * seconds / trials,
    }


def main() -> None:
    rows = [own(Random(), 0, 1000), *(own(search, 1000, 200) for search in (Grid(), Anneal(), Evolve()))]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = f"sqlite:///{folder}/mlflow.db"
        for number, tracker in enumerate((NoTracker(), Mlflow(store, "throughput"))):
            rows.append(loop(folder / f"loop{number}", tracker))
        studies: Sequence[tuple[Search, Executor, Tracker]] = (
            (Random(), Local(), NoTracker()),
            (Evolve(), Local(), Mlflow(store, "throughput")),
            (Evolve(), Ray(), Mlflow(store, "throughput")),
        )
        for number, (search, executor, tracker) in enumerate(studies):
            rows.append(real(folder / f"real{number}", search, executor, tracker))
    report("throughput", f"Throughput on {available_cores()} cores", rows)


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"took {time.monotonic() - started:.0f} s")

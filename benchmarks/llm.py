"""Search by a language model, on MLIR with real execution: `make bench-llm`, for an hour.

Models are scripted (`scripted_models.py`), and asked over HTTP. For every workload and seed:

- an expert (`expert_rules.py`), who sees the prompt's text and nothing else, which does not say here where the space
  would begin, has a fifth of the trials that `bayes` has with its defaults;
- a model that answers with legal schedules at random, the rules that step in where there is no model, and random search
  have half of them.

All share one pool of measurements (`pool.py`). The best schedules of all meet in one interleaved run, whose times are
what is told. Differences from random search are tested by permutation within each pair of a workload and a seed. Rows
and the pool are kept in `benchmarks/results/`: an interrupted run goes on where it was. Run it where nothing else
computes.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from math import log
from pathlib import Path
from statistics import geometric_mean
from typing import Any

import numpy as np
from expert_rules import expert
from kept import Kept, minutes, version
from pool import Pooled, WithoutFinals
from report import RESULTS, report
from scripted_models import careless
from strategies import WORKLOADS, chosen

from mlopt.backend.mlir.backend import Mlir
from mlopt.compare.significance import permutation_p
from mlopt.core.fingerprint import digest, hardware
from mlopt.core.schedule import Schedule
from mlopt.evaluator.execution import Execution
from mlopt.executor.local import Local
from mlopt.finals.contender import KernelContender
from mlopt.finals.interleaved import measure
from mlopt.protocols import Budget, Search, StudyInfo
from mlopt.search.bayes import Bayes
from mlopt.search.llm.endpoint import Endpoint
from mlopt.search.llm.search import Llm
from mlopt.search.random import Random
from mlopt.study import Study
from mlopt.testing.models import Server, closed_port
from mlopt.tracker.none import NoTracker

SEEDS, TRIALS = 5, 100
PROPOSALS = 5
"""Of the expert in one answer."""

CLAIMS = {
    "expert over bayes": ("expert model", "bayes"),
    "random model over random": ("random model", "random"),
    "rules over random": ("rules alone", "random"),
}
"""Whose times are divided by whose; below 1 the first one's kernels are faster."""


def found(search: Search, workload: str, seed: int, trials: int) -> Schedule:
    """The best schedule of a study."""
    tags = {"workload": workload, "backend": "mlir", "search": "llm", "evaluator": "benchmark"}
    judge = WithoutFinals(Pooled(Execution(), RESULTS / "llm-pool" / version() / workload))
    with tempfile.TemporaryDirectory() as folder:
        info = StudyInfo("llm", Path(folder), {"workload": {}}, tags)
        parts = WORKLOADS[workload], Mlir(), search, judge, Local(), [NoTracker()]
        study = Study(*parts, Budget(trials), seed, info)
        study.run()
    assert study.best is not None
    return study.best.schedule


def schedules(workload: str, seed: int, trials: int) -> Iterator[tuple[str, Schedule]]:
    """The best of each method."""
    few, half = trials // 5, trials // 2
    with closing(Server(expert)) as server:
        model = Llm(Endpoint(server.url, "expert"), proposals=PROPOSALS, hints=False)
        yield "expert model", found(model, workload, seed, few)
    yield "bayes", found(Bayes(), workload, seed, trials)
    with closing(Server(careless(Mlir().space(WORKLOADS[workload]), seed))) as server:
        yield "random model", found(Llm(Endpoint(server.url, "random"), hints=False), workload, seed, half)
    yield "rules alone", found(Llm(Endpoint(closed_port(), "nobody")), workload, seed, half)
    yield "random", found(Random(), workload, seed, half)


def row(workload: str, seed: int, trials: int) -> dict[str, Any]:
    """Milliseconds of each method's best, timed in turns, and what is claimed of them."""
    best = dict(schedules(workload, seed, trials))
    contenders = [KernelContender(name, Mlir(), WORKLOADS[workload], best[name], "warm") for name in best]
    courses, absent = measure(contenders, np.random.default_rng(seed))
    for name, error in absent.items():
        raise RuntimeError(f"the best schedule of {name} cannot be timed") from error
    taken = {name: 1e3 * course.estimate.seconds for name, course in courses.items()}
    return {"workload": workload, "seed": seed, **taken, **{c: taken[a] / taken[b] for c, (a, b) in CLAIMS.items()}}


def means(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Geometric means over studies, and how probable the ratios would be if there was no difference."""
    rng = np.random.default_rng(0)
    ratios = {claim: [each[claim] for each in rows] for claim in CLAIMS}
    found = {claim: geometric_mean(each) for claim, each in ratios.items()}
    ps = {f"p, {c}": permutation_p([([log(r)], [0.0]) for r in each], rng) for c, each in ratios.items()}
    return {"workload": name, "seed": "all", **found, **ps}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rows", nargs="*", help="beginnings of workloads' names; all by default")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--trials", type=int, default=TRIALS, help="of bayes; a multiple of 10")
    call = parser.parse_args()
    rows, kept, machine = list[dict[str, Any]](), Kept("llm"), digest(hardware())
    for workload in chosen(call.rows, WORKLOADS):
        for seed in range(call.seeds):
            key = f"{workload} {seed} {call.trials} {version()} {machine}"
            rows.append(kept.clocked(key, functools.partial(row, workload, seed, call.trials)))
            print(rows[-1], flush=True)
    names = list(dict.fromkeys(each["workload"] for each in rows))
    summary = [means(name, [each for each in rows if each["workload"] == name]) for name in names]
    title = f"Milliseconds of the best kernel: expert {call.trials // 5} trials, bayes {call.trials}, others half of it"
    report("llm", title, [*rows, *summary, means("all", rows)])
    print(minutes(rows))


if __name__ == "__main__":
    main()

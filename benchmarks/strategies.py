"""Every search against random search, on MLIR with real execution: `make bench-strategies`, for hours.

For each seed and workload, the searches follow one another, each with its defaults, without the space's hints, and
with 200 trials, so that a machine that drifts is the same for those that are compared. Scores are those of
`mlopt.compare.score` (0 is random search, estimated from its studies here; 1 the best of all at once). A search is
tested against random search by permutation within each pair of a workload and a seed, with Holm's correction over the
searches. Finished studies are kept in `benchmarks/results/strategies.jsonl` until the search, or what tries its
schedules, changes; the table is printed after each seed. Run it where nothing else computes.

    strategies.py evolve ppo --policy default --workload matmul --workload conv2d --workload softmax --workload att
    strategies.py ppo --trials 500 --seeds 10 --workload matmul --workload conv2d

compare a policy that was trained before with `evolve`, in pairs of a workload and a seed, and one that begins fresh
with random search.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, geometric_mean
from typing import Any

import numpy as np
from kept import Kept, version
from kept import digest as file_digest
from ours import code, ours
from report import report

from mlopt.backend.mlir.backend import Mlir
from mlopt.compare.record import StudyRecord
from mlopt.compare.score import mean_interval
from mlopt.compare.significance import holm, permutation_p
from mlopt.compare.yardsticks import RANDOM, yardsticks
from mlopt.core.fingerprint import digest, hardware
from mlopt.evaluator.execution import Execution
from mlopt.executor.local import Local
from mlopt.protocols import Budget, Search, StudyInfo, Workload
from mlopt.search.ppo.policy import DEFAULT
from mlopt.study import Study
from mlopt.tracker.none import NoTracker
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.softmax.workload import Softmax

SEEDS, TRIALS = 5, 200
SEARCHES = (RANDOM, "grid", "anneal", "evolve", "bayes", "hybrid", "optuna", "ppo", "llm")
"""A language model is asked where one answers at the address in its configuration; else these are an expert's rules."""
WORKLOADS: Mapping[str, Workload] = {"matmul": Matmul(512, 512, 512), "conv2d": Conv2d(), "attention": Attention()}
FURTHER: Mapping[str, Workload] = {"softmax": Softmax()}
"""Those that are looked at when they are named."""
TRAINED = "ppo from "
"""Begins the name of a search by a policy that was trained before; its own name, or its file, follows."""
PAIRED = "evolve"
"""What others are compared with in pairs, beside random search."""

Runs = dict[tuple[str, str, int], dict[str, Any]]
"""What is known of a study, by search, workload and seed."""


def made_of(search: str) -> Search:
    """The search of this name, with its defaults."""
    return ours("ppo", policy=search.removeprefix(TRAINED)) if search.startswith(TRAINED) else ours(search)


def told_apart(search: str) -> str:
    """What changes with a search's code, and with the policy that it begins with."""
    if not search.startswith(TRAINED):
        return code(search)
    name = search.removeprefix(TRAINED)
    return f"{code('ppo')} {file_digest(DEFAULT if name == 'default' else Path(name).expanduser())}"


def studied(search: str, workload: str, seed: int, trials: int) -> dict[str, Any]:
    """The objectives of a study's trials, None for a failure, and its best kernel's seconds in the final run."""
    tags = {"workload": workload, "backend": "mlir", "search": search, "evaluator": "execution"}
    with tempfile.TemporaryDirectory() as folder:
        info = StudyInfo("strategies", Path(folder), {"workload": {}}, tags)
        study = Study(
            {**WORKLOADS, **FURTHER}[workload],
            Mlir(),
            made_of(search),
            Execution(seed),
            Local(),
            [NoTracker()],
            Budget(trials),
            seed,
            info,
        )
        result = study.run()
    return {"objectives": [trial.objective for trial in study.trials], "best": result["best"]["seconds"]}


def table(runs: Runs) -> list[dict[str, Any]]:
    """A row a search, over the workloads and seeds that all of them have finished."""
    searches, workloads, seeds = (list(dict.fromkeys(key[part] for key in runs)) for part in range(3))
    seeds = [seed for seed in seeds if all((s, w, seed) in runs for s in searches for w in workloads)]
    if not seeds:
        return []
    scores: dict[str, dict[str, list[float]]] = {search: {} for search in searches}
    rng = np.random.default_rng(0)
    for workload in workloads:
        records = {key: _record(key, run) for key, run in runs.items() if key[1] == workload and key[2] in seeds}
        stick, *_ = yardsticks(list(records.values()), rng).sticks
        for search in searches:
            scores[search][workload] = [stick.score(records[search, workload, seed].objectives) for seed in seeds]
    others = [search for search in searches if search != RANDOM]
    pairs = list(itertools.product(workloads, range(len(seeds))))
    ps = [permutation_p([([scores[s][w][i]], [scores[RANDOM][w][i]]) for w, i in pairs], rng) for s in others]
    tested = dict(zip(others, zip(ps, holm(ps), strict=True), strict=True))
    rows = []
    for search in searches:
        low, high = mean_interval(list(scores[search].values()), rng)
        p, corrected = tested.get(search, ("", ""))
        faster = [runs[RANDOM, w, s]["best"] / runs[search, w, s]["best"] for w in workloads for s in seeds]
        rows.append(
            {
                "search": search,
                "score": fmean(map(fmean, scores[search].values())),
                "ci95": f"({low:.2f} to {high:.2f})",
                "p": p,
                "p (Holm)": corrected,
                **paired(search, scores, pairs, rng),
                "best kernel, times faster": geometric_mean(faster),
                **{workload: fmean(own) for workload, own in scores[search].items()},
                "seeds": len(seeds),
            }
        )
    return rows


def paired(
    search: str,
    scores: Mapping[str, Mapping[str, Sequence[float]]],
    pairs: Sequence[tuple[str, int]],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """By how much a search's scores are higher than those of PAIRED, and how likely that is by chance."""
    if search in (RANDOM, PAIRED) or PAIRED not in scores:
        return {}
    both = [(scores[search][w][i], scores[PAIRED][w][i]) for w, i in pairs]
    p = permutation_p([([own], [other]) for own, other in both], rng)
    return {f"over {PAIRED}": fmean(own - other for own, other in both), f"p ({PAIRED})": p}


def _record(key: tuple[str, str, int], run: Mapping[str, Any]) -> StudyRecord:
    search, workload, seed = key
    return StudyRecord(
        folder=Path(),
        search=search,
        settings={},
        problem={"workload": workload},
        seed=seed,
        budget={},
        machine={},
        objectives=run["objectives"],
        cached=0,
        best=run["best"],
    )


def chosen(names: Sequence[str], among: Sequence[str]) -> list[str]:
    return [name for name in among if name.startswith(tuple(names) or "")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("searches", nargs="*", help="beginnings of names, compared with random search; all by default")
    parser.add_argument("--workload", action="append", default=[], help="beginning of a name; all by default")
    parser.add_argument("--policy", action="append", default=[], help="a trained policy, which is a search of its own")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--trials", type=int, default=TRIALS, help="of each study")
    call = parser.parse_args()
    searches = [RANDOM, *chosen(call.searches, SEARCHES[1:]), *(f"{TRAINED}{policy}" for policy in call.policy)]
    workloads = chosen(call.workload, [*WORKLOADS, *(FURTHER if call.workload else ())])
    kept, runs = Kept("strategies"), Runs()
    # What tries and times schedules; a search is told from its other versions by itself.
    tried_by = f"{version('search')} {digest(hardware())}"
    for seed, workload, search in itertools.product(range(call.seeds), workloads, searches):
        name = f"{search} {told_apart(search)} {workload} {seed} {call.trials} {tried_by}"
        if name not in kept:
            kept.add(name, studied(search, workload, seed, call.trials))
        runs[search, workload, seed] = kept[name]
        print(seed, workload, search, f"{1e3 * runs[search, workload, seed]['best']:.4g} ms", flush=True)
        if len(runs) % (len(workloads) * len(searches)) == 0:
            report("strategies", f"Searches on MLIR, {call.trials} trials, {seed + 1} seeds", table(runs))


if __name__ == "__main__":
    main()

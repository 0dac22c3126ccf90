"""Searches on recorded spaces, ours and the field's, in one run: `make bench-search`.

Scores are those of `mlopt.compare.score`, with 95 % bootstrap intervals: 0 is random search, 1 the optimum at once. A
configuration that a peer evaluates again counts again; "repeats free" says what it reaches when it goes on until as
many different ones were evaluated. "Behind ours" is how far a method is behind the best of ours, on that space where it
is farthest. Arguments choose methods by the beginning of their names; `--seeds`, `--space` and `--data` do less, or
other spaces.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import lru_cache, partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from kept import Kept, digest
from ours import code, ours
from peers import KERNEL_TUNER, OPTUNA, kernel_tuner, optuna_sampler
from report import report

from mlopt.backend.recorded.record import read
from mlopt.backend.recorded.space import RecordedSpace
from mlopt.compare.score import Yardstick, interval, mean_interval
from mlopt.core.errors import UserError
from mlopt.core.fingerprint import available_cores
from mlopt.plugins import BUILT_IN
from mlopt.protocols import Budget, Search, StudyContext

DATA = Path(__file__).parents[2] / "shared" / "data" / "t4"
SEEDS = 25
HISTORY = 1000
TIMED = 50
"""Trials over which the own time of a search is averaged, after `HISTORY`."""

Work = Callable[[Path, str, int], dict[str, float]]
"""What is done of a record, a method and a seed."""
Scores = Mapping[str, list[dict[str, float]]]
"""The runs of a method by space, one for each seed."""

OURS = ("random", "grid", "anneal", "evolve", "bayes", "hybrid", "optuna")


@lru_cache(maxsize=1)
def space_of(path: Path) -> tuple[RecordedSpace, Yardstick]:
    space = RecordedSpace(read(path))
    return space, Yardstick.of([trial.objective for trial in space.trials.values() if trial.objective is not None])


def drive(search: Search, space: RecordedSpace, trials: int, seed: int) -> Iterator[tuple[float | None, float]]:
    """The objective of each trial, and the seconds that the search took for it, as in a study with one slot."""
    search.start(space, StudyContext(np.random.default_rng(seed), Budget(trials), 1))
    for _ in range(trials):
        started = time.process_time()
        proposed = search.ask(1)
        asked = time.process_time() - started
        if not proposed:
            return
        trial = space.trials[proposed[0]]
        started = time.process_time()
        search.tell([trial])
        yield trial.objective, asked + time.process_time() - started


def run(path: Path, method: str, seed: int) -> dict[str, float]:
    """The score of one search of one space; `method` is a source and a name."""
    space, yardstick = space_of(path)
    source, name = method.split(" ", 1)
    if source == "mlopt":
        objectives = [objective for objective, _ in drive(ours(name), space, yardstick.budget, seed)]
        return {"score": yardstick.score(objectives)}
    peer: Callable[..., list[Any]] = kernel_tuner if source == "kernel_tuner" else optuna_sampler
    evaluated = peer(space, name, yardstick.budget, seed)
    fresh = dict.fromkeys(evaluated)
    return {
        "score": yardstick.score([space.trials[schedule].objective for schedule in evaluated]),
        "repeats free": yardstick.score([space.trials[schedule].objective for schedule in fresh]),
    }


def own_ms(path: Path, method: str, seed: int) -> dict[str, float]:
    """Milliseconds a trial that a search of ours takes for itself over its last trials, and how many came before."""
    space, _ = space_of(path)
    seconds = [own for _, own in drive(ours(method.removeprefix("mlopt ")), space, HISTORY + TIMED, seed)]
    return {"own ms": 1e3 * fmean(seconds[-TIMED:]), "after trials": max(0, len(seconds) - TIMED)}


def size(path: Path) -> dict[str, Any]:
    """How many configurations a record has, or why no searches are compared on it."""
    try:
        return {"configurations": len(space_of(path)[0].trials)}
    except UserError as error:
        return {"fault": str(error)}


def size_of(kept: Kept, path: Path, pool: Executor) -> dict[str, Any]:
    """The same, from what is kept or found out now."""
    found: dict[str, Any] = kept.once(f"size {path.name} {digest(path)}", lambda: pool.submit(size, path).result())
    return found


def version_of(method: str) -> str:
    """What tells the runs of a method from those of another version of it."""
    source, name = method.split(" ", 1)
    return code(name) if source == "mlopt" else f"{version(source)} {digest(Path(__file__).with_name('peers.py'))}"


def runs(kept: Kept, work: Work, path: Path, method: str, seeds: int, pool: Executor) -> list[dict[str, float]]:
    """What `work` says of each seed, from what is kept or done now."""
    name = f"{work.__name__} {method} {version_of(method)} {path.name} {digest(path)}"
    missing = [seed for seed in range(seeds) if f"{name} {seed}" not in kept]
    for seed, result in zip(missing, pool.map(partial(work, path, method), missing), strict=True):
        kept.add(f"{name} {seed}", result)
    return [kept[f"{name} {seed}"] for seed in range(seeds)]


def row(method: str, scores: Scores, own: str) -> dict[str, Any]:
    """One method: its mean over the spaces first, then each space."""
    rng = np.random.default_rng(0)
    each = {space: [run["score"] for run in runs] for space, runs in scores.items()}
    low, high = mean_interval(list(each.values()), rng)
    result: dict[str, Any] = {"method": method, "score": fmean(map(fmean, each.values())), "ci95": span(low, high)}
    free = [fmean(run["repeats free"] for run in runs) for runs in scores.values() if "repeats free" in runs[0]]
    result["repeats free"] = fmean(free) if free else ""
    result["own ms"] = own
    for space, values in each.items():
        result[space] = f"{fmean(values):.2f} {span(*interval(values, rng))}"
    return result


def behind(scores: Mapping[str, Scores]) -> dict[str, float]:
    """For each method the most that its mean on one space lacks to the best mean of ours there."""
    means = {
        method: {space: fmean(run["score"] for run in runs) for space, runs in each.items()}
        for method, each in scores.items()
    }
    mine = [each for method, each in means.items() if method.startswith("mlopt")]
    return {
        method: max(max((own[space] for own in mine), default=math.nan) - mean for space, mean in each.items())
        for method, each in means.items()
    }


def own_time(own: Mapping[str, float]) -> str:
    """In milliseconds; where a space is too small for it to be that after `HISTORY` trials, it says after how many."""
    short = own["after trials"] < HISTORY
    return f"{own['own ms']:.3g}" + (f" after {own['after trials']}" if short else "")


def span(low: float, high: float) -> str:
    return f"({low:.2f} to {high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("methods", nargs="*", help='beginnings of names, such as "mlopt" or "optuna tpe"; else all')
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--space", action="append", default=[], help="beginning of a file's name; all by default")
    parser.add_argument("--data", type=Path, default=DATA, help="a folder of T4 files")
    parser.add_argument("--processes", type=int, default=available_cores())
    arguments = parser.parse_args()
    paths = [p for p in sorted(arguments.data.glob("*.json*")) if p.name.startswith(tuple(arguments.space) or "")]
    if not paths:
        parser.exit(2, f"no T4 files in {arguments.data}: give their folder with --data\n")
    available = [name for name in OURS if (BUILT_IN.conf / "search" / f"{name}.yaml").exists()]
    methods = [f"mlopt {name}" for name in available]
    methods += [f"kernel_tuner {name}" for name in KERNEL_TUNER] + [f"optuna {name}" for name in OPTUNA]
    methods = [method for method in methods if method.startswith(tuple(arguments.methods) or "")]
    rows, scores = [], dict[str, Scores]()
    kept = Kept("search")
    # One thread a process, since it is the processes that use the cores; each reads that when it imports numpy anew.
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool:
        sizes = {path: size_of(kept, path, pool) for path in paths}
        for path in [path for path, known in sizes.items() if "fault" in known]:
            print(f"{path.name} is left out: {sizes.pop(path)['fault']}", flush=True)
        if not sizes:
            parser.exit(2, "no space is left to compare searches on\n")
        largest = max(sizes, key=lambda path: sizes[path]["configurations"])
        for method in methods:
            # A space after the other, so that each process reads each file once a method.
            each = {path.name.split(".")[0]: runs(kept, run, path, method, arguments.seeds, pool) for path in sizes}
            scores[method] = each
            mine = method.startswith("mlopt")
            own = own_time(runs(kept, own_ms, largest, method, 1, pool)[0]) if mine else ""
            rows.append(row(method, each, own))
            print(rows[-1], flush=True)
    for made, most in zip(rows, behind(scores).values(), strict=True):
        made["behind ours"] = most
    report("search", f"Searches on recorded spaces, {arguments.seeds} seeds", rows)


if __name__ == "__main__":
    main()

"""How far mlopt's measuring can be trusted, and what it costs; wants a machine on which nothing else runs.

Three tables: trials' times against a fixed 50 repetitions (effort.py), by the time that they take and the ranking that
they give, over `--schedules` schedules of each workload; the order of finalists that differ by more than 2 %, in
`--finals` repeated finals; a kernel against its twin, and against one slowed by 3 %, `--comparisons` of each in all.
Rows are kept, and so is each comparison: an interrupted run goes on where it was. It is meant to end within an
hour on a quiet machine (a comparison or a final times for 20 seconds at most); the last line says how long it took.
"""

from __future__ import annotations

import argparse
import functools
import itertools
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np
from effort import Effort
from kept import TOOK, Kept, minutes, version
from report import report
from scipy.stats import spearmanr

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.schedule import Schedule
from mlopt.executor.worker import Worker
from mlopt.finals.against_itself import against_itself
from mlopt.finals.contender import KernelContender
from mlopt.finals.interleaved import measure
from mlopt.protocols import Workload
from mlopt.search.vary import Vary
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.layernorm.workload import Layernorm
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.softmax.workload import Softmax

WORKLOADS: dict[str, Workload] = {
    "matmul 256": Matmul(256, 256, 256),
    "softmax 512x512": Softmax(512, 512),
    "layernorm 512x512": Layernorm(512, 512),
    "conv2d 28x28": Conv2d(c=16, h=28, w=28, f=16),
}
SLOWDOWN, APART = 0.03, 0.02
FINALISTS = 5
LOCAL = 0.4
"""As in `search.evolve`: schedules are varied as there, from the space's first hint."""
DEADLINE_SECONDS = 120.0


def hinted(workload: Workload, rng: np.random.Generator) -> Schedule:
    space = Mlir().space(workload)
    return Vary(space, rng).repair(space.hints()[0])


def against_itself_row(name: str, number: int, kept: Kept) -> dict[str, Any]:
    """How often a winner is called over a twin, which is an error, and over one that was slowed, where it is due.

    Comparisons are kept, each with its own schedule: an interrupted run goes on where it was.
    """
    found = [
        kept.clocked(f"{name} {seed} {version()}", functools.partial(compared, name, seed)) for seed in range(number)
    ]
    same, slowed = (np.array([row[key] for row in found]) for key in ("ratio", "ratio of slowed"))
    return {
        "workload": name,
        "comparisons": number,
        "winners over a twin": sum(row["winner"] is not None for row in found),
        f"winners over one slowed by {SLOWDOWN:.0%}": sum(row["winner over slowed"] == 0 for row in found),
        "median ratio": float(np.median(same)),
        "deviation of ratios": float(np.std(same)),
        "median ratio of slowed": float(np.median(slowed)),
        TOOK: sum(row[TOOK] for row in found),
    }


def compared(name: str, seed: int) -> dict[str, Any]:
    """A kernel against itself, once."""
    rng = np.random.default_rng(seed)
    contender = KernelContender("", Mlir(), WORKLOADS[name], hinted(WORKLOADS[name], rng), "warm")
    same, slowed = against_itself(contender, rng, SLOWDOWN)
    return {
        "winner": same.winner,
        "ratio": same.ratio,
        "winner over slowed": slowed.winner,
        "ratio of slowed": slowed.ratio,
    }


def effort(name: str, schedules: int) -> dict[str, Any]:
    """The row of one workload, and under `fastest` what its FINALISTS fastest schedules decide."""
    workload, best, rng = WORKLOADS[name], None, np.random.default_rng(0)
    vary, parent = Vary(Mlir().space(workload), rng), hinted(workload, rng)
    drawn = [vary.mutate(parent, int(rng.integers(1, 4)), LOCAL) for _ in range(schedules)]
    found: list[tuple[dict[str, float], Schedule]] = []
    with closing(Worker(("effort", *Mlir().preload))) as worker:
        for number, schedule in enumerate(drawn):
            row = worker.run(Effort(workload, schedule, best, number % 2 == 0), DEADLINE_SECONDS)
            found.append((row, schedule))
            best = row["trial"] if best is None else min(best, row["trial"])
    columns = {key: np.array([row[key] for row, _ in found]) for key in found[0][0]}
    fastest = sorted(found, key=lambda pair: pair[0]["truth"])[:FINALISTS]
    return {
        "workload": name,
        "schedules": schedules,
        "fastest": [schedule.values() for _, schedule in fastest],
        **{f"{way} ms": 1e3 * float(columns[f"{way} took"].mean()) for way in ("trial", "fixed")},
        "time spent": float(columns["trial took"].sum() / columns["fixed took"].sum()),
        **{f"rho {way}": float(spearmanr(columns[way], columns["truth"]).statistic) for way in ("trial", "fixed")},
        **{f"regret {way}": _regret(columns[way], columns["truth"]) for way in ("trial", "fixed")},
    }


def _regret(seconds: np.ndarray[Any, Any], truth: np.ndarray[Any, Any]) -> float:
    """How much slower than the fastest is what these times say is the fastest."""
    return float(truth[seconds.argmin()] / truth.min() - 1.0)


def order(name: str, schedules: Sequence[Schedule], number: int) -> dict[str, Any]:
    """How often repeated finals put the fastest schedules in one order, but for those that hardly differ."""
    rng = np.random.default_rng(0)
    contenders = [KernelContender(str(i), Mlir(), WORKLOADS[name], s, "warm") for i, s in enumerate(schedules)]
    finals = []
    for _ in range(number):
        courses, _ = measure(contenders, rng)
        finals.append({contender: course.estimate.seconds for contender, course in courses.items()})
    typical = {key: float(np.median([final[key] for final in finals if key in final])) for key in finals[0]}
    pairs = [(a, b) for a, b in itertools.permutations(typical, 2) if typical[b] > (1.0 + APART) * typical[a]]
    agreed = sum(all(final[a] < final[b] for a, b in pairs) for final in finals)
    return {"workload": name, "finals": number, "pairs apart": len(pairs), "same order": agreed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comparisons", type=int, default=200)
    parser.add_argument("--finals", type=int, default=10)
    parser.add_argument("--schedules", type=int, default=100)
    call = parser.parse_args()
    kept = Kept("measuring-effort")
    efforts, finalists = list[dict[str, Any]](), dict[str, list[Schedule]]()
    for name in WORKLOADS:
        make = functools.partial(effort, name, call.schedules)
        row = dict(kept.clocked(f"{name} {call.schedules} {version()}", make))
        finalists[name] = [Schedule.of(values) for values in row.pop("fastest")]
        efforts.append(row)
    report("measuring-effort", "Trials' times and a fixed 50 repetitions", efforts)
    kept, orders = Kept("measuring-order"), list[dict[str, Any]]()
    for name, schedules in finalists.items():
        make = functools.partial(order, name, schedules, call.finals)
        orders.append(kept.clocked(f"{name} {call.schedules} {call.finals} {version()}", make))
    report("measuring-order", f"Order of finalists that differ by more than {APART:.0%}", orders)
    kept = Kept("measuring-itself")
    rows = [against_itself_row(name, -(-call.comparisons // len(WORKLOADS)), kept) for name in WORKLOADS]
    took = minutes([*efforts, *orders, *rows])
    rows.append({"workload": "all", **{key: sum(row[key] for row in rows) for key in list(rows[0])[1:4]}})
    report("measuring-itself", "A kernel against itself", rows)
    print(took)


if __name__ == "__main__":
    main()

"""How good the schedules of a policy are on programs that it has never seen, executed.

Each program has a study of the policy's: its most probable schedule, the space's own hints (the first is the fixed
expert's), then schedules drawn from it, while it is not improved. With `--target evolve,bayes` each of these searches
has a study of `--trials` besides, and the best of all they found is the target. Then the greedy schedule, the best of
the policy's, the expert's and the target meet once, in one interleaved run, with PyTorch and the naive program.
Programs are those that the policy's card says it was not trained on, of kinds that it was trained on and of those left
out. Where a schedule of the policy fails, it is as if it were the naive program.

    make bench-policy                                         # 40 held-out programs, over PyTorch
    policy.py POLICY --target evolve,bayes,hybrid --over target   # over the best of 300 trials of each
    policy.py POLICY --suite published                        # the shapes of MLIR-RL, with its figures beside
    policy.py POLICY --log training.jsonl                     # its training's curves, too

Writes policy.json and policy_by_kind.json, and plots beside them. Finished programs are kept in policy.jsonl.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import geometric_mean
from typing import Any

import policy_plots
from kept import Kept, version
from ours import ours
from report import RESULTS, report

from mlopt.backend.mlir.backend import Mlir
from mlopt.cli.policies import fetched
from mlopt.core.fingerprint import digest, hardware
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Trial
from mlopt.evaluator.execution import Execution
from mlopt.executor.local import Local
from mlopt.protocols import Budget, Search, Space, StudyContext, StudyInfo, Workload
from mlopt.search.ppo.policy import DEFAULT, named
from mlopt.search.ppo.search import Ppo
from mlopt.study import NoValidSchedule, Study
from mlopt.tracker.none import NoTracker
from mlopt.train.programs import Programs
from mlopt.workloads.add.workload import Add
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.relu.workload import Relu

SEED = 1
"""Of the held-out programs: those by which `mlopt train` evaluates, and more."""
LATER = 1 << 30
"""An update after so many trials: none."""
HINTS = 10
"""As many as any space gives, at most."""
OWN = ("greedy", "best")
"""Schedules of the policy's."""
SPEEDS = (*OWN, "expert", "target", "naive", "torch", "torch_compile")

PUBLISHED: Mapping[str, Workload] = {
    **{f"matmul {m}x{n}x{k}": Matmul(m, n, k) for m, n, k in ((256, 1000, 1536), (256, 128, 256), (256, 512, 256))},
    "matmul 256x1024x512": Matmul(256, 1024, 512),
    **{
        f"conv2d {c}-{f}@{size}": Conv2d(n=256, c=c, h=size, w=size, f=f, kh=1, kw=1)
        for c, f, size in ((128, 512, 28), (512, 128, 28), (64, 256, 56))
    },
    **{
        f"maxpool {c}@{size}": Maxpool(n=256, c=c, h=size, w=size, k=3) for c, size in ((336, 43), (64, 114), (64, 147))
    },
    **{f"add {h}x{w}x{c}": Add((256, h, w, c)) for h, w, c in ((14, 14, 88), (42, 42, 168), (7, 7, 2048))},
    **{f"relu {'x'.join(map(str, shape))}": Relu((256, *shape)) for shape in ((100,), (512,), (57, 57, 64))},
}
"""The shapes on which MLIR-RL was evaluated (arXiv 2409.11068)."""

PAPER = {"matmul": 0.46, "conv2d": 0.15, "maxpool": 3.3}
"""Its speeds over PyTorch on them, on 28 cores, by kind where it gives one."""


class Given:
    """Proposes schedules that are known already, so that they meet in the finals of a study."""

    def __init__(self, schedules: Sequence[Schedule]) -> None:
        self._left = list(schedules)

    def start(self, space: Space, context: StudyContext) -> None: ...

    def ask(self, n: int) -> Sequence[Schedule]:
        asked, self._left = self._left[:n], self._left[n:]
        return asked

    def tell(self, trials: Sequence[Trial]) -> None: ...


def studied(workload: Workload, name: str, search: Search, trials: int) -> tuple[list[Trial], dict[str, Any]]:
    """The trials of a study, and its result; none where no trial was valid."""
    tags = {"workload": workload.name, "backend": "mlir", "search": name, "evaluator": "execution"}
    with tempfile.TemporaryDirectory() as folder:
        info = StudyInfo(name, Path(folder) / "study", {"workload": {}}, tags)
        study = Study(workload, Mlir(), search, Execution(), Local(), [NoTracker()], Budget(trials), SEED, info)
        try:
            return study.trials, study.run()
        except NoValidSchedule:
            return study.trials, {}


def fastest(trials: Sequence[Trial]) -> Trial | None:
    return min((trial for trial in trials if trial.seconds is not None), key=lambda t: t.seconds or 0.0, default=None)


def contestants(workload: Workload, policy: str, draws: int, targets: Sequence[str], trials: int) -> dict[str, Trial]:
    """Who is to meet, by name; those are missing whose trials have failed."""
    tried, _ = studied(workload, "ppo", Ppo(policy=policy, batch=LATER), 1 + HINTS + draws)
    hints = [trial for trial in tried if trial.origin == "hint"]
    own = [trial for trial in tried if trial.origin != "hint"][: 1 + draws]
    first = next((trial for trial in own if trial.origin == "greedy"), None)
    found = {
        "greedy": first if first is not None and first.ok else None,
        "best": fastest(own),
        "expert": next((trial for trial in hints if trial.ok), first),  # the greedy one may be the hint
        "target": fastest([t for name in targets for t in studied(workload, name, ours(name, hints=True), trials)[0]]),
    }
    return {name: trial for name, trial in found.items() if trial is not None and trial.ok}


def row(workload: Workload, policy: str, draws: int, targets: Sequence[str], trials: int) -> dict[str, float]:
    """Milliseconds of everything on one program, from one interleaved run."""
    found = contestants(workload, policy, draws, targets, trials)
    schedules = list(dict.fromkeys(trial.schedule for trial in found.values()))
    if not schedules:
        return {}
    tried, result = studied(workload, "finals", Given(schedules), len(schedules))
    seconds = {tried[each["trial"]].schedule: each["seconds"] for each in result.get("finalists", ())}
    times = {name: seconds[trial.schedule] for name, trial in found.items() if trial.schedule in seconds}
    baselines = {key: value.get("seconds") for key, value in result.get("baselines", {}).items() if key in SPEEDS}
    return {key: 1e3 * value for key, value in {**times, **baselines}.items() if value is not None}


def means(rows: Sequence[Mapping[str, Any]], over: str) -> list[dict[str, Any]]:
    """Geometric means of speeds over those of `over`, by kind of program, by group and of all; and who failed.

    A schedule of the policy's that failed is as fast as the naive program.
    """
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    failed: dict[str, list[bool]] = defaultdict(list)
    for each in rows:
        for kind in dict.fromkeys((each["kind"], each["group"], "all")):
            failed[kind].append("greedy" not in each)
            for key in SPEEDS:
                own = each.get(key, each.get("naive") if key in OWN else None)
                if own is not None and over in each:
                    found[kind][key].append(each[over] / own)
    return [
        {
            "kind": kind,
            "programs": len(failed[kind]),
            "failed": sum(failed[kind]),
            **{key: geometric_mean(own[key]) for key in SPEEDS if own[key]},
            **({"MLIR-RL": PAPER[kind]} if over == "torch" and kind in PAPER else {}),
        }
        for kind, own in ((kind, found[kind]) for kind in failed)
    ]


def programs(card: Mapping[str, Any]) -> Programs:
    """Who was kept from a policy, by its card; as by default, where that does not say."""
    told = card.get("programs", {})
    return Programs(**{key: told[key] for key in ("kinds", "left_out", "held_out") if key in told})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("policy", nargs="?", default="default", help="a file, models:/NAME, or mlopt's own")
    parser.add_argument("--suite", choices=["held_out", "published"], default="held_out")
    parser.add_argument("--programs", type=int, default=40, help="how many held-out programs")
    parser.add_argument("--draws", type=int, default=10, help="schedules drawn of each, beside the greedy one")
    parser.add_argument("--target", default="", help="searches, such as evolve,bayes, whose best is the target")
    parser.add_argument("--trials", type=int, default=300, help="of each of these searches on each program")
    parser.add_argument("--over", choices=SPEEDS, default="torch", help="what speeds are told against")
    parser.add_argument("--log", type=Path, help="the training.jsonl of the policy, for its curves")
    call = parser.parse_args()
    policy = fetched({"policy": call.policy}, None)["policy"]
    _, card = named(policy)
    suite = [(name, name.split()[0], "published", workload) for name, workload in PUBLISHED.items()]
    if call.suite == "held_out":
        kept_apart = programs(card)
        drawn = kept_apart.evaluation(call.programs, SEED)
        suite = [
            (f"{e.kind} {e.seed}", e.kind, "left out" if e.kind in kept_apart.left_out else "seen", e) for e in drawn
        ]
    targets = list(filter(None, call.target.split(",")))
    file = DEFAULT if policy == "default" else Path(policy).expanduser()
    asked = f"{digest(file.read_bytes().hex())} {call.draws} {targets} {call.trials} {version()} {digest(hardware())}"
    kept, rows = Kept("policy"), list[dict[str, Any]]()
    for name, kind, group, workload in suite:
        found = kept.once(f"{name} {asked}", lambda w=workload: row(w, policy, call.draws, targets, call.trials))
        rows.append({"program": name, "kind": kind, "group": group, **found})
        print(rows[-1], flush=True)
    report("policy", f"Milliseconds of {call.policy}'s schedules", rows)
    summary = means(rows, call.over)
    report("policy_by_kind", f"Geometric means of speeds over {call.over}", summary)
    policy_plots.by_kind(summary, SPEEDS, call.over, RESULTS / "policy.svg")
    policy_plots.by_program(rows, [*OWN, "expert", "target"], call.over, RESULTS / "policy_by_program.svg")
    if call.log is not None:
        policy_plots.training(call.log, RESULTS / "policy_training.svg")


if __name__ == "__main__":
    main()

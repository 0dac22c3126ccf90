"""How good the schedules of a policy are on programs that it has never seen, executed.

Each program has a study of its own: the policy's most probable schedule, the space's own hints (the first is the fixed
expert's), then schedules drawn from the policy, which is not improved meanwhile. PyTorch and the naive program are
measured in the same run. `make bench-policy`, or `policy.py POLICY --suite published`; speeds are told over PyTorch
eager unless said otherwise. Writes policy.json, and plots beside it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from report import RESULTS, report

from mlopt.backend.mlir.backend import Mlir
from mlopt.evaluator.execution import Execution
from mlopt.executor.local import Local
from mlopt.protocols import Budget, StudyInfo, Workload
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
SPEEDS = ("greedy", "best", "expert", "naive", "torch", "torch_compile")

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


def row(name: str, kind: str, workload: Workload, policy: str, draws: int, folder: Path) -> dict[str, Any]:
    """Seconds of everything on one program, in milliseconds."""
    tags = {"workload": workload.name, "backend": "mlir", "search": "ppo", "evaluator": "execution"}
    info, search = StudyInfo(name, folder, {"workload": {}}, tags), Ppo(policy=policy, batch=LATER)
    budget = Budget(1 + HINTS + draws)
    study = Study(workload, Mlir(), search, Execution(), Local(), [NoTracker()], budget, SEED, info)
    try:
        result = study.run()
    except NoValidSchedule:
        return {"program": name, "kind": kind}
    hints = [trial for trial in study.trials if trial.origin == "hint"]
    own = [trial for trial in study.trials if trial.origin != "hint"][: 1 + draws]
    first = next((trial.seconds for trial in own if trial.origin == "greedy"), None)
    times = {
        "greedy": first,
        "best": min((trial.seconds for trial in own if trial.seconds is not None), default=None),
        "expert": next((trial.seconds for trial in hints), first),  # the greedy one may be the hint
        **{key: value["seconds"] for key, value in result["baselines"].items() if key in SPEEDS},
    }
    return {"program": name, "kind": kind, **{key: 1e3 * value for key, value in times.items() if value is not None}}


def means(rows: Sequence[Mapping[str, Any]], over: str) -> list[dict[str, Any]]:
    """Geometric means of speeds over those of `over`, by kind of program and of all."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for each in rows:
        for key in SPEEDS:
            if key in each and over in each:
                for kind in (each["kind"], "all"):
                    found[kind][key].append(each[over] / each[key])
    return [{"kind": kind, **{key: geometric_mean(own[key]) for key in own}} for kind, own in found.items()]


def plot(summary: Sequence[Mapping[str, Any]], over: str, file: Path) -> None:
    """Bars of the speeds by kind of program."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.5 + 1.3 * len(summary), 4), layout="constrained")
    axes, width = figure.subplots(), 0.8 / len(SPEEDS)
    for place, key in enumerate(SPEEDS):
        at = [number + place * width for number in range(len(summary))]
        axes.bar(at, [each.get(key, 0.0) for each in summary], width, label=key)
    axes.set_xticks([number + 0.4 for number in range(len(summary))], [each["kind"] for each in summary], rotation=30)
    axes.set_yscale("log")
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_ylabel(f"speed over {over}")
    axes.legend(fontsize="small")
    figure.savefig(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("policy", nargs="?", default="default", help="a file, or the one that comes with mlopt")
    parser.add_argument("--suite", choices=["held_out", "published"], default="held_out")
    parser.add_argument("--programs", type=int, default=40, help="how many held-out programs")
    parser.add_argument("--draws", type=int, default=10, help="schedules drawn of each, beside the greedy one")
    parser.add_argument("--over", choices=SPEEDS, default="torch", help="what speeds are told against")
    arguments = parser.parse_args()
    suite = [(name, name.split()[0], workload) for name, workload in PUBLISHED.items()]
    if arguments.suite == "held_out":
        drawn = Programs().evaluation(arguments.programs, SEED)
        suite = [(f"{each.kind} {each.seed}", each.kind, each) for each in drawn]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, kind, workload in suite:
            rows.append(row(name, kind, workload, arguments.policy, arguments.draws, Path(folder) / str(len(rows))))
            print(rows[-1], flush=True)
    report("policy", f"Milliseconds of {arguments.policy}'s schedules", rows)
    summary = means(rows, arguments.over)
    report("policy_by_kind", f"Geometric means of speeds over {arguments.over}", summary)
    plot(summary, arguments.over, RESULTS / "policy.svg")


if __name__ == "__main__":
    main()

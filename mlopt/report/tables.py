"""One study as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from ..core.trial import Trial
from ..page.render import quantity
from ..page.table import Column, Table
from .progress import Step
from .reading import StudyRead
from .stability import Neighbour
from .values import change, shown

CHANGES = 8
"""Knobs of an improvement that are told."""
EXAMPLE = 300
"""Characters of a failure's message."""
STAGES = "_seconds"
"""How the metrics of a trial's stages end."""
NO_STAGES = ("reference_seconds", "estimated_seconds")


def baselines(study: StudyRead) -> Table:
    """The best and what it is compared with, a line each."""
    found, rows = study.result, []
    if found.best is not None and found.best.value is not None:
        rows.append([f"best (trial {found.best.trial})", *_timed(found.best.value, found.best.ci95, study.unit), ""])
    for name, timed in found.baselines.items():
        if timed.seconds is None:
            rows.append([name, "", timed.skipped, ""])
        else:
            speedup = found.speedup.get(name)
            rows.append([name, *_timed(timed.seconds, timed.ci95, "s"), "" if speedup is None else f"{speedup:.3g}x"])
    columns = [Column("kernel", number=False), Column("a call"), Column("95 % interval"), Column("best is faster by")]
    return Table(columns, rows)


def _timed(value: float, ci95: tuple[float, float] | None, unit: str) -> tuple[str, str]:
    both = "" if ci95 is None else f"{quantity(ci95[0], unit)} to {quantity(ci95[1], unit)}"
    return quantity(value, unit), both


def path(steps: Sequence[Step], unit: str) -> Table:
    """A line an improvement."""
    rows = [
        [
            str(step.number),
            quantity(step.objective, unit),
            "" if step.gain == 1.0 else f"{step.gain:.2f}x",
            _changes(step) if number else "the first valid schedule",
        ]
        for number, step in enumerate(steps)
    ]
    columns = [Column("after trials"), Column("best"), Column("gain"), Column("what changed", number=False)]
    return Table(columns, rows)


def _changes(step: Step) -> str:
    """What a user reads of it: where the algorithm changes, all of its knobs do."""
    told = [f"{knob}: {change(old, new)}" for knob, old, new in step.changed[:CHANGES]]
    if more := len(step.changed) - len(told):
        told.append(f"and {more} more")
    return "; ".join(told) or "the same schedule, timed again"


def failures(trials: Sequence[Trial]) -> Table:
    """A line a kind of failure, with the first of them as an example."""
    counts = Counter(trial.status.value for trial in trials if not trial.ok)
    first = {status: next(t for t in trials if t.status.value == status) for status in counts}
    rows = [
        [status, str(count), str(first[status].trial), first[status].error[:EXAMPLE]]
        for status, count in counts.most_common()
    ]
    columns = [Column("kind", number=False), Column("trials"), Column("first"), Column("its message", number=False)]
    return Table(columns, rows)


def coverage(trials: Sequence[Trial]) -> Table:
    """A line a knob: what was tried of it, and where its best value lies."""
    rows = []
    for knob in dict.fromkeys(knob for trial in trials for knob in trial.schedule.values()):
        tried = Counter(value for trial in trials if (value := trial.schedule.values().get(knob)) is not None)
        share = sum(tried.values()) / len(trials)
        most, times = tried.most_common(1)[0]
        rows.append(
            [knob, f"{100 * share:.0f} %", str(len(tried)), f"{shown(most)}: {100 * times / sum(tried.values()):.0f} %"]
        )
    columns = [Column("knob", number=False), Column("in trials"), Column("values tried"), Column("most often")]
    return Table(columns, rows)


def stability(speedup: float | None, beside: Sequence[Neighbour]) -> Table:
    """The best schedule on neighbouring workloads, a line each; on the study's own it is `speedup` times PyTorch."""
    rows = [["as studied", "", "", "" if speedup is None else f"{speedup:.2f}x", "", ""]]
    rows += [
        [
            each.name,
            quantity(each.seconds),
            quantity(each.torch),
            "" if each.speedup is None else f"{each.speedup:.2f}x",
            str(each.adapted),
            each.reason[:EXAMPLE],
        ]
        for each in beside
    ]
    columns = [Column("workload", number=False), Column("a call"), Column("PyTorch"), Column("over PyTorch")]
    return Table([*columns, Column("decisions adapted"), Column("fault", number=False)], rows if beside else [])


def stage_seconds(trials: Sequence[Trial]) -> dict[str, float]:
    """What the stages of a trial took on the mean, in seconds, in their order."""
    stages: dict[str, list[float]] = {}
    for trial in trials:
        took = {key: value for key, value in trial.metrics.items() if key.endswith(STAGES) and key not in NO_STAGES}
        if not took and trial.compile_seconds is not None:  # a record does not say more
            took = {"compile_seconds": trial.compile_seconds}
        for metric, value in took.items():
            stages.setdefault(metric.removesuffix(STAGES).replace("_", " "), []).append(value)
        if trial.samples:
            stages.setdefault("timed calls", []).append(sum(trial.samples))
    return {name: fmean(values) for name, values in stages.items()}

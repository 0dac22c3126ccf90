"""`result.json`: what a study found, as plain data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .core.comparison import FEWEST_PAIRS, Comparison
from .core.errors import UserError, WrongResult, summary
from .core.fingerprint import fingerprint
from .core.judged import RESULT
from .core.pareto import front
from .core.statistics import Estimate
from .core.trial import UNVERIFIED, Status, Trial
from .devices import states
from .finals.contender import Skipped
from .finals.interleaved import Course
from .finals.timetable import OutOfTime
from .protocols import (
    Backend,
    Evaluator,
    Roofline,
    StudyInfo,
    TargetedBackend,
    TrainedEvaluator,
    Workload,
)
from .runner import now

NAME = RESULT
RECORD = "record.json"


def describe(
    info: StudyInfo,
    workload: Workload,
    backend: Backend,
    evaluator: Evaluator,
    seed: int,
    trials: Sequence[Trial],
    wall_seconds: float,
) -> dict[str, Any]:
    """Everything but the best schedule and what it is compared with.

    `counts` are trials by status; of those that are ok, `executed` were run and timed, the others only estimated.
    `cached` were not run in this study: the archive knew them. Nobody could tell whether `unverified` ones are right.
    `training` is what an evaluator was trained on.
    `devices` are those that programs ran on, with their clocks at the end, where it was not the CPU.
    `finished` is when this was told.
    """
    counts = Counter(trial.status for trial in trials)
    return {
        "workload": describe_workload(info, workload),
        "backend": info.tags["backend"],
        "target": info.tags.get("target") if isinstance(backend, TargetedBackend) else None,
        "search": info.tags["search"],
        "evaluator": info.tags["evaluator"],
        "training": evaluator.training if isinstance(evaluator, TrainedEvaluator) else None,
        "inputs": evaluator.inputs if evaluator.executes else None,
        "seed": seed,
        "threads": backend.thread_count,
        "best": None,
        "baselines": {},
        "speedup": {},
        "counts": {status.value: counts[status] for status in Status},
        "trials": len(trials),
        "executed": sum(trial.seconds is not None for trial in trials) if evaluator.executes else 0,
        "cached": sum(trial.cached for trial in trials),
        "unverified": sum(UNVERIFIED in trial.metrics for trial in trials),
        "wall_seconds": wall_seconds,
        "finished": now(),
        "fingerprint": fingerprint(),
        "devices": list(states(backend)) if evaluator.executes else [],
    }


def describe_workload(info: StudyInfo, workload: Workload) -> dict[str, Any]:
    """Its name, its keys, and what one call takes."""
    keys = {key: value for key, value in info.config["workload"].items() if not key.startswith("_")}
    return {"name": workload.name, **keys, "flops": workload.flops, "bytes": workload.bytes}


def provisional(best: Trial) -> dict[str, Any]:
    """The best schedule by its own trial alone, where it met no baseline.

    Its interval is that of the samples' median; a record may hold their mean, which outliers move out of it.
    """
    found: dict[str, Any] = {"trial": best.trial, "schedule": best.schedule.values()}
    if best.seconds is None:
        return {**found, "cost": best.metrics["cost"]}
    estimate = Estimate.of(best.samples) if best.samples else None
    if estimate is None or not estimate.low <= best.seconds <= estimate.high:
        return {**found, "seconds": best.seconds}
    return {**found, "seconds": best.seconds, "ci95": [estimate.low, estimate.high]}


def final(
    finalists: Mapping[str, Trial],
    courses: Mapping[str, Course],
    absent: Mapping[str, Exception],
    roofline: Roofline | None,
    workload: Workload,
) -> dict[str, Any]:
    """`best`, `baselines` and `speedup` from the interleaved run; `finalists` are trials by name, the fastest first.

    They stand there by their medians; which of them the best beats for certain (`core.comparison`) each says itself, by
    `behind`: the others may be as fast. `speedup` is the baseline's time over the best's. `lost` names the
    finalists that did not come through; when none did, the best is provisional, beats nobody, and is none that was
    found wrong. `turns` is how many each had; `caveat`, where there is one, says what was too little for certainty.
    """
    estimates = {name: course.estimate for name, course in courses.items()}
    standing = sorted((name for name in finalists if name in estimates), key=lambda name: estimates[name].seconds)
    lost = {name: _reason(error) for name, error in absent.items() if name in finalists}
    late = [name for name, error in absent.items() if isinstance(error, OutOfTime)]
    if not standing:
        doubtful = [trial for name, trial in finalists.items() if not isinstance(absent[name], WrongResult)]
        return {"best": provisional(doubtful[0]) if doubtful else None, "lost": lost, **_caveat(late, 0)}
    best, winner = estimates[standing[0]], finalists[standing[0]]
    baselines: dict[str, Any] = {name: _timed(c) for name, c in courses.items() if name not in finalists}
    if roofline is not None:
        baselines["roofline"] = {
            "seconds": roofline.seconds(workload.flops, workload.bytes),
            "flops_per_second": roofline.flops_per_second,
            "bytes_per_second": roofline.bytes_per_second,
        }
    skipped = {name: {"skipped": _reason(error)} for name, error in absent.items() if name not in finalists}
    turns = {name: courses[name].medians for name in standing}
    behind = {name: Comparison.of(turns[standing[0]], turns[name]).winner == 0 for name in standing}
    return {
        "best": {"trial": winner.trial, "schedule": winner.schedule.values(), **_timed(courses[standing[0]])},
        "finalists": [
            {"trial": finalists[name].trial, **_timed(courses[name]), "behind": behind[name]} for name in standing
        ],
        "lost": lost,
        "baselines": {**baselines, **skipped},
        "speedup": {name: baseline["seconds"] / best.seconds for name, baseline in baselines.items()},
        **_caveat(late, len(turns[standing[0]])),
    }


def pareto(trials: Sequence[Trial], objectives: Sequence[str]) -> list[dict[str, Any]]:
    """The trials that no other one beats in all objectives, as they were measured in the search."""
    return [
        {"trial": trial.trial, "schedule": trial.schedule.values(), **dict(zip(objectives, point, strict=True))}
        for trial, point in front(trials, objectives)
    ]


def write(directory: Path, result: Mapping[str, Any]) -> None:
    """Replace `result.json` as a whole, so that no reader sees half of it. Raises UserError where there is no room."""
    temporary = directory / f".{NAME}.new"
    try:
        temporary.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n")
        temporary.replace(directory / NAME)
    except OSError as error:
        raise UserError(
            f"cannot write {directory / NAME}: {error.strerror}; mlopt resume={directory} tries again"
        ) from None


def complete_record(directory: Path, found: Mapping[str, Any]) -> None:
    """Add to an export's `record.json` what the study's result says of the kernel."""
    record = directory / RECORD
    written = json.loads(record.read_text()) if record.exists() else {}
    known = {key: found[key] for key in ("workload", "best", "fingerprint")}
    record.write_text(json.dumps({**written, **known}, indent=2) + "\n")


def _timed(course: Course) -> dict[str, Any]:
    """A single turn has no interval."""
    estimate, turns = course.estimate, len(course.medians)
    interval = {"ci95": [estimate.low, estimate.high]} if turns > 1 else {}
    return {"seconds": estimate.seconds, **interval, "turns": turns}


def _caveat(late: Sequence[str], turns: int) -> dict[str, str]:
    """What to know of finals that had no time for those that are `late`, or only few `turns` for the best."""
    reasons = [f"the budget left the finals no time for {', '.join(late)}"] if late else []
    if not turns and late:
        reasons.append("the best has its time from its trial alone")
    elif 0 < turns < FEWEST_PAIRS:
        reasons.append(f"the best was timed in {turns} turns, too few to be sure that it is faster than others")
    return {"caveat": "; ".join(reasons)} if reasons else {}


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, Skipped) else summary(error)

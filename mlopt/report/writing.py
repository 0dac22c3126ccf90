"""A study's report as one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from .. import __version__
from ..core.judged import refuted, refuted_in_words
from ..devices import DRIVER
from ..page.figure import Picture
from ..page.render import quantity, render
from . import figures, tables
from .importance import FEWEST, importance
from .progress import ABSENT, steps
from .reading import AFTER, BEFORE, GIVEN, KERNEL, SCHEDULE, StudyRead
from .stability import Neighbour
from .values import difference, is_text, shown

PAGE = "report.html"
REPLAY = "replay"
"""The evaluator whose times are those of a record, wherever that was measured."""
KNOBS = 4
"""Of the most important knobs, whose values are drawn."""


def write(study: StudyRead, out: Path, beside: Sequence[Neighbour] = ()) -> None:
    """Write the page to the file `out`. Raises OSError."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(study, beside))


def page(study: StudyRead, beside: Sequence[Neighbour] = ()) -> str:
    """The whole page; `beside` is what became of the best schedule on neighbouring workloads, if that was measured."""
    found, path = study.result, steps(study.trials)
    decisions = {} if found.best is None else found.best.schedule
    known = importance(study.trials)
    pictures: list[Picture] = [] if known is None else figures.knobs(known)
    if known is not None:
        pictures += [figures.values(study, knob) for knob in list(known.knobs)[:KNOBS]]
    return render(
        "report.html.j2",
        title=f"{_workload(found.workload)}, tuned by {found.search}",
        version=__version__,
        verdict=verdict(study),
        baselines=tables.baselines(study),
        against=[*figures.against_baselines(study), *figures.course(study)],
        path=tables.path(path, study.unit),
        importance=known,
        fewest=FEWEST,
        knobs=pictures,
        landscape=figures.landscape(study),
        coverage=tables.coverage(study.trials),
        failures=tables.failures(study.trials),
        stages=figures.stages(tables.stage_seconds(study.trials)),
        noise=figures.noise(study.trials),
        noise_words=noise(study),
        stability=tables.stability(found.speedup.get("torch"), beside),
        executed=found.executed and found.best is not None,
        before=study.texts[BEFORE] or study.texts[GIVEN] or study.texts[KERNEL],
        rewritten=difference(study.texts[GIVEN], study.texts[KERNEL]) if study.texts[GIVEN] else "",
        schedule=study.texts[SCHEDULE],
        after=study.texts[AFTER],
        decisions={knob: shown(value) for knob, value in decisions.items()},
        whole={knob: value for knob, value in decisions.items() if is_text(value)},
        facts=_facts(study),
    )


def verdict(study: StudyRead) -> list[str]:
    """What was found, in a few sentences."""
    found, best = study.result, study.result.best
    if best is None or best.value is None:
        if wrong := refuted(found.lost):
            return [f"None of the {len(wrong)} fastest of {len(study.trials)} trials came out right in the finals."]
        return [f"None of {len(study.trials)} trials was valid."]
    if found.evaluator == REPLAY:
        reached = quantity(best.value, study.unit)
        return [f"The best of {len(study.trials)} schedules took {reached} by the record; nothing was run."]
    if best.seconds is None:
        return [f"The best of {len(study.trials)} schedules has a simulated cost of {best.value:.4g}; nothing was run."]
    sentences = [f"A call takes {quantity(best.seconds)} by the best of {len(study.trials)} schedules."]
    faster = [f"{ratio:.3g} times {name}" for name, ratio in found.speedup.items() if name != "roofline"]
    if faster:
        sentences[0] = f"{sentences[0][:-1]}: its speed is {', '.join(faster)}."
    if (share := found.speedup.get("roofline")) is not None:
        reason = ", since it does less arithmetic than the definition asks for" if share > 1.0 else ""
        sentences.append(f"That is {100 * share:.0f} % of what this machine's roofline allows{reason}.")
    doubtful = [
        name
        for name, timed in found.baselines.items()
        if timed.ci95 and best.ci95 and timed.ci95[0] <= best.ci95[1] and best.ci95[0] <= timed.ci95[1]
    ]
    if doubtful:
        sentences.append(f"Its interval overlaps with that of {', '.join(doubtful)}: they may be equally fast.")
    if said := refuted_in_words(found.lost):
        sentences.append(f"{said.capitalize()}.")
    if found.interrupted:
        sentences.append("The study was interrupted: nothing was measured side by side, and this is provisional.")
    if found.caveat:
        sentences.append(f"{found.caveat[0].upper()}{found.caveat[1:]}.")
    return sentences


def noise(study: StudyRead) -> str:
    """How quiet the machine was, in a sentence; '' where nobody looked."""
    drifts = [abs(trial.metrics["drift"]) for trial in study.trials if "drift" in trial.metrics]
    precisions = [trial.metrics["precision"] for trial in study.trials if "precision" in trial.metrics]
    if not drifts or not precisions:
        return ""
    return (
        f"While a trial was timed, a reference piece of work drifted by {100 * median(drifts):.1f} % in the middle "
        f"case and by {100 * max(drifts):.0f} % in the worst; half of a time's 95 % interval was "
        f"{100 * median(precisions):.1f} % of it in the middle case."
    )


def _workload(workload: dict[str, Any]) -> str:
    keys = {key: value for key, value in workload.items() if key not in ("name", "flops", "bytes")}
    return " ".join([str(workload.get("name", "a workload")), *(f"{key}={value}" for key, value in keys.items())])


def _facts(study: StudyRead) -> dict[str, str]:
    found = study.result
    cpu, cores = (found.fingerprint.get(key, ABSENT) for key in ("cpu", "cores"))
    return {
        "backend": found.backend,
        "search": f"{found.search}, seed {found.seed}",
        "evaluator": found.evaluator,
        "threads": str(found.threads),
        "trials": ", ".join(f"{count} {status}" for status, count in found.counts.items() if count) or ABSENT,
        "took": f"{found.wall_seconds:.0f} s",
        **({} if found.evaluator == REPLAY else {"machine": f"{cpu}, {cores} cores"}),
        **({"devices": ", ".join(map(_device, found.devices))} if found.devices else {}),
        "folder": str(study.folder),
    }


def _device(state: Mapping[str, Any]) -> str:
    driver = f" (driver {state[DRIVER]})" if DRIVER in state else ""
    return f"{state.get('name', ABSENT)}{driver}"

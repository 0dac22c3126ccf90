"""One study as figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..compare.score import incumbents
from ..core.schedule import Value
from ..core.trial import Trial
from ..page.figure import COLOURS, Picture, drawing, rows, scale
from .importance import Importance
from .progress import ABSENT
from .reading import StudyRead
from .values import label

VALUES = 12
"""Of a knob, that are drawn."""
WIDE = 70
"""Characters below the columns of a figure for which there is no room side by side."""


def against_baselines(study: StudyRead) -> list[Picture]:
    """The best and what it is compared with; nothing where no program was run."""
    best = study.result.best
    if best is None or best.seconds is None or not study.result.baselines:
        return []
    compared = {"best": best, **{name: timed for name, timed in study.result.baselines.items() if timed.seconds}}
    labels, height = rows(compared)
    with drawing("baselines", "Seconds a call takes, with 95 % intervals", height=0.9 + height) as figure:
        for row, timed in enumerate(compared.values()):
            seconds = timed.seconds or 0.0
            low, high = timed.ci95 or (seconds, seconds)
            figure.axes.plot([low, high], [row, row], color="black")
            figure.axes.plot([seconds], [row], "D" if row == 0 else "o", color=COLOURS[0 if row == 0 else 6])
        figure.axes.set_yticks(range(len(compared)), labels)
        figure.axes.invert_yaxis()
        scale(figure.axes, "x")
        figure.axes.set_xlabel("seconds")
    return [figure.picture]


def course(study: StudyRead) -> list[Picture]:
    """All trials in their order, and the best so far."""
    reached = [(number, trial.reached) for number, trial in enumerate(study.trials, 1) if trial.reached is not None]
    if not reached or min(value for _, value in reached) <= 0.0:
        return []
    best = incumbents([[trial.reached for trial in study.trials]], len(study.trials))[0]
    failed = [number for number, trial in enumerate(study.trials, 1) if not trial.ok]
    with drawing("course", "Trials in order of completion, the best so far, and failures at the upper edge") as figure:
        figure.axes.plot(*zip(*reached, strict=True), ".", color=COLOURS[5], markersize=3.0, label="trial")
        figure.axes.step(np.arange(1, len(best) + 1), best, where="post", color=COLOURS[0], label="best so far")
        scale(figure.axes)
        if failed:
            top = figure.axes.get_ylim()[1]
            figure.axes.plot(failed, [top] * len(failed), "x", color=COLOURS[1], markersize=4.0, label="failure")
        figure.axes.set_xlabel("trials")
        figure.axes.set_ylabel("seconds" if study.unit else "cost")
        figure.axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)  # above, where failures are not
    return [figure.picture]


def landscape(study: StudyRead) -> list[Picture]:
    """How the times of valid trials are spread: what a schedule at random would be worth."""
    best = study.result.best
    times = np.sort([trial.reached for trial in study.trials if trial.reached is not None])
    if len(times) < 2 or times[0] <= 0.0 or times[0] == times[-1]:
        return []
    with drawing("landscape", "The share of valid trials that are within a factor of the best of them") as figure:
        shares = np.arange(1, len(times) + 1) / len(times)
        figure.axes.step(times / times[0], shares, where="post", color=COLOURS[0])
        scale(figure.axes, "x")
        figure.axes.set_xlabel("over the best" if best is not None else "over the lowest")
        figure.axes.set_ylabel("share of valid trials")
        figure.axes.set_ylim(0.0, 1.03)
    return [figure.picture]


def knobs(found: Importance) -> list[Picture]:
    """What each knob explains by itself, and pairs of knobs beyond that."""
    pictures = [_bars("importance", "Share of the variance of log time that a knob explains by itself", found.knobs)]
    if found.pairs:
        pairs = {f"{one} and {two}": share for (one, two), share in found.pairs.items()}
        pictures.append(_bars("pairs", "What two knobs explain beyond what each does by itself", pairs))
    return pictures


def _bars(name: str, caption: str, shares: Mapping[str, float]) -> Picture:
    labels, height = rows(shares)
    with drawing(name, caption, height=0.8 + height) as figure:
        figure.axes.barh(range(len(shares)), [100.0 * share for share in shares.values()], color=COLOURS[0])
        figure.axes.set_yticks(range(len(shares)), labels)
        figure.axes.invert_yaxis()
        figure.axes.set_xlabel("%")
    return figure.picture


def values(study: StudyRead, knob: str) -> Picture:
    """What trials took by the value of one knob, and how often it was tried."""
    groups: dict[Value, list[float]] = {}
    for trial in study.trials:
        if trial.reached is not None:
            groups.setdefault(trial.schedule.values().get(knob, ABSENT), []).append(trial.reached)
    order = sorted(groups, key=lambda value: (value != ABSENT, isinstance(value, str), value))
    if len(order) > VALUES:  # those that led furthest
        order = [value for value in order if value in sorted(order, key=lambda value: min(groups[value]))[:VALUES]]
    caption = f"{knob}: trials by its value (number of trials below), the bar at the best"
    with drawing(f"knob-{knob}", caption) as figure:
        for place, value in enumerate(order):
            times = groups[value]
            spread = np.linspace(-0.2, 0.2, len(times)) if len(times) > 1 else np.zeros(1)
            figure.axes.plot(place + spread, times, ".", color=COLOURS[5], markersize=3.0)
            figure.axes.plot([place - 0.3, place + 0.3], [min(times)] * 2, color=COLOURS[0])
        names = [label(value) for value in order]
        labels = [f"{name}\n{len(groups[value])}" for name, value in zip(names, order, strict=True)]
        figure.axes.set_xticks(range(len(order)), labels, rotation=90 if sum(map(len, names)) > WIDE else 0)
        scale(figure.axes)
        figure.axes.set_ylabel("seconds" if study.unit else "cost")
    return figure.picture


def stages(seconds: dict[str, float]) -> list[Picture]:
    """Where the time went, on the mean of a trial."""
    if not seconds:
        return []
    labels, height = rows(seconds)
    with drawing("stages", "Where the time of a trial goes, on the mean", height=0.9 + height) as figure:
        figure.axes.barh(range(len(seconds)), [1e3 * each for each in seconds.values()], color=COLOURS[0])
        figure.axes.set_yticks(range(len(seconds)), labels)
        figure.axes.invert_yaxis()
        figure.axes.set_xlabel("milliseconds")
    return [figure.picture]


def noise(trials: Sequence[Trial]) -> list[Picture]:
    """How far the machine drifted while trials were timed, and how precisely they were."""
    seen = {
        name: [(number, 100.0 * trial.metrics[key]) for number, trial in enumerate(trials, 1) if key in trial.metrics]
        for key, name in (("drift", "drift of the reference"), ("precision", "half the interval"))
    }
    if not any(seen.values()):
        return []
    with drawing("noise", "Drift of a reference piece of work around each trial, and each time's precision") as figure:
        for (name, points), colour, mark in zip(seen.items(), COLOURS, ("o", "x"), strict=False):
            if points:
                figure.axes.plot(*zip(*points, strict=True), mark, color=colour, markersize=3.0, label=name)
        figure.axes.set_yscale("symlog", linthresh=0.1)
        figure.axes.yaxis.set_major_formatter("{x:g}")
        figure.axes.set_xlabel("trials")
        figure.axes.set_ylabel("%")
        figure.axes.legend()
    return [figure.picture]

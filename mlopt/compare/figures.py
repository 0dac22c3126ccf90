"""A comparison as figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..page.figure import Drawing, Ink, Picture, drawing, inks, label, rows, scale
from .curves import Curve, by_seconds, by_trials
from .methods import Methods
from .profile import profiles
from .record import StudyRecord, method_names, space_names, unit_of

MOST_SPACES = 12
"""Spaces whose curves are drawn; each is some 40 kB of the page."""


def figures(found: Methods, studies: Sequence[StudyRecord]) -> tuple[list[Picture], list[Picture]]:
    """What methods are worth on all spaces, and what they reached on each at any time."""
    ink = inks([method.name for method in found.methods])
    overall = [_scores(found, ink), _ranks(found, ink), _profiles(studies, ink)]
    return [picture for picture in overall if picture is not None], _curves(studies, ink)


def _scores(found: Methods, ink: Mapping[str, Ink]) -> Picture | None:
    points = {each.name: (each.score, each.ci95) for each in found.methods if each.score is not None and each.ci95}
    caption = "Score with its 95 % interval: 0 is random search, 1 the optimum at once"
    return _intervals("scores", caption, points, ink, mark=0.0) if points else None


def _ranks(found: Methods, ink: Mapping[str, Ink]) -> Picture | None:
    points = {
        each.name: (each.rank, each.rank_ci95) for each in found.methods if each.rank is not None and each.rank_ci95
    }
    caption = "Rank by score on the mean over the spaces, with its 95 % interval: 1 is the best"
    return _intervals("ranks", caption, points, ink) if len(points) > 2 else None


def _intervals(
    name: str,
    caption: str,
    points: Mapping[str, tuple[float, tuple[float, float]]],
    ink: Mapping[str, Ink],
    mark: float | None = None,
) -> Picture:
    """A line a method: a point, and the interval around it."""
    labels, height = rows(points)
    with drawing(name, caption, height=0.8 + height) as figure:
        for row, (method, (value, (low, high))) in enumerate(points.items()):
            style = ink[method]
            figure.axes.plot([low, high], [row, row], color=style.color)
            figure.axes.plot([value], [row], marker=style.marker, color=style.color, markersize=7.0)
        figure.axes.set_yticks(range(len(points)), labels)
        figure.axes.set_ylim(len(points) - 0.5, -0.5)  # the first one above
        figure.axes.set_xlabel(name.removesuffix("s"))
        if mark is not None:
            figure.axes.axvline(mark, color="black", linewidth=0.8, linestyle=":")
    return figure.picture


def _profiles(studies: Sequence[StudyRecord], ink: Mapping[str, Ink]) -> Picture | None:
    ratios = profiles(studies)
    finite = [each[np.isfinite(each)].max(initial=1.0) for each in ratios.values()]
    if not finite or max(finite) == 1.0:
        return None
    caption = "Performance profile: the share of studies that came within a factor of the best that is known"
    with drawing("profile", caption) as figure:
        for method in (name for name in ink if name in ratios):
            each = ratios[method]
            shares = np.arange(1, len(each) + 1) / len(each)
            x, y = np.append(each, max(finite) * 1.02), np.append(shares, np.isfinite(each).mean())
            figure.axes.step(x, y, where="post", label=label(method), markevery=_every(len(each)), **ink[method].line())
        figure.axes.set_xlabel("time or cost over the best known")
        figure.axes.set_ylabel("share of studies")
        figure.axes.set_ylim(0.0, 1.03)
        figure.axes.legend()
    return figure.picture


def _curves(studies: Sequence[StudyRecord], ink: Mapping[str, Ink]) -> list[Picture]:
    titles = space_names(studies)
    groups: dict[str, dict[str, list[StudyRecord]]] = {}
    for name, study in zip(method_names(studies), studies, strict=True):
        groups.setdefault(titles[study.space], {}).setdefault(name, []).append(study)
    pictures = []
    for number, (space, own) in enumerate(list(groups.items())[:MOST_SPACES], start=1):
        methods = {name: own[name] for name in ink if name in own}
        for kind, curve in (("trials", by_trials), ("seconds", by_seconds)):
            pictures += _over(f"curve-{number}-{kind}", space, kind, curve, methods, ink)
    return pictures


def _over(
    name: str,
    space: str,
    kind: str,
    curve: Callable[[Sequence[StudyRecord]], Curve | None],
    methods: Mapping[str, Sequence[StudyRecord]],
    ink: Mapping[str, Ink],
) -> list[Picture]:
    """The curves of one space; none where no study says when its trials ended, or none found anything."""
    lines = {method: curve(studies) for method, studies in methods.items()}
    found = {method: line for method, line in lines.items() if line is not None and np.isfinite(line.median).any()}
    if not found:
        return []
    caption = f"{space}: best so far over {kind}, the median of studies with its 95 % band"
    top = max(float(bound[np.isfinite(bound)].max(initial=0.0)) for line in found.values() for bound in _bounds(line))
    with drawing(name, caption) as figure:
        for method, line in found.items():
            _line(figure, method, line, ink[method], top)
        figure.axes.set_xlabel(f"{kind} since the first one began" if kind == "seconds" else kind)
        unit = unit_of([study for own in methods.values() for study in own])
        figure.axes.set_ylabel(f"best so far, {unit or 'cost'}")
        scale(figure.axes)
        figure.axes.legend()
    return [figure.picture]


def _bounds(curve: Curve) -> tuple[NDArray[np.float64], ...]:
    """What a figure of it has to reach up to."""
    known = np.isfinite(curve.median)
    return curve.median[known], curve.high[known]


def _line(figure: Drawing, method: str, curve: Curve, ink: Ink, top: float) -> None:
    """The curve, whose band is open to the `top` where studies had no valid trial yet."""
    known = np.isfinite(curve.median)
    x, median, low, high = (each[known] for each in (curve.x, curve.median, curve.low, curve.high))
    figure.axes.plot(x, median, label=label(method), markevery=_every(len(x)), **ink.line())
    figure.axes.fill_between(x, low, np.minimum(high, top), color=ink.color, alpha=0.15, linewidth=0)


def _every(points: int) -> int:
    """So that some eight points of a line bear its mark."""
    return max(1, points // 8)

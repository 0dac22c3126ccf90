"""Plots of what a policy's schedules are worth, and of how it was trained."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

CURVES = (
    "held_out/greedy",
    "held_out/best",
    "held_out/failed",
    "gain",
    "entropy",
    "kl",
    "explained_variance",
    "failures",
)
"""Of a training's log."""


def by_kind(summary: Sequence[Mapping[str, Any]], speeds: Sequence[str], over: str, file: Path) -> None:
    """Bars of the geometric means of speeds, by kind of program."""
    shown = [key for key in speeds if any(key in each for each in summary)]
    figure = Figure(figsize=(1.5 + 1.3 * len(summary), 4), layout="constrained")
    axes, width = figure.subplots(), 0.8 / len(shown)
    for place, key in enumerate(shown):
        at = [number + place * width for number in range(len(summary))]
        axes.bar(at, [each.get(key, 0.0) for each in summary], width, label=key)
    axes.set_xticks([number + 0.4 for number in range(len(summary))], [each["kind"] for each in summary], rotation=30)
    _finish(figure, axes, over, file)


def by_program(rows: Sequence[Mapping[str, Any]], speeds: Sequence[str], over: str, file: Path) -> None:
    """Points of the speeds on each program, the worst for the first of them on the left."""
    known = [row for row in rows if over in row]
    ranked = sorted(known, key=lambda row: row[over] / row[speeds[0]] if speeds[0] in row else 0.0)
    figure = Figure(figsize=(2 + 0.3 * len(ranked), 5), layout="constrained")
    axes = figure.subplots()
    for key in speeds:
        points = [(place, row[over] / row[key]) for place, row in enumerate(ranked) if key in row]
        if points:
            axes.plot(*zip(*points, strict=True), "o", label=key)
    axes.set_xticks(range(len(ranked)), [row["program"] for row in ranked], rotation=90, fontsize="small")
    _finish(figure, axes, over, file)


def training(log: Path, file: Path) -> None:
    """Curves of a training's figures over its steps."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    shown = [key for key in CURVES if any(key in line for line in lines)]
    figure = Figure(figsize=(9, 1 + 1.3 * len(shown)), layout="constrained")
    for axes, key in zip(figure.subplots(len(shown), sharex=True, squeeze=False)[:, 0], shown, strict=True):
        points = [(line["step"], line[key]) for line in lines if key in line]
        axes.plot(*zip(*points, strict=True))
        axes.set_ylabel(key, fontsize="small")
    figure.supxlabel("step")
    figure.savefig(file)


def _finish(figure: Figure, axes: Any, over: str, file: Path) -> None:
    axes.set_yscale("log")
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_ylabel(f"speed over {over}")
    axes.legend(fontsize="small")
    figure.savefig(file)

"""What a comparison must know of a study, and what makes studies comparable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.fingerprint import digest


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """A study that has ended."""

    folder: Path
    search: str
    settings: Mapping[str, Any]
    """Of the search, as nested plain data."""
    problem: Mapping[str, Any]
    """What was searched and how it was judged: workload, backend, evaluator and their settings."""
    seed: int
    budget: Mapping[str, Any]
    machine: Mapping[str, Any]
    """The fingerprint, with the devices that programs ran on."""
    objectives: Sequence[float | None]
    """Of the trials, in order of completion: seconds or cost, None for a failure."""
    cached: int
    """Trials that were taken from the archive and not measured."""
    best: float | None
    """The best one's seconds, from the final run where there was one, or cost."""
    table: Path | None = None
    """The record that was replayed, where one was."""
    elapsed: Sequence[float] = ()
    """When each trial ended, in seconds since the first one began; empty where that means nothing."""
    unit: str = "s"
    """Of objectives; '' where they are costs."""
    work: Mapping[str, Any] = field(default_factory=dict)
    """What a call computes and reads, in flops and bytes: a file of one name need not hold one program."""
    space: str = field(init=False, repr=False)
    """The same for studies of one problem."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "space", digest(self.problem))

    @property
    def valid(self) -> NDArray[np.float64]:
        """The objectives of valid trials."""
        return np.array([objective for objective in self.objectives if objective is not None])


def unit_of(studies: Sequence[StudyRecord]) -> str:
    """Of what these studies of one method reached: one that found nothing does not know."""
    return next((study.unit for study in studies if study.best is not None), "s")


def without_copies(studies: Sequence[StudyRecord]) -> list[StudyRecord]:
    """The studies, each once: what has the same seed and the same trials, to the last digit, tells nothing new.

    So it is where a record is replayed twice with one seed, or a folder was copied.
    """
    first: dict[tuple[Any, ...], StudyRecord] = {}
    for name, study in zip(method_names(studies), studies, strict=True):
        first.setdefault((name, study.space, study.seed, *study.objectives), study)
    return list(first.values())


def method_names(studies: Sequence[StudyRecord]) -> list[str]:
    """What each study compares: its search, with the settings in which it differs from others of the same search."""
    return told_apart([(study.search, study.settings) for study in studies])


def space_names(studies: Sequence[StudyRecord]) -> dict[str, str]:
    """What a user calls each space: its workload, with what differs from other spaces of that name."""
    spaces = {study.space: study.problem for study in studies}
    parts = [(str(problem.get("name", "space")), _short(problem)) for problem in spaces.values()]
    return dict(zip(spaces, told_apart(parts), strict=True))


def told_apart(things: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """The name of each thing, followed by those of its settings in which others of that name differ."""
    kinds = [(name, digest(settings)) for name, settings in things]
    distinct: dict[str, dict[str, dict[str, Any]]] = {}
    for (name, kind), (_, settings) in zip(kinds, things, strict=True):
        if kind not in distinct.setdefault(name, {}):
            distinct[name][kind] = dict(leaves(settings))
    names = {}
    for name, alike in distinct.items():
        for kind, own in alike.items():
            differing = (key for key in own if any(other.get(key) != own[key] for other in alike.values()))
            names[name, kind] = " ".join([name, *(f"{key}={own[key]}" for key in differing)])
    return [names[kind] for kind in kinds]


def _short(problem: Mapping[str, Any]) -> dict[str, Any]:
    """A problem's settings under the names that users write."""
    settings = dict(leaves({key: value for key, value in problem.items() if key != "name"}))
    return {key.removeprefix("settings.").removeprefix("workload."): value for key, value in settings.items()}


def difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """The first key in which two nested mappings differ, with both values; '' where they are equal."""
    if first == second:
        return ""
    one, two = dict(leaves(first)), dict(leaves(second))
    key = next((key for key in {**one, **two} if one.get(key) != two.get(key)), None)
    return "" if key is None else f"{key} is {one.get(key)} and {two.get(key)}"


def leaves(nested: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested mappings by dotted path."""
    for key, value in nested.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value

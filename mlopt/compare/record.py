"""What a comparison must know of a study, and what makes studies comparable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """The fingerprint."""
    objectives: Sequence[float | None]
    """Of the trials, in order of completion: seconds or cost, None for a failure."""
    cached: int
    """Trials that were taken from the archive and not measured."""
    best: float | None
    """The best one's seconds, from the final run where there was one, or cost."""
    table: Path | None = None
    """The record that was replayed, where one was."""

    @property
    def space(self) -> str:
        """The same for studies of one problem."""
        return digest(self.problem)


def method_names(studies: Sequence[StudyRecord]) -> list[str]:
    """What each study compares: its search, with the settings in which it differs from others of the same search."""
    names = []
    for study in studies:
        own = dict(leaves(study.settings))
        others = [dict(leaves(other.settings)) for other in studies if other.search == study.search]
        differing = [key for key in own if any(other.get(key) != own[key] for other in others)]
        names.append(" ".join([study.search, *(f"{key}={own[key]}" for key in differing)]))
    return names


def difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """The first key in which two nested mappings differ, with both values."""
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

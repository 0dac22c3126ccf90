"""A space that begins with the choice among several spaces."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from .nests import Subject
from .schedule import Decision, Schedule, Value
from .space import Knob, KnobSpace, encoded, refuse


@runtime_checkable
class _Telling(Protocol):
    def subject(self, prefix: Schedule) -> Subject | None: ...


class Alternatives:
    """Decisions that choose a space, then the decisions of that space.

    `branches` says by which decisions each space is reached; no branch begins with all of another. A space is made when
    it is first asked for. Knobs of one name in several spaces are one knob, with the values of all.
    """

    def __init__(self, branches: Mapping[Schedule, Callable[[], KnobSpace]]) -> None:
        self._branches = {path: functools.cache(make) for path, make in branches.items()}

    @functools.cached_property
    def knobs(self) -> tuple[Knob, ...]:
        """The knobs that choose, then those of all spaces in the order of their first mention.

        What is not of all spaces says by which choices it comes.
        """
        chosen = ((path, knob) for path in self._branches for knob in _choices(path))
        others = ((path, knob) for path, space in self.parts() for knob in space.knobs)
        merged: dict[str, Knob] = {}
        branches: dict[str, list[Schedule]] = {}
        for path, knob in itertools.chain(chosen, others):
            merged[knob.name] = _both(merged.get(knob.name, knob), knob)
            branches.setdefault(knob.name, []).append(path)
        return tuple(
            replace(knob, purpose=f"{knob.purpose}{self._condition(branches[name])}") for name, knob in merged.items()
        )

    def parts(self) -> Iterator[tuple[Schedule, KnobSpace]]:
        """Each space, with the decisions that choose it."""
        return ((path, make()) for path, make in self._branches.items())

    def options(self, prefix: Schedule) -> Sequence[Decision]:
        """The decisions that may follow `prefix`; () when it is complete."""
        if path := self.branch(prefix):
            return self._branches[path]().options(prefix.after(len(path)))
        return tuple(dict.fromkeys(path[len(prefix)] for path in self._below(prefix)))

    def divides(self, prefix: Schedule) -> bool:
        """Whether the next decision chooses between spaces."""
        return not self.branch(prefix)

    def counts(self, prefix: Schedule) -> Sequence[int]:
        """For each of the options after `prefix`, the number of complete schedules that go on with it."""
        if path := self.branch(prefix):
            return self._branches[path]().counts(prefix.after(len(path)))
        return [self.count(prefix.then(option)) for option in self.options(prefix)]

    def count(self, prefix: Schedule = Schedule()) -> int:  # noqa: B008 - immutable
        """The number of complete schedules that begin with `prefix`."""
        if path := self.branch(prefix):
            return self._branches[path]().count(prefix.after(len(path)))
        return sum(self._branches[path]().count() for path in self._below(prefix))

    def features(self, prefix: Schedule) -> NDArray[np.float32]:
        """Shape (2 * number of knobs,): each knob's code, then whether it is decided."""
        return encoded(self.knobs, prefix)

    def subject(self, prefix: Schedule) -> Subject | None:
        """What the decision after `prefix` is about, where it does not choose a space and that space can tell."""
        path = self.branch(prefix)
        part = self._branches[path]() if path else None
        return part.subject(prefix.after(len(path))) if isinstance(part, _Telling) else None

    def check(self, schedule: Schedule) -> None:
        """Raise InvalidSchedule, naming the first decision that is out of place, unless `schedule` is complete."""
        path = self.branch(schedule)
        if not path:
            refuse(self.options, schedule)
        self._branches[path]().check(schedule.after(len(path)))

    def hints(self) -> Sequence[Mapping[str, Value]]:
        """The hints of the first space, with the best one of each other space put between them."""
        each = [[{**path.values(), **hint} for hint in _hints(make())] for path, make in self._branches.items()]
        first, others = each[0], [hints[0] for hints in each[1:] if hints]
        mixed = itertools.chain.from_iterable(itertools.zip_longest(first, others))
        return [hint for hint in mixed if hint is not None]

    def branch(self, schedule: Schedule) -> Schedule:
        """The decisions at the beginning of `schedule` that choose its space; none as long as it is open."""
        for length in range(1, len(schedule) + 1):
            if (path := schedule.prefix(length)) in self._branches:
                return path
        return Schedule()

    def _below(self, prefix: Schedule) -> Iterator[Schedule]:
        return (path for path in self._branches if path.prefix(len(prefix)) == prefix)

    def _condition(self, paths: Sequence[Schedule]) -> str:
        """Which choices lead to these branches and not to all, in words."""
        words = []
        for name in dict.fromkeys(decision.knob for path in self._branches for decision in path):
            here, anywhere = (_decided(name, each) for each in (paths, self._branches))
            if 0 < len(here) < len(anywhere):
                words.append(f"{name}={' or '.join(map(str, here))}")
        return f" (with {', '.join(words)})" if words else ""


def _choices(path: Schedule) -> Iterator[Knob]:
    """A knob for each decision that leads to a branch."""
    for name, value in path.values().items():
        yield Knob(name, "categorical" if isinstance(value, str) else "log2", (value,), f"choice of {name}")


def _decided(name: str, paths: Iterable[Schedule]) -> Sequence[Value]:
    """The values that a knob has on these paths, each once."""
    return tuple(dict.fromkeys(decision.value for path in paths for decision in path if decision.knob == name))


def _hints(space: KnobSpace) -> Sequence[Mapping[str, Value]]:
    hints: Sequence[Mapping[str, Value]] = space.hints() if hasattr(space, "hints") else ()
    return hints


def _both(knob: Knob, other: Knob) -> Knob:
    """A knob with the values of two; numbers stay in ascending order."""
    values = tuple(dict.fromkeys((*knob.values, *other.values)))
    if knob.kind in ("log2", "ordinal") and not any(isinstance(value, str) for value in values):
        values = tuple(sorted(values, key=float))
    return replace(knob, values=values, needs=())

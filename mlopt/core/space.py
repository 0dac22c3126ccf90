"""Knobs, and the flat tuning space made of them."""

from __future__ import annotations

import functools
import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from .errors import InvalidSchedule
from .garbage import uncollected
from .schedule import Decision, Schedule, Value

Kind = Literal["categorical", "ordinal", "log2", "permutation"]

_Picker = Callable[[tuple[Value, ...]], tuple[Value, ...]]
"""Some of the values, in an order of its own."""


class _Children(NamedTuple):
    """The next decisions, for each the number of complete schedules below it, and their sum."""

    options: tuple[Decision, ...]
    counts: tuple[int, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Knob:
    """One thing to decide, and what a search needs to know of it."""

    name: str
    kind: Kind
    values: tuple[Value, ...]
    """Every value that any schedule of the space may give it, in order (for ordinal and log2: ascending)."""
    purpose: str = ""
    needs: tuple[str, ...] = ()
    """The earlier knobs on which the legal values of this one depend."""

    def encode(self, value: Value) -> float:
        """A number for `value`: its logarithm (log2), its rank in [0, 1] (ordinal), its index (the others)."""
        if self.kind == "log2":
            return math.log2(float(value) + 1.0)
        index = self.values.index(value)
        return index / max(1, len(self.values) - 1) if self.kind == "ordinal" else float(index)

    def neighbours(self, value: Value) -> tuple[Value, ...]:
        """The values one step away: next in order where there is one, else every other value."""
        index = self.values.index(value)
        if self.kind in ("ordinal", "log2"):
            return self.values[max(0, index - 1) : index] + self.values[index + 1 : index + 2]
        return self.values[:index] + self.values[index + 1 :]


class KnobSpace(ABC):
    """A space whose k-th decision sets its k-th knob, under constraints on earlier knobs.

    The legal values of a knob depend on the earlier knobs named in `Knob.needs` and on nothing else. A prefix is
    therefore summarised by the values that later knobs still need, and completions are counted exactly by dynamic
    programming over these summaries: dead ends are never offered, and schedules can be drawn uniformly.
    """

    knobs: tuple[Knob, ...]

    @abstractmethod
    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        """The values that `knob` may take after `chosen`, which holds the knobs in `knob.needs`."""

    def essence(self, depth: int, chosen: Mapping[str, Value]) -> Mapping[str, Value]:
        """`chosen` with the same value for all that make no difference to what is legal after `depth` decisions.

        Knobs that no later one needs are left out already. The fewer differ, the faster completions are counted.
        """
        return chosen

    def options(self, prefix: Schedule) -> Sequence[Decision]:
        """The decisions that may follow `prefix`; () when it is complete."""
        return self._children(prefix).options

    def counts(self, prefix: Schedule) -> Sequence[int]:
        """For each of the options after `prefix`, the number of complete schedules that go on with it."""
        return self._children(prefix).counts

    def count(self, prefix: Schedule = Schedule()) -> int:  # noqa: B008 - immutable
        """The number of complete schedules that begin with `prefix`."""
        return self._children(prefix).total

    def features(self, prefix: Schedule) -> NDArray[np.float32]:
        """Shape (2 * number of knobs,): each knob's code, then whether it is decided."""
        return encoded(self.knobs, prefix)

    def check(self, schedule: Schedule) -> None:
        """Raise InvalidSchedule, naming the first decision that is out of place, unless `schedule` is complete."""
        if not self._follows_rules(schedule):
            refuse(self.options, schedule)

    def _follows_rules(self, schedule: Schedule) -> bool:
        """Whether `schedule` is complete and legal: found without counting, which in large spaces takes a while."""
        chosen: dict[str, Value] = {}
        for knob, decision in zip(self.knobs, schedule, strict=False):
            legal = self.legal(knob, {name: chosen[name] for name in knob.needs})
            if not _offered(decision, [Decision(knob.name, value) for value in legal]):
                return False
            chosen[knob.name] = decision.value
        return len(schedule) == len(self.knobs)

    @functools.cached_property
    def _live(self) -> tuple[tuple[int, ...], ...]:
        """For each depth, the earlier knobs (by position) that this or a later knob needs."""
        names = [knob.name for knob in self.knobs]
        return tuple(
            tuple(i for i in range(depth) if any(names[i] in knob.needs for knob in self.knobs[depth:]))
            for depth in range(len(names) + 1)
        )

    @functools.cached_property
    def _steps(self) -> tuple[_Step, ...]:
        """What leads from each depth to the next."""
        names, steps = [knob.name for knob in self.knobs], []
        for depth, knob in enumerate(self.knobs):
            live = (*self._live[depth], depth)
            needed = [place for place, i in enumerate(live[:-1]) if names[i] in knob.needs]
            kept = [live.index(i) for i in self._live[depth + 1]]
            steps.append(_Step(knob, [names[live[place]] for place in needed], _picker(needed), _picker(kept)))
        return tuple(steps)

    @functools.cached_property
    def _known(self) -> dict[tuple[int, tuple[Value, ...]], _Children]:
        return {}

    @functools.cached_property
    def _offers(self) -> dict[tuple[int, tuple[Value, ...]], Sequence[Decision]]:
        return {}

    def _children(self, prefix: Schedule) -> _Children:
        depth = len(prefix)
        if depth == len(self.knobs):
            return _COMPLETE
        summary = self._summary(depth, tuple([prefix[i].value for i in self._live[depth]]))
        if (known := self._known.get((depth, summary))) is not None:
            return known
        with uncollected():  # there may be a hundred thousand summaries before the first schedule is drawn
            return self._below(depth, summary)

    def _summary(self, depth: int, values: tuple[Value, ...]) -> tuple[Value, ...]:
        """Of `values` of the knobs that are live at `depth`, what makes a difference."""
        if type(self).essence is KnobSpace.essence:
            return values
        live = {self.knobs[i].name: value for i, value in zip(self._live[depth], values, strict=True)}
        return tuple(self.essence(depth, live).values())

    def _below(self, depth: int, summary: tuple[Value, ...]) -> _Children:
        """The decisions at `depth` from which a complete schedule can be reached, and how many each leads to."""
        if depth == len(self.knobs):
            return _COMPLETE
        known = self._known.get((depth, summary))
        if known is None:
            step, options, counts = self._steps[depth], [], []
            for decision in self._legal(depth, step.needed(summary)):
                values = (*summary, decision.value)
                if count := self._below(depth + 1, self._summary(depth + 1, step.kept(values))).total:
                    options.append(decision)
                    counts.append(count)
            known = self._known[depth, summary] = _Children(tuple(options), tuple(counts), sum(counts))
        return known

    def _legal(self, depth: int, needed: tuple[Value, ...]) -> Sequence[Decision]:
        """What `legal` says of the values that the knob at `depth` needs, asked for once."""
        offer = self._offers.get((depth, needed))
        if offer is None:
            step = self._steps[depth]
            legal = self.legal(step.knob, dict(zip(step.names, needed, strict=True)))
            offer = self._offers[depth, needed] = [Decision(step.knob.name, value) for value in legal]
        return offer


_COMPLETE = _Children((), (), 1)


@dataclass(frozen=True, slots=True)
class _Step:
    """How one knob is decided: by what of a summary, and what goes on from there."""

    knob: Knob
    names: Sequence[str]
    needed: _Picker
    """Of a summary, the values of the knobs that this one needs, which are called `names`."""
    kept: _Picker
    """Of a summary with this knob's value put last, what later knobs need."""


def _picker(places: Sequence[int]) -> _Picker:
    if len(places) > 1:
        return operator.itemgetter(*places)  # twice as fast as a loop of our own
    return lambda values: tuple([values[place] for place in places])


def encoded(knobs: Sequence[Knob], prefix: Schedule) -> NDArray[np.float32]:
    """Shape (2 * number of knobs,): the code of each knob that `prefix` decides, then whether it does."""
    chosen = prefix.values()
    features = np.zeros((2, len(knobs)), dtype=np.float32)
    for index, knob in enumerate(knobs):
        if knob.name in chosen:
            features[:, index] = knob.encode(chosen[knob.name]), 1.0
    return features.ravel()


def refuse(options: Callable[[Schedule], Sequence[Decision]], schedule: Schedule) -> NoReturn:
    """Raise InvalidSchedule for a schedule that is not complete and legal, naming the first decision out of place."""
    for length, decision in enumerate(schedule):
        legal = options(schedule.prefix(length))
        if not _offered(decision, legal):
            expected = f"{legal[0].knob} in {[option.value for option in legal]}" if legal else "nothing more"
            raise InvalidSchedule(f"{decision.knob}={decision.value!r} is not legal here; expected {expected}")
    left = options(schedule)
    raise InvalidSchedule(f"{left[0].knob} is not decided" if left else "there is no way on from here")


def _offered(decision: Decision, options: Sequence[Decision]) -> bool:
    """Whether `decision` is an option by value and type, since in Python True == 1 == 1.0."""
    return any(option == decision and type(option.value) is type(decision.value) for option in options)

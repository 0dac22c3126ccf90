"""Knobs, and the flat tuning space made of them."""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from .counting import Bounding, Counting, counting
from .errors import InvalidSchedule
from .schedule import Decision, Schedule, Value

Kind = Literal["categorical", "ordinal", "log2", "permutation"]


@dataclass(frozen=True)
class Knob:
    """One thing to decide, and what a search needs to know of it."""

    name: str
    kind: Kind
    values: tuple[Value, ...]
    """Every value that any schedule of the space may give it, in order (for ordinal and log2: ascending)."""
    purpose: str = ""
    needs: tuple[str, ...] = ()
    """The earlier knobs on which the legal values of this one depend."""

    @property
    def ordered(self) -> bool:
        """Whether its values have an order that means something."""
        return self.kind in ("ordinal", "log2")

    @property
    def scalar(self) -> bool:
        """Whether one number tells its values apart and invents no order: they have one, or are two at most."""
        return self.ordered or len(self.values) < 3

    @functools.cached_property
    def ranks(self) -> Mapping[Value, int]:
        """The place of each value among all."""
        return {value: rank for rank, value in enumerate(self.values)}

    def encode(self, value: Value) -> float:
        """A number for `value`: its logarithm (log2), its rank in [0, 1] (ordinal), its index (the others)."""
        if self.kind == "log2":
            return math.log2(float(value) + 1.0)
        rank = self.ranks[value]
        return rank / max(1, len(self.values) - 1) if self.kind == "ordinal" else float(rank)

    def neighbours(self, value: Value) -> tuple[Value, ...]:
        """The values one step away: next in order where there is one, else every other value."""
        rank = self.ranks[value]
        if self.ordered:
            return self.values[max(0, rank - 1) : rank] + self.values[rank + 1 : rank + 2]
        return self.values[:rank] + self.values[rank + 1 :]


class KnobSpace(ABC):
    """A space whose k-th decision sets its k-th knob, under constraints on earlier knobs.

    The legal values of a knob depend on the earlier knobs named in `Knob.needs` and on nothing else. A prefix is
    therefore summarised by the values that later knobs still need, and completions are counted exactly by dynamic
    programming over these summaries (`counting.py`): dead ends are never offered, and schedules can be drawn uniformly.

    Where there are too many summaries, such as for a last knob that needs nearly all others, counts are upper bounds.
    Dead ends are not offered all the same.
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
        return self._counting.children(prefix).options

    def counts(self, prefix: Schedule) -> Sequence[int]:
        """For each of the options after `prefix`, the number of complete schedules that go on with it."""
        return self._counting.children(prefix).counts

    def count(self, prefix: Schedule = Schedule()) -> int:  # noqa: B008 - immutable
        """The number of complete schedules that begin with `prefix`."""
        return self._counting.children(prefix).total

    def ranked(self, rank: int) -> Schedule | None:
        """The schedule of a rank from 0 to below `count()`; None where that is too high and none has it."""
        return self._counting.ranked(rank)

    def features(self, prefix: Schedule) -> NDArray[np.float32]:
        """Shape (2 * number of knobs,); see `encoded`."""
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
    def _counting(self) -> Counting | Bounding:
        # What merges nothing need not be asked.
        essence = None if type(self).essence is KnobSpace.essence else self.essence
        return counting(self.knobs, self.legal, essence)


def encoded(knobs: Sequence[Knob], prefix: Schedule) -> NDArray[np.float32]:
    """Shape (2 * number of knobs,): the code of each knob that `prefix` decides, then whether it does.

    The code is 0 where one number cannot stand for the value (`Knob.scalar`).
    """
    chosen = prefix.values()
    features = np.zeros((2, len(knobs)), dtype=np.float32)
    for index, knob in enumerate(knobs):
        if knob.name in chosen:
            features[:, index] = knob.encode(chosen[knob.name]) if knob.scalar else 0.0, 1.0
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

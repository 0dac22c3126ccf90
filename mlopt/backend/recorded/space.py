"""The space that a record spans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UserError, printable
from ...core.record import MOST_KNOBS
from ...core.schedule import Decision, Schedule, Value
from ...core.space import Kind, Knob, encoded, refuse
from ...core.trial import Status, Trial

LONGEST_NAME = 1000
"""Characters of a knob's name, or of a value."""


class RecordedSpace:
    """Exactly the configurations of a record, as the tree of their decisions; it counts them.

    A constraint is what the record does not hold: options are those from which a recorded configuration can be
    reached. Decisions follow one another as in the first record of the same knobs. Raises UserError for records that
    are no tree of typed values.
    """

    def __init__(self, trials: Iterable[Trial]) -> None:
        ordered = _in_order(trials)
        self.knobs = _knobs(ordered)
        ranks = {Decision(knob.name, value): rank for knob in self.knobs for rank, value in enumerate(knob.values)}
        repeated: dict[Schedule, list[Trial]] = {}
        for trial in ordered:
            repeated.setdefault(trial.schedule, []).append(trial)
        self.trials: Mapping[Schedule, Trial] = {schedule: _typical(each) for schedule, each in repeated.items()}
        """What became of each configuration."""
        self._root = _Node()
        for schedule in sorted(self.trials, key=lambda schedule: [ranks[decision] for decision in schedule]):
            self._root.add(schedule)
        # Whoever walks down the tree asks of one prefix several times, then of one that is a decision longer.
        self._last: tuple[tuple[Decision, ...], _Node] = (), self._root

    def options(self, prefix: Schedule) -> Sequence[Decision]:
        """The decisions that may follow `prefix`; () when it is complete."""
        return tuple(self._node(prefix).children)

    def counts(self, prefix: Schedule) -> Sequence[int]:
        """For each of the options after `prefix`, the number of configurations that go on with it."""
        return [child.count for child in self._node(prefix).children.values()]

    def count(self, prefix: Schedule = Schedule()) -> int:  # noqa: B008 - immutable
        """The number of configurations that begin with `prefix`."""
        return self._node(prefix).count

    def features(self, prefix: Schedule) -> NDArray[np.float32]:
        """Shape (2 * number of knobs,): each knob's code, then whether it is decided."""
        return encoded(self.knobs, prefix)

    def check(self, schedule: Schedule) -> None:
        """Raise InvalidSchedule, naming the first decision that is out of place, unless `schedule` is recorded."""
        known = self.trials.get(schedule)
        # Compared by type as well, since in Python True == 1 == 1.0.
        if known is None or any(
            type(here.value) is not type(there.value) for here, there in zip(schedule, known.schedule, strict=True)
        ):
            refuse(self.options, schedule)

    def _node(self, prefix: Schedule) -> _Node:
        last, node = self._last
        if prefix is last:
            return node
        if len(prefix) != len(last) + 1 or prefix[:-1] != last:
            last, node = (), self._root
        for decision in prefix[len(last) :]:
            node = node.children.get(decision, _NOWHERE)
        self._last = prefix, node
        return node


@dataclass(slots=True)
class _Node:
    """A prefix: how many configurations begin with it, and the decisions that go on from it."""

    count: int = 0
    children: dict[Decision, _Node] = field(default_factory=dict)

    def add(self, schedule: Schedule) -> None:
        node = self
        for length, decision in enumerate(schedule):
            known = next(iter(node.children), None)
            if (known is None and node.count) or (known is not None and known.knob != decision.knob):
                other = f"knob {known.knob!r}" if known is not None else "nothing"
                raise UserError(
                    f"no tree of decisions: {schedule.prefix(length)} is followed "
                    f"by knob {decision.knob!r} in one configuration and by {other} in another"
                )
            node.count += 1
            node = node.children.setdefault(decision, _Node())
        node.count += 1


_NOWHERE = _Node()


def _in_order(trials: Iterable[Trial]) -> list[Trial]:
    """The trials, with those of the same knobs deciding in the same order."""
    orders: dict[frozenset[str], Sequence[str]] = {}
    shared: dict[tuple[str, type, Value], Decision] = {}
    ordered = []
    for trial in trials:
        values = trial.schedule.values()
        if not values:
            raise UserError("a configuration without any knob")
        order = orders.setdefault(frozenset(values), tuple(values))
        decisions = [
            shared.setdefault((name, type(values[name]), values[name]), Decision(name, values[name])) for name in order
        ]
        ordered.append(replace(trial, schedule=Schedule(decisions), error=printable(trial.error)))
    return ordered


def _knobs(trials: Iterable[Trial]) -> tuple[Knob, ...]:
    """Every knob with all its values, in the order of their first mention."""
    values: dict[str, dict[Value, Value]] = {}
    for trial in trials:
        for decision in trial.schedule:
            seen = values.setdefault(decision.knob, {})
            twin = seen.get(decision.value)
            if twin is None:
                _check(decision)
                seen[decision.value] = decision.value
            elif type(twin) is not type(decision.value):
                raise UserError(f"knob {decision.knob!r} has both {twin!r} and {decision.value!r}")
        if len(values) > MOST_KNOBS:
            raise UserError(f"more than {MOST_KNOBS} knobs")
    return tuple(_knob(name, tuple(seen)) for name, seen in values.items())


def _check(decision: Decision) -> None:
    for text in (decision.knob, decision.value):
        if isinstance(text, str) and (len(text) > LONGEST_NAME or not text.isprintable()):
            raise UserError(f"{printable(text[:50])!r} cannot be the name of a knob or of a value")
    if isinstance(decision.value, int) and not -(2**63) <= decision.value < 2**63:
        raise UserError(f"a value of knob {decision.knob!r} has more than 64 bits")


def _knob(name: str, values: tuple[Value, ...]) -> Knob:
    if any(isinstance(value, (bool, str)) for value in values):
        return Knob(name, "categorical", values)
    numbers = tuple(sorted(values, key=_number))
    return Knob(name, _kind(numbers), numbers)


def _kind(numbers: tuple[Value, ...]) -> Kind:
    """log2 for three or more powers of two (0 may be among them), else ordinal."""
    positive = numbers[1:] if numbers[0] == 0 else numbers
    powers = all(isinstance(n, int) and n > 0 and n.bit_count() == 1 for n in positive)
    return "log2" if powers and len(positive) > 2 else "ordinal"


def _number(value: Value) -> int | float:
    assert not isinstance(value, str)
    return value


def _typical(trials: Sequence[Trial]) -> Trial:
    """What counts of several trials of one configuration.

    The valid one whose objective is the (lower) median; a failure if none is valid, or if one computed a wrong result.
    """
    wrong = next((trial for trial in trials if trial.status is Status.WRONG_RESULT), None)
    valid = sorted((trial for trial in trials if trial.ok), key=lambda trial: trial.objective or 0.0)
    return wrong or (valid[(len(valid) - 1) // 2] if valid else trials[0])

"""The contract of spaces: the example spaces keep it, and it catches each way to break it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from mlopt.core.errors import InvalidSchedule
from mlopt.core.schedule import Decision, Schedule
from mlopt.core.space import Knob
from mlopt.protocols import Space
from mlopt.testing import SpaceContract
from mlopt.testing.spaces import Flat, Tree


class TestFlat(SpaceContract):
    def make(self) -> Space:
        return Flat()


class TestTree(SpaceContract):
    def make(self) -> Space:
        return Tree()


class Unchecked(Tree):
    def check(self, schedule: Schedule) -> None: ...


class Refusing(Tree):
    def check(self, schedule: Schedule) -> None:
        raise InvalidSchedule("no")


class Careless(Tree):
    """Takes 1 for True."""

    def check(self, schedule: Schedule) -> None:
        for length, decision in enumerate(schedule):
            if decision not in self.options(schedule.prefix(length)):
                raise InvalidSchedule(decision.knob)


class Taciturn(Tree):
    def check(self, schedule: Schedule) -> None:
        try:
            super().check(schedule)
        except InvalidSchedule:
            raise InvalidSchedule("not legal") from None


class Repeating(Tree):
    def options(self, prefix: Schedule) -> Sequence[Decision]:
        return [*super().options(prefix), *super().options(prefix)]


class Mixed(Tree):
    def options(self, prefix: Schedule) -> Sequence[Decision]:
        return [*super().options(prefix), Decision("peel", True)] if not prefix else super().options(prefix)


class Inventive(Tree):
    def options(self, prefix: Schedule) -> Sequence[Decision]:
        return [Decision(d.knob, 5 if d.value == 4 else d.value) for d in super().options(prefix)]


class Moody(Tree):
    def __init__(self) -> None:
        self.asked = 0

    def options(self, prefix: Schedule) -> Sequence[Decision]:
        self.asked += 1
        return super().options(prefix)[:: 1 if self.asked % 2 else -1]


class Growing(Tree):
    def features(self, prefix: Schedule) -> NDArray[np.float32]:
        return np.zeros(len(prefix), dtype=np.float32)


class Precise(Tree):
    def features(self, prefix: Schedule) -> NDArray[np.float32]:
        return super().features(prefix).astype(np.float64)


class Twofold(Tree):
    knobs = (*Tree.knobs, Tree.knobs[0])


class Descending(Tree):
    knobs = (*Tree.knobs, Knob("more", "log2", (8, 4)))


class Miscounted(Flat):
    def count(self, prefix: Schedule = Schedule()) -> int:  # noqa: B008 - immutable
        return super().count(prefix) + (len(prefix) == 2)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Refusing, "every_way_down_ends_in_a_schedule_that_passes_the_check"),
        (Repeating, "options_are_distinct_values_of_one_knob_not_decided_before"),
        (Mixed, "options_are_distinct_values_of_one_knob_not_decided_before"),
        (Inventive, "options_are_values_that_their_knob_knows"),
        (Moody, "options_do_not_depend_on_what_was_asked_before"),
        (Unchecked, "check_names_what_is_not_decided"),
        (Taciturn, "check_names_what_is_not_decided"),
        (Unchecked, "check_names_a_decision_that_is_not_legal"),
        (Taciturn, "check_names_a_decision_that_is_not_legal"),
        (Careless, "check_tells_a_value_from_its_twin_of_another_type"),
        (Unchecked, "check_names_a_decision_too_many"),
        (Growing, "features_are_finite_numbers_of_one_shape"),
        (Precise, "features_are_finite_numbers_of_one_shape"),
        (Twofold, "knobs_have_distinct_names_and_values"),
        (Descending, "values_in_order_have_rising_codes"),
        (Miscounted, "a_count_is_the_sum_of_the_counts_below"),
    ],
)
def test_a_broken_space_fails(broken: type[Space], test: str) -> None:
    class Contract(SpaceContract):
        def make(self) -> Space:
            return broken()

    with pytest.raises((AssertionError, InvalidSchedule, ValueError, pytest.fail.Exception)):
        getattr(Contract(), f"test_{test}")(broken())

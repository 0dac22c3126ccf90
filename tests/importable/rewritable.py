"""A program that may be rewritten: the sum of its numbers is how long it takes."""

from __future__ import annotations

import re

from tiles import BEST, Hinted, seconds

from mlopt.core.errors import InvalidSchedule
from mlopt.core.schedule import Decision, Schedule
from mlopt.core.trial import Status, Trial
from mlopt.protocols import SOURCE
from mlopt.testing.spaces import Flat

GIVEN = "first = 4\nsecond = 4\n"


class Rewritable(Hinted):
    """The tiled matmul's space, and a text of two numbers, none of which may be written as a word."""

    source = GIVEN
    surroundings = ("before\n", "after\n")
    reaches: tuple[str, ...] = ()

    def unprotected(self) -> tuple[str, ...]:
        return self.reaches

    def check(self, schedule: Schedule) -> None:
        if schedule and schedule[-1].knob == SOURCE:
            if "three" in str(schedule[-1].value):
                raise InvalidSchedule("three is no number")
            schedule = schedule.prefix(len(schedule) - 1)
        super().check(schedule)


def rewritten(text: str) -> Schedule:
    return Schedule.of(BEST).then(Decision(SOURCE, text))


def trial(number: int, schedule: Schedule) -> Trial:
    """A text that holds a word in place of a number fails; each number of a text is a second."""
    text = str(schedule.values().get(SOURCE, GIVEN))
    time = seconds(schedule)
    if re.search("= [a-z]", text) or time is None:
        return Trial(number, schedule, Status.INVALID, error="no number")
    return Trial(number, schedule, Status.OK, time * sum(map(int, re.findall(r"\d+", text))))


class RewritableFlat(Flat):
    """The contract's 43 schedules, and any text."""

    source, surroundings = GIVEN, ("", "")

    def unprotected(self) -> tuple[str, ...]:
        return ()

    def check(self, schedule: Schedule) -> None:
        super().check(schedule.prefix(len(schedule) - 1) if SOURCE in schedule.values() else schedule)

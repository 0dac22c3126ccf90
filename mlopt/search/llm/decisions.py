"""A model decides: each proposal is a path in the space."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.schedule import Schedule
from ...core.trial import Trial
from ...protocols import Brief
from . import answers
from .prompt import Question
from .task import Setting

ATTEMPTS = 8
"""Schedules near a known one that are tried in search of one that is new."""


class Decisions:
    """Makes what is proposed legal by the nearest legal decisions; in the last answer of a turn, schedules next to
    known ones take their place."""

    role = "You are an expert of optimising compilers. You answer with JSON only."
    first = None

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._knobs = setting.knobs

    def question(self, brief: Brief, turn: int, left: int) -> Question:
        return self._setting.question(brief, left)

    def read(self, text: str, turn: int, last: bool) -> tuple[list[Schedule], list[str]]:
        decided = [answers.decisions(each, self._knobs) for each in answers.proposals(text, self._setting.most)]
        faults = [] if decided else ["There was no JSON with proposals in your answer."]
        proposed: list[Schedule] = []
        for number, decisions in enumerate(decided, start=1):
            if not decisions:
                faults.append(f"Proposal {number} decides no knob of this space by a value of its own.")
                continue
            found: Schedule | None = (schedule := self._setting.vary.repair(decisions))
            if schedule in self._setting.known or schedule in proposed:
                faults.append(f"Proposal {number} was tried already, or is equal to another one, when made legal.")
                found = self._near(schedule, proposed) if last else None
            if found is not None:
                proposed.append(found)
        return proposed, faults

    def learn(self, trial: Trial) -> None:
        """The history has it."""

    def _near(self, schedule: Schedule, proposed: Sequence[Schedule]) -> Schedule | None:
        """A new schedule next to a known one, if one is found."""
        for attempt in range(ATTEMPTS):
            changed = self._setting.vary.mutate(schedule, 1 + attempt // 2, 1.0)
            if changed not in self._setting.known and changed not in proposed:
                return changed
        return None

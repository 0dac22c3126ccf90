"""A model decides: each proposal is a path in the space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.schedule import Schedule
from ...core.trial import Trial
from ...protocols import Brief, Space
from ..vary import Vary
from . import answers
from .history import History
from .known import Known
from .prompt import Prompt

ATTEMPTS = 8
"""Schedules near a known one that are tried in search of one that is new."""


class Decisions:
    """Makes what is proposed legal by the nearest legal decisions; in the last answer of a turn, schedules next to
    known ones take their place."""

    role = "You are an expert of optimising compilers. You answer with JSON only."
    first = None

    def __init__(self, space: Space, history: History, known: Known, vary: Vary, prompt: Prompt, most: int) -> None:
        self._space = space
        self._knobs = {knob.name: knob for knob in space.knobs}
        self._history = history
        self._known = known
        self._vary = vary
        self._prompt = prompt
        self._most = most

    def question(self, brief: Brief, turn: int, left: int) -> str:
        return self._prompt.render(brief, self._space, self._history, left, self._most)

    @property
    def schema(self) -> Mapping[str, Any]:
        return answers.schema(self._space.knobs, self._most)

    def read(self, text: str, turn: int, last: bool) -> tuple[list[Schedule], list[str]]:
        decided = [answers.decisions(each, self._knobs) for each in answers.proposals(text, self._most)]
        faults = [] if decided else ["There was no JSON with proposals in your answer."]
        proposed: list[Schedule] = []
        for number, decisions in enumerate(decided, start=1):
            if not decisions:
                faults.append(f"Proposal {number} decides no knob of this space by a value of its own.")
                continue
            found: Schedule | None = (schedule := self._vary.repair(decisions))
            if schedule in self._known or schedule in proposed:
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
            changed = self._vary.mutate(schedule, 1 + attempt // 2, 1.0)
            if changed not in self._known and changed not in proposed:
                return changed
        return None

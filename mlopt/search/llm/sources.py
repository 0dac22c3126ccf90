"""A model writes: each proposal is a program with some of its lines replaced, and its decisions."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from ...core.errors import InvalidSchedule, UserError, printable
from ...core.schedule import Decision, Schedule
from ...core.trial import Trial
from ...protocols import SOURCE, Brief, RewritableSpace
from ..rewritten import decisions
from ..vary import hinted
from . import answers, edits
from .model import CHARACTERS
from .programs import Programs
from .prompt import Question, failure, success
from .task import Setting

EDITS = "edits"

DIFFERENCE = 2000
"""Characters of what a failed program changed."""

PROGRAM = 4
"""The part of a prompt's budget, one in so many, that a program may take; or else twice the length of the given one."""

EDIT = {
    "type": "object",
    "properties": {"search": {"type": "string"}, "replace": {"type": "string"}},
    "required": ["search", "replace"],
    "additionalProperties": False,
}
"""The schema of one."""


class Sources:
    """Has the programs of islands rewritten by edits; what cannot be applied, or is not allowed, is sent back.

    All begin with the program as it was given, decided as the space would begin.
    Of the last answer of a turn, what is not allowed is proposed all the same: its trial is its record.
    Raises UserError where the space's programs cannot be rewritten, or should not be on this system.
    """

    role = "You are an expert of GPU kernels and their compilers. You answer with JSON only."

    def __init__(self, setting: Setting, islands: int, rng: np.random.Generator) -> None:
        if not isinstance(setting.space, RewritableSpace):
            raise UserError(
                "search.mode=source needs a program that may be rewritten: backend=triton, and a kernel's file with "
                "marked lines (docs/llm.md)"
            )
        self.unprotected = setting.space.unprotected()
        """What of this system its proposals will be able to reach."""
        self._space = setting.space
        self._setting = setting
        self._knobs = setting.knobs
        self._rng = rng
        self._programs = Programs(islands)
        self._most = max(setting.prompt.tokens * CHARACTERS // PROGRAM, 2 * len(setting.space.source))
        """Characters of a program, so that prompts can show it."""
        self.first = (hinted(setting.space, setting.vary) or [setting.vary.repair({})])[0]
        self._parent = self.first

    def question(self, brief: Brief, turn: int, left: int) -> Question:
        self._parent = self._programs.parent(turn, self._rng) or self.first
        properties = {EDITS: {"type": "array", "items": EDIT}}
        return self._setting.question(brief, left, properties, lambda shown: self._words(turn, shown))

    def read(self, text: str, turn: int, last: bool) -> tuple[list[Schedule], list[str]]:
        blocks = [asdict(edit) for edit in edits.blocks(answers.spoken(text))]  # JSON has no lines of its own in a text
        listed = answers.proposals(text, self._setting.most, (EDITS, answers.SCHEDULE))
        found = [{EDITS: blocks}] if blocks or not listed else listed
        proposed: list[Schedule] = []
        faults: list[str] = []
        for number, entry in enumerate(found, start=1):
            try:
                schedule = self._proposed(entry)
                if schedule in self._setting.known or schedule in proposed:
                    raise edits.Unfit("this program was tried already, or is equal to another one")
                try:
                    self._space.check(schedule)
                except InvalidSchedule as error:
                    if not last:
                        raise edits.Unfit(str(error)) from None
            except edits.Unfit as unfit:
                faults.append(f"Proposal {number}: {printable(str(unfit))}.")
                continue
            self._programs.settle(schedule, turn)
            proposed.append(schedule)
        return proposed, faults

    def learn(self, trial: Trial) -> None:
        self._programs.add(trial)

    def _proposed(self, entry: Mapping[str, Any]) -> Schedule:
        """The parent with its text edited and decided anew, as far as `entry` says. Raises Unfit."""
        changes = edits.listed(entry.get(EDITS))
        decided = answers.decisions(entry, self._knobs)
        if not changes and not decided:
            raise edits.Unfit("it neither edits the source nor decides a knob")
        text = edits.edited(self._text(self._parent), changes)
        if len(text) > self._most:
            raise edits.Unfit(f"it makes the source {len(text)} characters long; {self._most} at most")
        schedule = self._setting.vary.repair({**decisions(self._parent).values(), **decided})
        return schedule if text == self._space.source else schedule.then(Decision(SOURCE, text))

    def _text(self, schedule: Schedule) -> str:
        return str(schedule.values().get(SOURCE, self._space.source))

    def _words(self, turn: int, shown: Mapping[str, int]) -> dict[str, Any]:
        """What a prompt says beside what every prompt says."""
        before, after = self._space.surroundings
        inspirations = self._programs.inspirations(turn, self._parent, shown["inspirations"])
        return {
            "before": before,
            "after": after,
            "parent": self._described(self._parent),
            "inspirations": [self._described(schedule) for schedule in inspirations],
            "failures": [self._failure(trial) for trial in self._setting.history.failures(shown["failures"])],
        }

    def _described(self, schedule: Schedule) -> dict[str, Any]:
        trial = self._setting.history.trial(schedule)
        best = self._setting.history.best(1)
        measured = success(trial, best[0]) if trial is not None and trial.objective is not None else {}
        return {**measured, "schedule": decisions(schedule).values(), "source": self._text(schedule)}

    def _failure(self, trial: Trial) -> dict[str, Any]:
        """With what it changed of the source as it was given."""
        lines = self._space.source.splitlines(), self._text(trial.schedule).splitlines()
        difference = "\n".join(list(difflib.unified_diff(*lines, lineterm="", n=1))[2:])
        return {**failure(trial), "difference": difference[:DIFFERENCE]}

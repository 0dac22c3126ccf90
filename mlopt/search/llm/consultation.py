"""Asking a model: what it is shown, what it may take, and what is sent back to it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import UserError, printable, summary
from ...core.schedule import Schedule
from ...protocols import Brief
from .model import CHARACTERS, Allowance, Answer, Message, Model, ModelError, Usage
from .price import Meter
from .prompt import ERROR, TooLong
from .task import Setting, Task
from .transcript import Recorded, Replayed

SHARE = 0.25
"""Of the seconds that are left, what one call may take: a server that hangs must leave time for others to propose."""


@dataclass(slots=True)
class Consultation:
    """Has `task` done by `model`, within the limits of `meter` and, on the monotonic clock, until `end`."""

    model: Model
    task: Task
    setting: Setting
    meter: Meter
    corrections: int
    """How often an answer without a new schedule is sent back."""
    end: float
    begin: Callable[[], None]
    """To be called before anything is drawn, for draws not to depend on how long an answer took."""
    spent: float = 0.0
    """Money that was not paid before, in the study that is gone on with or replayed."""

    def proposals(self, brief: Brief, turn: int, left: int) -> list[Schedule]:
        """New schedules, one at least, when `left` trials may still be made. Raises ModelError for none."""
        self.begin()
        try:
            question = self.task.question(brief, turn, left)
        except TooLong as error:
            raise ModelError(str(error)) from None
        role, text = self.task.role, question.text
        messages: list[Message] = [{"role": "system", "content": role}, {"role": "user", "content": text}]
        for correction in range(self.corrections + 1):
            answer = self._answer(messages, question.schema)
            self.begin()
            proposed, faults = self._read(answer.text, turn, last=correction == self.corrections)
            if proposed:
                return proposed
            if self.meter.reached():
                break
            messages += self._sent_back(answer.text, faults)
        raise ModelError("its answers hold no new schedule")

    def _answer(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Answer:
        """The model's answer, which is paid for as a failure is. Raises ModelError."""
        kept = self.model.kept_seconds if isinstance(self.model, (Recorded, Replayed)) else None
        usage, started, money = Usage(), time.monotonic(), self.meter.money
        try:
            answer = self.model.complete(messages, schema, self._allowance(messages, schema))
            usage = answer.usage
            return answer
        except ModelError as error:
            usage = error.usage
            raise
        finally:
            self.meter.add(usage, time.monotonic() - started if kept is None else kept)
            if kept is None:  # else it was paid for before
                self.spent += self.meter.money - money

    def _allowance(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Allowance:
        """What a call may take of what is left."""
        sent = sum(len(message["content"]) for message in messages) + len(json.dumps(schema))
        return Allowance(
            min(SHARE * (self.end - time.monotonic()), self.meter.left_seconds()),
            self.meter.left_tokens(sent // CHARACTERS),
            lambda usage: not self.meter.reached(usage),
        )

    def _read(self, text: str, turn: int, last: bool) -> tuple[list[Schedule], list[str]]:
        """The new schedules in an answer, and what is wrong with it, which is also whatever its reader stumbles on."""
        try:
            return self.task.read(text, turn, last)
        except UserError:
            raise
        except Exception as error:
            return [], [f"It cannot be read: {printable(summary(error))}."]

    def _sent_back(self, text: str, faults: Sequence[str]) -> list[Message]:
        """An answer, and what is wrong with it, as much of both as the budget of tokens has room for."""
        room = self.setting.prompt.spare // max(1, self.corrections) // 2
        wrong = f"None of that can be tried. {' '.join(fault[:ERROR] for fault in faults)}"[:room]
        wanted = f"{wrong} Propose {self.setting.most} others, as JSON only."
        return [{"role": "assistant", "content": text[:room]}, {"role": "user", "content": wanted}]

"""What a model is asked for, and what is read in its answers."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from ...core.schedule import Schedule
from ...core.space import Knob
from ...core.trial import Trial
from ...protocols import Brief, Space
from ..known import Known
from ..vary import Vary
from . import answers
from .history import History
from .prompt import Further, Prompt, Question, nothing


@dataclass(frozen=True, slots=True)
class Setting:
    """What a task works with: the space of its study, what is known of it so far, and how the model is asked."""

    space: Space
    history: History
    known: Known
    vary: Vary
    prompt: Prompt
    most: int
    """Proposals in one answer."""

    @property
    def knobs(self) -> Mapping[str, Knob]:
        return {knob.name: knob for knob in self.space.knobs}

    def question(
        self, brief: Brief, left: int, properties: Mapping[str, Any] = MappingProxyType({}), further: Further = nothing
    ) -> Question:
        """The prompt, when `left` trials may still be made, for proposals that have these `properties` besides.

        Raises TooLong and UserError; see `Prompt.render`.
        """
        schema = functools.partial(answers.schema, most=self.most, further=properties)
        return self.prompt.render(brief, self.space, self.history, left, self.most, schema, further)


class Task(Protocol):
    """One way to have a model propose schedules; its turns are numbered from 1 on."""

    @property
    def role(self) -> str:
        """What the model is told that it is."""

    @property
    def first(self) -> Schedule | None:
        """What is tried before the model is asked, if anything."""

    def question(self, brief: Brief, turn: int, left: int) -> Question:
        """What is asked in a turn, when `left` trials may still be made. Raises TooLong and UserError."""

    def read(self, text: str, turn: int, last: bool) -> tuple[list[Schedule], list[str]]:
        """The new schedules in an answer, and what is wrong with its other proposals, to be told to the model.

        The `last` answer of a turn is taken as far as it goes.
        """

    def learn(self, trial: Trial) -> None:
        """A finished trial."""

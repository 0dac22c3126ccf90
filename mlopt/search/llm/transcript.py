"""Every exchange with a model, kept in a file, and a file of them in a model's place."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, ValidationError

from ...core import record
from ...core.errors import UserError
from ...core.journal import Journal
from .model import Allowance, Answer, Message, Model, ModelError, Usage

NAME = "transcript.jsonl"
"""In a study's folder."""


class Exchange(BaseModel):
    """One call: what was asked, and what came of it. A line of a transcript, which may come from anywhere."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    messages: Annotated[list[dict[str, str]], Field(max_length=100)]
    text: str | None
    """None where there was no answer."""
    requests: NonNegativeInt = 1
    input_tokens: Annotated[NonNegativeInt, Field(le=1 << 53)] = 0
    output_tokens: Annotated[NonNegativeInt, Field(le=1 << 53)] = 0
    seconds: NonNegativeFloat = 0.0
    error: str = ""
    final: bool = False
    waits: bool = False

    def answer(self) -> Answer:
        """What was answered. Raises ModelError where nothing was."""
        usage = Usage(self.requests, self.input_tokens, self.output_tokens)
        if self.text is None:
            raise ModelError(self.error, self.final, self.waits, usage)
        return Answer(self.text, usage)


def read(path: Path) -> list[Exchange]:
    """The exchanges in a transcript, without a last line that was cut short. Raises UserError in one line."""
    exchanges = []
    lines = record.content(path).split(b"\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                exchanges.append(Exchange.model_validate_json(line))
            except ValidationError as error:
                if number < len(lines):
                    raise UserError(f"line {number}: no exchange with a model: {record.reason(error)}") from None
    return exchanges


class Replayed:
    """The answers of a transcript, one after the other, whatever is asked."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self.left = deque(exchanges)

    @property
    def kept_seconds(self) -> float | None:
        """How long the next answer took when it was given."""
        return self.left[0].seconds if self.left else None

    def complete(self, messages: Sequence[Message], schema: Mapping[str, Any], allowance: Allowance) -> Answer:
        """The next answer, or the next failure."""
        if not self.left:
            raise ModelError("the transcript ends here", final=True)
        return self.left.popleft().answer()


class Recorded:
    """A model, and the file to which every exchange with it is added.

    What the file holds already, in a study that is gone on with, is answered from there: it has been paid for.
    """

    def __init__(self, model: Model, path: Path) -> None:
        self._model = model
        self._path = path
        kept = read(path) if path.exists() else []
        if isinstance(model, Replayed):
            model.left = deque(list(model.left)[len(kept) :])
        self._kept = Replayed(kept)

    @property
    def kept_seconds(self) -> float | None:
        """How long the next answer took, if it was given before."""
        if self._kept.left:
            return self._kept.kept_seconds
        return self._model.kept_seconds if isinstance(self._model, Replayed) else None

    def complete(self, messages: Sequence[Message], schema: Mapping[str, Any], allowance: Allowance) -> Answer:
        """What the model answers."""
        if self._kept.left:
            return self._kept.complete(messages, schema, allowance)
        started, then, asked = time.monotonic(), self.kept_seconds, [dict(message) for message in messages]

        def add(text: str | None, usage: Usage, **outcome: Any) -> None:
            seconds = time.monotonic() - started if then is None else then
            exchange = Exchange(messages=asked, text=text, **asdict(usage), seconds=seconds, **outcome)
            with closing(Journal(self._path, resume=True)) as journal:
                journal.append(exchange.model_dump())

        try:
            answer = self._model.complete(messages, schema, allowance)
        except ModelError as error:
            add(None, error.usage, error=str(error), final=error.final, waits=error.waits)
            raise
        add(answer.text, answer.usage)
        return answer

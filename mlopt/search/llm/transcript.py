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
from .endpoint import Answer, Message, Model, ModelError

NAME = "transcript.jsonl"
"""In a study's folder."""


class Exchange(BaseModel):
    """One call: what was asked, and what came of it. A line of a transcript, which may come from anywhere."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    messages: Annotated[list[dict[str, str]], Field(max_length=100)]
    text: str | None
    """None where there was no answer."""
    input_tokens: NonNegativeInt = 0
    output_tokens: NonNegativeInt = 0
    seconds: NonNegativeFloat = 0.0
    error: str = ""
    final: bool = False

    @property
    def answer(self) -> Answer | None:
        return None if self.text is None else Answer(self.text, self.input_tokens, self.output_tokens)


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

    def complete(self, messages: Sequence[Message], schema: Mapping[str, Any], seconds: float) -> Answer:
        """The next answer, or the next failure."""
        if not self.left:
            raise ModelError("the transcript ends here", final=True)
        exchange = self.left.popleft()
        if exchange.answer is None:
            raise ModelError(exchange.error, exchange.final)
        return exchange.answer


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
        return self._kept.left[0].seconds if self._kept.left else None

    def complete(self, messages: Sequence[Message], schema: Mapping[str, Any], seconds: float) -> Answer:
        """What the model answers."""
        if self._kept.left:
            return self._kept.complete(messages, schema, seconds)
        started, asked = time.monotonic(), [dict(message) for message in messages]
        try:
            answer = self._model.complete(messages, schema, seconds)
        except ModelError as error:
            spent = time.monotonic() - started
            self._add(Exchange(messages=asked, text=None, error=str(error), final=error.final, seconds=spent))
            raise
        self._add(Exchange(messages=asked, **asdict(answer), seconds=time.monotonic() - started))
        return answer

    def _add(self, exchange: Exchange) -> None:
        """Raises UserError where it cannot be written."""
        with closing(Journal(self._path, resume=True)) as journal:
            journal.append(exchange.model_dump())

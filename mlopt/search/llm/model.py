"""Whoever answers: what it is asked, what it says, and what it is charged for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ...core.errors import printable

Message = Mapping[str, str]
"""`role` (system, user, assistant) and `content`."""

CHARACTERS = 3
"""Of JSON and code in one token, about: for prompts, and for answers whose tokens the server does not count."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What was sent and received, whatever came of it."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, and what it was charged for, attempts that failed before among it."""

    text: str
    usage: Usage


class ModelError(Exception):
    """There is no answer; `final` where there will never be one, `waits` where the server wants a pause first.

    The message is one printable line.
    """

    def __init__(
        self,
        message: str,
        final: bool = False,
        waits: bool = False,
        usage: Usage = Usage(),
    ) -> None:
        super().__init__(printable(" ".join(message.split()))[:300])
        self.final = final
        self.waits = waits
        self.usage = usage


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one call may take."""

    seconds: float
    tokens: int | None = None
    """Of an answer; None: as many as the server likes."""
    may_ask: Callable[[Usage], bool] = lambda usage: True
    """Whether another request may follow those that have taken so much."""


class Model(Protocol):
    """Whoever answers."""

    def complete(self, messages: Sequence[Message], schema: Mapping[str, Any], allowance: Allowance) -> Answer:
        """The answer to `messages`, as JSON that fits `schema` if all goes well.

        Raises ModelError.
        """

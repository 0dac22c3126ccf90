"""A language model behind HTTP: one question, one answer, whatever the server does meanwhile."""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol

from ...core.errors import UserError, printable
from ..settings import limit

if TYPE_CHECKING:
    import httpx

Message = Mapping[str, str]
"""`role` (system, user, assistant) and `content`."""

LARGEST = 1 << 20
"""Bytes of an answer; proposals take a few thousand."""

LONGEST_PAUSE = 60.0
"""Seconds that a server may ask us to wait before the next attempt."""

CHARACTERS = 4
"""Of English text and JSON in one token, about: for prompts, and for answers whose tokens the server does not count."""

BUSY = (408, 409, 425, 429)
"""What a server answers that may answer otherwise in a moment; as those from 500 up."""

UNSUPPORTED = (400, 404, 415, 422)
"""What servers answer that do not know how to keep answers to a schema."""


class ModelError(Exception):
    """There is no answer; `final` where there will never be one. The message is one printable line."""

    def __init__(self, message: str, final: bool = False) -> None:
        super().__init__(printable(" ".join(message.split()))[:300])
        self.final = final


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, and the tokens that it was charged for."""

    text: str
    input_tokens: int
    output_tokens: int


class Model(Protocol):
    """Whoever answers."""

    def complete(self, messages: Sequence[Message], schema: Mapping[str, Any], seconds: float) -> Answer:
        """The answer to `messages`, as JSON that fits `schema` if all goes well, within `seconds`.

        Raises ModelError.
        """


class _Busy(Exception):
    """The server may answer if it is asked again, after `pause` seconds if it says so."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


@dataclass(slots=True)
class _Server:
    """What a server has let us know of itself."""

    plain: bool = False
    """That it does not keep answers to a schema."""
    ready: float = 0.0
    """When it may be asked again, on the monotonic clock."""


@dataclass(frozen=True)
class Endpoint:
    """A server that speaks OpenAI's chat completions at `url`, and the `model` that is asked for there.

    The key, if the server wants one, is the value of the environment variable `key_variable`; it goes into the
    request's header and nowhere else. `timeout` is what one answer may take in all, `retries` how often a busy server
    is asked again, the first time after `pause`, each further time after twice as long; never before the server says.
    All times are in seconds.
    """

    url: str
    model: str
    key_variable: str = "OPENAI_API_KEY"
    temperature: float = 0.7
    timeout: float = 120.0
    retries: int = 3
    pause: float = 1.0
    _server: _Server = field(default_factory=_Server, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise UserError(f"search.endpoint.url={self.url} must begin with http:// or https://")
        limit("endpoint.temperature", self.temperature, 0.0, 2.0)
        limit("endpoint.timeout", self.timeout, 0.001)
        limit("endpoint.retries", self.retries, 0)
        limit("endpoint.pause", self.pause, 0.0)

    def complete(self, messages: Sequence[Message], schema: Mapping[str, Any], seconds: float) -> Answer:
        """See `Model`; raises ModelError, which is final where the server is not there or refuses us."""
        end = time.monotonic() + seconds
        pause = self.pause
        self._rest(self._server.ready - time.monotonic(), end, "the server has asked for a pause")
        for left in range(self.retries, -1, -1):
            try:
                return self._ask(messages, schema, min(self.timeout, end - time.monotonic()))
            except _Busy as busy:
                if busy.pause is not None:
                    self._server.ready = time.monotonic() + busy.pause
                if not left:
                    raise ModelError(f"{self.url}: {busy}") from None
                self._rest(pause if busy.pause is None else busy.pause, end, str(busy))
                pause *= 2
        raise AssertionError("the last attempt returns or raises")

    def _rest(self, seconds: float, end: float, reason: str) -> None:
        """Raises ModelError, for this reason, instead of resting too long or beyond `end`."""
        if seconds > LONGEST_PAUSE or (seconds > 0.0 and time.monotonic() + seconds >= end):
            raise ModelError(f"{self.url}: {reason}")
        time.sleep(max(0.0, seconds))

    def _ask(self, messages: Sequence[Message], schema: Mapping[str, Any], seconds: float) -> Answer:
        if not self._server.plain:
            try:
                return self._post(self._body(messages, schema), seconds)
            except ModelError as error:
                if not isinstance(error.__cause__, _Unsupported):
                    raise
            answer = self._post(self._body(messages, None), seconds)
            self._server.plain = True
            return answer
        return self._post(self._body(messages, None), seconds)

    def _body(self, messages: Sequence[Message], schema: Mapping[str, Any] | None) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model, "messages": list(messages), "temperature": self.temperature}
        if schema is not None:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "proposals", "schema": schema}}
        return body

    def _post(self, body: Mapping[str, Any], seconds: float) -> Answer:
        """One request. Raises ModelError and _Busy."""
        import httpx

        try:
            status, headers, content = _within(seconds, lambda: self._exchange(body, seconds))
        except (TimeoutError, httpx.TimeoutException):
            raise ModelError(f"{self.url}: no whole answer within {seconds:.3g} s") from None
        except httpx.ConnectError as error:
            raise ModelError(f"{self.url} cannot be reached: {error}", final=True) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise _Busy(f"{type(error).__name__}: {error}") from None
        if status in BUSY or status >= 500:
            raise _Busy(f"HTTP {status}: {self._readable(content)}", _pause(headers.get("retry-after", "")))
        if status != 200:
            cause = _Unsupported() if status in UNSUPPORTED and "response_format" in body else None
            raise ModelError(f"{self.url}: HTTP {status}: {self._readable(content)}", final=True) from cause
        if len(content) > LARGEST:
            raise ModelError(f"{self.url}: an answer of more than {LARGEST >> 20} MiB")
        return self._answer(body, content)

    def _exchange(self, body: Mapping[str, Any], seconds: float) -> tuple[int, httpx.Headers, bytes]:
        """Status, headers, and the answer's first LARGEST bytes and a bit."""
        import httpx

        key = os.environ.get(self.key_variable, "")
        headers = {"Accept-Encoding": "identity"}  # so that a small answer cannot become a large one
        if key:
            headers["Authorization"] = f"Bearer {key}"
        url = f"{self.url.rstrip('/')}/chat/completions"
        end, content = time.monotonic() + seconds, bytearray()
        with httpx.Client(timeout=seconds) as client, client.stream("POST", url, json=body, headers=headers) as reply:
            for chunk in reply.iter_raw():
                content += chunk
                if time.monotonic() > end:
                    raise TimeoutError
                if len(content) > LARGEST:
                    break
            return reply.status_code, reply.headers, bytes(content)

    def _answer(self, body: Mapping[str, Any], content: bytes) -> Answer:
        try:
            reply = json.loads(content)
            text = reply["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise ModelError(f"{self.url}: no chat completion: {self._readable(content)}") from None
        if not isinstance(text, str):
            raise ModelError(f"{self.url}: an answer without text")
        usage = reply.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        counted = [usage.get(f"{kind}_tokens") for kind in ("prompt", "completion")]
        guessed = [len(json.dumps(body["messages"])) // CHARACTERS, len(text) // CHARACTERS]
        tokens = [c if type(c) is int and c >= 0 else g for c, g in zip(counted, guessed, strict=True)]
        return Answer(self._without_key(text), *tokens)

    def _readable(self, content: bytes) -> str:
        return self._without_key(content[:200].decode(errors="replace"))

    def _without_key(self, text: str) -> str:
        """`text` from the server, which may repeat what it was sent."""
        key = os.environ.get(self.key_variable, "")
        return text.replace(key, "***") if key else text


class _Unsupported(Exception):
    """The server does not know what a response's format is."""


def _within(seconds: float, work: Callable[[], Any]) -> Any:
    """What `work` returns; TimeoutError when it takes longer, however slowly the other end drips.

    In a thread of its own, which is left behind then, and ends with the process.
    """
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="language model").start()
    return future.result(timeout=max(0.0, seconds))


def _pause(retry_after: str) -> float | None:
    """The seconds in a Retry-After header, or until the date in it (RFC 9110, 10.2.3); None for anything else."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None

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
from typing import TYPE_CHECKING, Any

from ...core.errors import UserError
from ..settings import limit
from .model import CHARACTERS, Allowance, Answer, Message, ModelError, Usage
from .text import masked, whole

if TYPE_CHECKING:
    import httpx

LARGEST = 1 << 20
"""Bytes of an answer; proposals take a few thousand."""

MOST_TOKENS = 10**9
"""Of one answer, or its prompt, that a server is believed to have counted."""

LONGEST_PAUSE = 60.0
"""Seconds that are waited for a server; one that wants a longer pause has it, and others propose meanwhile."""

BUSY = (408, 409, 425, 429)
"""What a server answers that may answer otherwise in a moment; as those from 500 up."""

UNSUPPORTED = (400, 404, 415, 422)
"""What servers answer that do not know how to keep answers to a schema, or to a length."""


class _Busy(Exception):
    """The server may answer if it is asked again, after `pause` seconds if it says so."""

    def __init__(self, message: str, usage: Usage, pause: float | None = None) -> None:
        super().__init__(message)
        self.usage = usage
        self.pause = pause


class _Unsupported(ModelError):
    """The server may not know what a response's format or its longest length is."""


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

    def complete(self, messages: Sequence[Message], schema: Mapping[str, Any], allowance: Allowance) -> Answer:
        """See `Model`; raises ModelError, which is final where the server is not there or refuses us."""
        key, end = self._key(), time.monotonic() + allowance.seconds
        used, pause, retries = Usage(), self.pause, self.retries
        asked_to_wait = self._server.ready - time.monotonic()
        self._rest(asked_to_wait, end, ModelError(f"{self.url}: the server has asked for a pause", waits=True))
        while True:
            try:
                answer = self._post(self._body(messages, schema, allowance.tokens), key, end - time.monotonic())
                return Answer(answer.text, used + answer.usage)
            except _Unsupported as unsupported:
                used += unsupported.usage
                self._server.plain, failure = True, str(unsupported)
            except _Busy as busy:
                used, failure = used + busy.usage, f"{self.url}: {busy}"
                if busy.pause is not None:
                    self._server.ready = time.monotonic() + busy.pause
                if not retries:
                    raise ModelError(failure, usage=used) from None
                retries -= 1
                error = ModelError(failure, waits=busy.pause is not None, usage=used)
                self._rest(pause if busy.pause is None else busy.pause, end, error)
                pause *= 2
            except ModelError as other:
                raise ModelError(str(other), other.final, usage=used + other.usage) from None
            if not allowance.may_ask(used):
                raise ModelError(failure, usage=used)

    def _key(self) -> str:
        """'' where there is none. Raises ModelError for what can be none, and does not repeat it."""
        key = os.environ.get(self.key_variable, "").strip()
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise ModelError(f"{self.key_variable} holds no key, but blanks or characters that no key has", final=True)
        return key

    @staticmethod
    def _rest(seconds: float, end: float, error: ModelError) -> None:
        """Raises `error` instead of resting too long or beyond `end`."""
        if seconds > LONGEST_PAUSE or (seconds > 0.0 and time.monotonic() + seconds >= end):
            raise error
        time.sleep(max(0.0, seconds))

    def _body(self, messages: Sequence[Message], schema: Mapping[str, Any], tokens: int | None) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model, "messages": list(messages), "temperature": self.temperature}
        if not self._server.plain:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "proposals", "schema": schema}}
            body |= {} if tokens is None else {"max_tokens": tokens}
        return body

    def _post(self, body: Mapping[str, Any], key: str, seconds: float) -> Answer:
        """One request. Raises ModelError and _Busy."""
        import httpx

        seconds = min(self.timeout, seconds)
        if seconds <= 0.0:
            raise ModelError(f"{self.url}: there is no time left to ask")
        sent = Usage(1, len(json.dumps(body["messages"])) // CHARACTERS)
        try:
            status, headers, content = _within(seconds, lambda: self._exchange(body, key, seconds))
        except (TimeoutError, httpx.TimeoutException):
            raise ModelError(f"{self.url}: no whole answer within {seconds:.3g} s", usage=sent) from None
        except httpx.ConnectError as error:
            raise ModelError(f"{self.url} cannot be reached: {error}", final=True) from None
        except (httpx.NetworkError, httpx.RemoteProtocolError, OSError) as error:
            raise _Busy(f"the connection broke ({type(error).__name__})", sent) from None
        except Exception as error:  # of our own side, whose words may repeat the header
            raise ModelError(f"{self.url} cannot be asked ({type(error).__name__})", final=True) from None
        said = f"HTTP {status}: {_readable(content, key)}"
        if status in BUSY or status >= 500:
            raise _Busy(said, Usage(1), _pause(headers.get("retry-after", "")))
        if status != 200:
            kind = _Unsupported if status in UNSUPPORTED and "response_format" in body else ModelError
            raise kind(f"{self.url}: {said}", final=True, usage=Usage(1))
        if len(content) > LARGEST:
            usage = sent + Usage(output_tokens=LARGEST // CHARACTERS)
            raise ModelError(f"{self.url}: an answer of more than {LARGEST >> 20} MiB", usage=usage)
        return self._answer(content, sent, key)

    def _exchange(self, body: Mapping[str, Any], key: str, seconds: float) -> tuple[int, httpx.Headers, bytes]:
        """Status, headers, and the answer's first LARGEST bytes and a bit."""
        import httpx

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

    def _answer(self, content: bytes, sent: Usage, key: str) -> Answer:
        try:
            reply = json.loads(content)
        except (ValueError, RecursionError):
            reply = None
        try:
            text = reply["choices"][0]["message"]["content"]
        except (LookupError, TypeError):
            said = f"no chat completion: {_readable(content, key)}"
            raise ModelError(f"{self.url}: {said}", usage=_counted(reply, sent)) from None
        if not isinstance(text, str):
            raise ModelError(f"{self.url}: an answer without text", usage=_counted(reply, sent))
        guess = sent + Usage(output_tokens=len(text) // CHARACTERS)
        return Answer(masked(whole(text), key), _counted(reply, guess))


def _readable(content: bytes, key: str) -> str:
    """How an error begins."""
    return masked(content.decode(errors="replace"), key)[:200]


def _counted(reply: Any, guess: Usage) -> Usage:
    """The tokens of one request, as the server has counted them, where it has."""
    told = reply.get("usage") if isinstance(reply, dict) else None
    counts = [told.get(f"{kind}_tokens") if isinstance(told, dict) else None for kind in ("prompt", "completion")]
    guesses = (guess.input_tokens, guess.output_tokens)
    known = [c if type(c) is int and 0 <= c <= MOST_TOKENS else g for c, g in zip(counts, guesses, strict=True)]
    return Usage(guess.requests, *known)


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

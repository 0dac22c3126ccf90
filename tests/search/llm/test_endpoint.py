"""A language model behind HTTP, whatever the server does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from mlopt.core.errors import UserError
from mlopt.search.llm.endpoint import Answer, Endpoint, ModelError
from mlopt.testing.models import Part, Reply, Server, closed_port, fails, says

Serve = Callable[[Part], Server]
MESSAGES = [{"role": "user", "content": "Hello, model of mine"}]
SCHEMA = {"type": "object"}


def asked(url: str, seconds: float = 10.0, **settings: Any) -> Answer:
    return Endpoint(url, "a model", **{"pause": 0.001, **settings}).complete(MESSAGES, SCHEMA, seconds)


def test_asks_for_an_answer_by_the_schema(serve: Serve) -> None:
    server = serve(lambda body, number: says("{}"))
    assert asked(server.url) == Answer("{}", 100, 10)
    (request,) = server.requests
    assert request["model"] == "a model"
    assert request["messages"] == MESSAGES
    assert request["response_format"]["json_schema"]["schema"] == SCHEMA


def test_a_server_that_knows_no_schemas_is_asked_without(serve: Serve) -> None:
    server = serve(lambda body, number: fails(400) if "response_format" in body else says("{}"))
    endpoint = Endpoint(server.url, "a model")
    for _ in range(2):
        assert endpoint.complete(MESSAGES, SCHEMA, 10.0).text == "{}"
    assert ["response_format" in request for request in server.requests] == [True, False, False]


def test_guesses_the_tokens_that_a_server_does_not_count(serve: Serve) -> None:
    server = serve(lambda body, number: says("x" * 400, tokens=None))
    answer = asked(server.url)
    assert answer.output_tokens == 100
    assert 5 < answer.input_tokens < 30


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(serve: Serve, status: int) -> None:
    server = serve(lambda body, number: fails(status) if number < 2 else says("{}"))
    assert asked(server.url).text == "{}"
    assert len(server.requests) == 3


def test_an_error_storm_ends(serve: Serve) -> None:
    server = serve(lambda body, number: fails(503, "try later"))
    with pytest.raises(ModelError, match="HTTP 503: try later") as raised:
        asked(server.url, retries=2)
    assert len(server.requests) == 3
    assert not raised.value.final


def test_waits_as_long_as_the_server_says(serve: Serve) -> None:
    server = serve(lambda body, number: says("{}") if number else fails(429, retry_after="0.2"))
    started = time.monotonic()
    asked(server.url)
    assert time.monotonic() - started >= 0.2


def test_does_not_wait_beyond_its_time(serve: Serve) -> None:
    server = serve(lambda body, number: fails(429, retry_after="50"))
    with pytest.raises(ModelError, match="HTTP 429"):
        asked(server.url, seconds=5.0)
    assert len(server.requests) == 1


def test_a_date_to_wait_for_is_understood(serve: Serve) -> None:
    def play(retry_after: datetime) -> Part:
        return lambda body, number: says("{}") if number else fails(503, retry_after=format_datetime(retry_after, True))

    now = datetime.now(UTC)
    assert asked(serve(play(now - timedelta(hours=1))).url, pause=50.0).text == "{}"
    later = serve(play(now + timedelta(seconds=50)))
    with pytest.raises(ModelError, match="HTTP 503"):
        asked(later.url, seconds=5.0)
    assert len(later.requests) == 1


def test_a_server_is_not_asked_again_before_it_wants_to_be(serve: Serve) -> None:
    server = serve(lambda body, number: fails(429, retry_after="50"))
    endpoint = Endpoint(server.url, "a model", retries=0)
    for reason in ("HTTP 429", "has asked for a pause"):
        with pytest.raises(ModelError, match=reason):
            endpoint.complete(MESSAGES, SCHEMA, 5.0)
    assert len(server.requests) == 1


@pytest.mark.parametrize("said", ["soon", "", "nan", "inf", "Mon, 99 Foo"])
def test_a_pause_that_makes_no_sense_is_our_own(serve: Serve, said: str) -> None:
    server = serve(lambda body, number: says("{}") if number else fails(429, retry_after=said))
    assert asked(server.url).text == "{}"


def test_slow_drip_ends_at_the_timeout(serve: Serve) -> None:
    server = serve(lambda body, number: says("x" * 10_000))
    server.drip = 0.02
    with pytest.raises(ModelError, match="no whole answer within"):
        asked(server.url, timeout=0.3)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_server_that_refuses_is_not_asked_again(serve: Serve, status: int) -> None:
    server = serve(lambda body, number: fails(status, "go away"))
    with pytest.raises(ModelError, match="go away") as raised:
        asked(server.url)
    assert raised.value.final
    assert len(server.requests) <= 2  # with and without a schema


def test_nobody_there_is_final() -> None:
    with pytest.raises(ModelError, match="cannot be reached") as raised:
        asked(closed_port())
    assert raised.value.final


def test_an_answer_of_10_megabytes_is_refused(serve: Serve) -> None:
    server = serve(lambda body, number: says("x" * 10_000_000))
    with pytest.raises(ModelError, match="more than 1 MiB"):
        asked(server.url)


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"[]", b'{"choices": []}', b'{"choices": [{"message": {"content": null}}]}', b"[" * 200_000],
    ids=["empty", "html", "list", "no choice", "no text", "deep"],
)
def test_what_is_no_chat_completion_is_refused_in_one_line(serve: Serve, content: bytes) -> None:
    server = serve(lambda body, number: (200, {}, content))
    with pytest.raises(ModelError) as raised:
        asked(server.url)
    assert not raised.value.final
    assert len(str(raised.value).splitlines()) == 1


def test_usage_that_makes_no_sense_is_guessed(serve: Serve) -> None:
    def play(body: Mapping[str, Any], number: int) -> Reply:
        return 200, {}, b'{"choices": [{"message": {"content": "abcdefgh"}}], "usage": {"completion_tokens": -5}}'

    assert asked(serve(play).url).output_tokens == 2


def test_a_location_that_is_none_is_refused() -> None:
    with pytest.raises(UserError, match=r"search\.endpoint\.url=localhost"):
        Endpoint("localhost:11434", "a model")

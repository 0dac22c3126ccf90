"""A language model behind HTTP, whatever the server does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from mlopt.core.errors import UserError
from mlopt.search.llm.endpoint import Endpoint
from mlopt.search.llm.model import Allowance, Answer, ModelError, Usage
from mlopt.testing.models import Part, Reply, Server, closed_port, fails, says

Serve = Callable[[Part], Server]
MESSAGES = [{"role": "user", "content": "Hello, model of mine"}]
SCHEMA = {"type": "object"}


def asked(url: str, seconds: float = 10.0, **settings: Any) -> Answer:
    return Endpoint(url, "a model", **{"pause": 0.001, **settings}).complete(MESSAGES, SCHEMA, Allowance(seconds))


def test_asks_for_an_answer_by_the_schema(serve: Serve) -> None:
    server = serve(lambda body, number: says("{}"))
    assert asked(server.url) == Answer("{}", Usage(1, 100, 10))
    (request,) = server.requests
    assert request["model"] == "a model"
    assert request["messages"] == MESSAGES
    assert request["response_format"]["json_schema"]["schema"] == SCHEMA


def test_a_server_that_knows_no_schemas_is_asked_without(serve: Serve) -> None:
    server = serve(lambda body, number: fails(400) if "response_format" in body else says("{}"))
    endpoint = Endpoint(server.url, "a model")
    for _ in range(2):
        assert endpoint.complete(MESSAGES, SCHEMA, Allowance(10.0)).text == "{}"
    assert ["response_format" in request for request in server.requests] == [True, False, False]


def test_guesses_the_tokens_that_a_server_does_not_count(serve: Serve) -> None:
    server = serve(lambda body, number: says("x" * 400, tokens=None))
    answer = asked(server.url)
    assert answer.usage.output_tokens == 133
    assert 5 < answer.usage.input_tokens < 30


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
            endpoint.complete(MESSAGES, SCHEMA, Allowance(5.0))
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

    assert asked(serve(play).url).usage.output_tokens == 2


@pytest.mark.parametrize("key", ["sk-secret\r\n", " sk-secret "])
def test_blanks_around_a_key_are_no_part_of_it(serve: Serve, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("A_KEY", key)
    server = serve(lambda body, number: says("{}"))
    asked(server.url, key_variable="A_KEY")
    assert server.headers[0]["Authorization"] == "Bearer sk-secret"


@pytest.mark.parametrize("key", ["sk-\nsecret", "sk- secret", "sk-\u201csecret", "sk-\u200bsecret"])
def test_a_key_that_is_none_is_refused_and_not_repeated(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("A_KEY", key)
    server = serve(lambda body, number: says("{}"))
    with pytest.raises(ModelError, match="A_KEY holds no key") as raised:
        asked(server.url, key_variable="A_KEY")
    assert raised.value.final
    assert "secret" not in str(raised.value)
    assert server.requests == []


def test_a_key_at_the_end_of_what_is_shown_of_an_error_is_masked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "sk-a-very-secret-key")
    for before in range(170, 205):
        server = serve(lambda body, number, before=before: fails(401, "x" * before + "sk-a-very-secret-key"))
        with pytest.raises(ModelError) as raised:
            asked(server.url, key_variable="A_KEY")
        assert "xsk" not in str(raised.value)


@pytest.mark.parametrize("key", ["none", "EMPTY", "1", "ollama"])
def test_a_word_in_place_of_a_key_stays_in_answers(serve: Serve, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("A_KEY", key)
    text = f'{{"pack": "{key}", "tile": 128}}'
    assert asked(serve(lambda body, number: says(text)).url, key_variable="A_KEY").text == text


def test_half_a_character_is_made_whole(serve: Serve) -> None:
    answer = asked(serve(lambda body, number: says("cut \ud83d")).url)
    assert answer.text == "cut ?"


@pytest.mark.parametrize("count", [10**400, -1, True, "7", None])
def test_a_count_that_no_answer_has_is_guessed(serve: Serve, count: object) -> None:
    def play(body: Mapping[str, Any], number: int) -> Reply:
        usage = {"prompt_tokens": count, "completion_tokens": count}
        return 200, {}, json.dumps({"choices": [{"message": {"content": "abcdef"}}], "usage": usage}).encode()

    usage = asked(serve(play).url).usage
    assert usage.output_tokens == 2
    assert 5 < usage.input_tokens < 30


@pytest.mark.parametrize("content", ["null", '[{"type": "text"}]', "3"])
def test_an_answer_without_text_is_paid_for(serve: Serve, content: str) -> None:
    text = f'{{"choices": [{{"message": {{"content": {content}}}}}], "usage": {{"completion_tokens": 30000}}}}'
    with pytest.raises(ModelError, match="without text") as raised:
        asked(serve(lambda body, number: (200, {}, text.encode())).url)
    assert raised.value.usage.output_tokens == 30_000


def test_what_was_sent_is_paid_for_when_no_answer_comes(serve: Serve) -> None:
    server = serve(lambda body, number: says("x" * 10_000))
    server.drip = 0.02
    with pytest.raises(ModelError) as raised:
        asked(server.url, timeout=0.2)
    usage = raised.value.usage
    assert (usage.requests, usage.output_tokens) == (1, 0)
    assert usage.input_tokens > 5


def test_all_attempts_are_counted_with_the_answer(serve: Serve) -> None:
    server = serve(lambda body, number: (fails(400), fails(503), says("{}"))[number])
    assert asked(server.url).usage == Usage(3, 100, 10)


def test_no_attempt_follows_that_is_not_allowed(serve: Serve) -> None:
    server = serve(lambda body, number: fails(503))
    endpoint = Endpoint(server.url, "a model", retries=5, pause=0.001)
    with pytest.raises(ModelError, match="503") as raised:
        endpoint.complete(MESSAGES, SCHEMA, Allowance(10.0, may_ask=lambda usage: usage.requests < 2))
    assert len(server.requests) == raised.value.usage.requests == 2


def test_an_answer_may_be_as_long_as_is_left_to_pay_for(serve: Serve) -> None:
    server = serve(lambda body, number: fails(400, "no max_tokens") if "max_tokens" in body else says("{}"))
    assert Endpoint(server.url, "a model").complete(MESSAGES, SCHEMA, Allowance(10.0, 77)).text == "{}"
    assert [request.get("max_tokens") for request in server.requests] == [77, None]


def test_a_server_that_wants_a_long_pause_is_left_alone_and_no_request_is_made(serve: Serve) -> None:
    server = serve(lambda body, number: fails(429, retry_after="120"))
    endpoint = Endpoint(server.url, "a model")
    requests = []
    for _ in range(2):
        with pytest.raises(ModelError) as raised:
            endpoint.complete(MESSAGES, SCHEMA, Allowance(1000.0))
        assert raised.value.waits
        requests.append(raised.value.usage.requests)
    assert requests == [1, 0]
    assert len(server.requests) == 1


def test_a_location_that_is_none_is_refused() -> None:
    with pytest.raises(UserError, match=r"search\.endpoint\.url=localhost"):
        Endpoint("localhost:11434", "a model")

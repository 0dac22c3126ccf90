from __future__ import annotations

from pathlib import Path

import pytest

from mlopt.core.errors import UserError
from mlopt.search.llm.model import Allowance, ModelError, Usage
from mlopt.search.llm.transcript import Exchange, Recorded, Replayed, read

ANSWERED = Exchange(messages=[], text="one", input_tokens=3)
FAILED = Exchange(messages=[], text=None, error="busy", requests=4, input_tokens=7, waits=True)
ALLOWED = Allowance(1.0)


def test_every_exchange_is_a_line_that_answers_when_the_study_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "transcript.jsonl"
    model = Recorded(Replayed([ANSWERED, FAILED]), path)
    assert model.complete([], {}, ALLOWED).text == "one"
    with pytest.raises(ModelError, match="busy"):
        model.complete([], {}, ALLOWED)
    assert [exchange.text for exchange in read(path)] == ["one", None]
    again = Recorded(Replayed([ANSWERED, FAILED, ANSWERED.model_copy(update={"seconds": 7.0})]), path)
    assert again.complete([], {}, ALLOWED).usage.input_tokens == 3
    assert again.kept_seconds is not None
    with pytest.raises(ModelError, match="busy") as raised:
        again.complete([], {}, ALLOWED)
    assert raised.value.usage == Usage(4, 7, 0)
    assert raised.value.waits
    assert again.kept_seconds == 7.0
    again.complete([], {}, ALLOWED)
    assert again.kept_seconds is None
    assert read(path)[-1].seconds == 7.0


def test_a_line_cut_short_by_a_kill_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "transcript.jsonl"
    path.write_text('{"messages": [], "te')
    Recorded(Replayed([ANSWERED]), path).complete([], {}, ALLOWED)
    assert [exchange.text for exchange in read(path)] == ["one"]


def test_an_exchange_that_cannot_be_kept_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    model = Recorded(Replayed([ANSWERED]), tmp_path / "gone" / "transcript.jsonl")
    with pytest.raises(UserError, match="cannot write"):
        model.complete([], {}, ALLOWED)

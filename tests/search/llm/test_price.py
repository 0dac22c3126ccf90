"""What a model costs."""

from __future__ import annotations

import pytest

from mlopt.core.errors import UserError
from mlopt.search.llm.model import Usage
from mlopt.search.llm.price import Limits, Meter

ANSWERED, FAILED = Usage(1, 1000, 100), Usage(1)


def test_calls_tokens_money_and_seconds_add_up() -> None:
    meter = Meter(Limits(input_price=2.0, output_price=10.0))
    meter.add(ANSWERED, 3.0)
    meter.add(FAILED, 2.0)
    assert meter.spent() == {"calls": 2, "tokens": 1100, "money": pytest.approx(0.003), "seconds": 5.0}
    assert meter.reached() == ""


@pytest.mark.parametrize(
    ("name", "enough", "more"),
    [("calls", 1, 2), ("tokens", 1100, 1101), ("money", 0.001, 0.0011), ("seconds", 3.0, 3.1)],
)
def test_a_limit_is_reached_by_what_it_allows_and_by_no_less(name: str, enough: float, more: float) -> None:
    for most, reached in ((enough, True), (more, False)):
        meter = Meter(Limits(**{name: most}, input_price=1.0))  # type: ignore[arg-type]
        assert meter.reached() == ""
        meter.add(ANSWERED, 3.0)
        assert (meter.reached() == f"search.limits.{name}={most:g} is spent") is reached


def test_what_may_still_be_spent_on_waiting_is_never_negative() -> None:
    meter = Meter(Limits(seconds=4.0))
    assert meter.left_seconds() == 4.0
    meter.add(FAILED, 3.0)
    assert meter.left_seconds() == 1.0
    meter.add(FAILED, 3.0)
    assert meter.left_seconds() == 0.0
    assert Meter(Limits()).left_seconds() == float("inf")


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(UserError, match=r"search\.limits\.tokens=-1 must be at least 0"):
        Limits(tokens=-1)


def test_a_limit_of_money_where_nothing_has_a_price_is_refused() -> None:
    with pytest.raises(UserError, match=r"search\.limits\.money=2\.0 needs prices"):
        Limits(money=2.0)


def test_what_is_about_to_be_spent_counts() -> None:
    meter = Meter(Limits(calls=3))
    meter.add(FAILED, 1.0)
    assert meter.reached(Usage(1)) == ""
    assert meter.reached(Usage(2)) == "search.limits.calls=3 is spent"


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        (Limits(), None),
        (Limits(calls=3, seconds=1.0), None),
        (Limits(tokens=2000), 2000 - 1100 - 500),
        (Limits(money=0.01, input_price=2.0, output_price=10.0), 600),
        (Limits(money=0.01, input_price=2.0), None),
        (Limits(tokens=10), 1),
    ],
)
def test_an_answer_may_be_as_long_as_the_limits_allow(limits: Limits, left: int | None) -> None:
    meter = Meter(limits)
    meter.add(ANSWERED, 0.0)
    assert meter.left_tokens(500) == (left if left is None else pytest.approx(left, abs=1))


def test_what_was_spent_is_shared_out_once() -> None:
    meter = Meter(Limits())
    meter.add(FAILED, 3.0)
    meter.add(ANSWERED, 1.0)
    assert meter.shares(2) == {"calls": 1.0, "tokens": 550.0, "money": 0.0, "seconds": 2.0}
    assert set(meter.shares(2).values()) == {0.0}
    meter.add(ANSWERED, 1.0)
    assert meter.shares(1)["tokens"] == 1100.0

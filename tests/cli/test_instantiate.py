"""An option is a constructor call, and a constructor's arguments are checked before it is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from omegaconf import DictConfig, OmegaConf

from mlopt.cli.compose import compose, hydra_session
from mlopt.cli.instantiate import build, instantiate
from mlopt.core.errors import UserError
from mlopt.search.warm_start import WarmStart

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass(frozen=True)
class Part:
    count: int = 1
    ratio: float | None = None
    kind: Literal["soft", "hard"] = "soft"
    threads: int | Literal["all"] = "all"
    shape: Sequence[int] = ()
    inner: Part | None = None

    def __post_init__(self) -> None:
        if self.count == 0:
            raise ValueError("count must be positive")
        if self.count == 7:
            raise UserError("seven is taken")


class Opaque:
    """Its annotation can only be read by a type checker."""

    def __init__(self, unknown: Decimal | None = None) -> None:
        self.unknown = unknown


def open_ended(**others: Any) -> dict[str, Any]:
    return others


def make(name: str = "Part", /, **arguments: Any) -> Any:
    return build("part", {"_target_": f"{__name__}.{name}", **arguments})


def refusal(**arguments: Any) -> str:
    with pytest.raises(UserError) as caught:
        make(**arguments)
    return str(caught.value)


def test_the_arguments_arrive_as_plain_data() -> None:
    part = make(count=2, ratio=1, threads=3, shape=[4, 5])
    assert part == Part(count=2, ratio=1, threads=3, shape=[4, 5])
    assert type(part.shape) is list


def test_options_can_be_nested() -> None:
    assert make(inner={"_target_": f"{__name__}.Part", "count": 5}).inner == Part(count=5)


def test_constructors_with_open_or_unreadable_signatures_are_left_to_judge_for_themselves() -> None:
    assert make("open_ended", anything=1) == {"anything": 1}
    assert make("Opaque", unknown=1).unknown == 1


@pytest.mark.parametrize(
    ("argument", "value", "expected"),
    [
        ("count", "3", "part.count=3 should be a valid integer"),
        ("count", 1.5, "part.count=1.5 should be a valid integer"),
        ("count", True, "part.count=True should be a valid integer"),
        ("count", None, "part.count=None should be a valid integer"),
        ("ratio", "much", "part.ratio=much should be a valid number"),
        ("kind", "loud", "part.kind=loud should be 'soft' or 'hard'"),
        ("threads", "many", "part.threads=many should be a valid integer or should be 'all'"),
        ("shape", [1, "x"], "part.shape=[1, 'x'] should be a valid integer"),
        ("cuont", 3, "part has no key 'cuont'; did you mean 'count'?"),
        ("count", 0, "part: count must be positive"),
        ("count", 7, "seven is taken"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(argument: str, value: Any, expected: str) -> None:
    assert refusal(**{argument: value}) == expected


def test_a_nested_refusal_is_as_plain() -> None:
    assert refusal(inner={"_target_": f"{__name__}.Part", "count": 7}) == "seven is taken"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (None, "part names no class: its YAML file needs _target_"),
        ("nowhere.Part", "part: cannot load nowhere.Part: No module named 'nowhere'"),
        (f"{__name__}.Prat", f"part: cannot load {__name__}.Prat: "),
        (f"{__name__}.__name__", f"part: {__name__}.__name__ is not callable"),
    ],
)
def test_a_target_that_cannot_be_called_is_refused(target: str | None, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        build("part", {"_target_": target})
    assert str(caught.value).startswith(expected)


def test_a_fault_is_not_taken_for_a_mistake() -> None:
    with pytest.raises(Exception, match="division") as caught:
        build("part", {"_target_": "operator.truediv", "_args_": [1, 0]})
    assert not isinstance(caught.value, UserError)


def described(*words: str) -> DictConfig:
    """The study that `words` describe."""
    with hydra_session() as hydra:
        config = compose(hydra, list(words))
        return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])


@pytest.mark.usefixtures("drop_in")
@pytest.mark.parametrize("evaluator", ["execution", "cascade"])
def test_programs_for_another_machine_are_not_run(evaluator: str) -> None:
    with pytest.raises(UserError, match="choose evaluator=simulation, or, if"):
        instantiate(described("target=neon", f"evaluator={evaluator}"))
    assert instantiate(described("target=neon", "evaluator=simulation"))["backend"].thread_count == 8
    assert instantiate(described(f"evaluator={evaluator}"))["backend"].native


@pytest.mark.usefixtures("drop_in")
def test_any_search_can_begin_with_an_earlier_study(tmp_path: Path) -> None:
    for search in ("random", "grid", "evolve"):
        cold = instantiate(described(f"search={search}"))["search"]
        assert type(cold).__name__.lower() == search
        warm = instantiate(described(f"search={search}", f"search.warm_start={tmp_path}"))["search"]
        assert isinstance(warm, WarmStart)


def test_a_search_may_have_a_warm_start_of_its_own(drop_in: Callable[..., Path]) -> None:
    code = "class Own:\n    def __init__(self, warm_start: int = 3) -> None:\n        self.warm_start = warm_start\n"
    options = {
        "search/own": "# own\n_target_: mine.Own\n",
        "search/named": "# own\n_target_: mine.Own\nwarm_start: 5\n",
    }
    drop_in("mine", options, code)
    for words, warm_start in (
        (["search=own"], 3),
        (["search=named"], 5),
        (["search=own", "search.warm_start=7"], 7),
    ):
        assert instantiate(described(*words))["search"].warm_start == warm_start

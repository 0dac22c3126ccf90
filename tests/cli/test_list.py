"""`mlopt list` shows what there is to choose from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]


def test_each_option_has_one_line_with_its_purpose_and_origin(mlopt: Command, drop_in: Callable[..., Path]) -> None:
    purpose = "does " + 30 * "many things "
    drop_in("verbose", {"search/verbose": f"# {purpose}\n"})
    lines = [line.split() for line in mlopt("list").out.splitlines()]
    assert ["group", "option", "purpose", "from"] in lines
    assert ["search", "toy", "plays", "[for", "real]", "plugins/toys"] in lines
    assert ["search", "verbose", *purpose.split(), "plugins/verbose"] in lines
    assert any(line[:2] == ["tracker", "none"] and line[-1] == "built-in" for line in lines)


def test_a_group_can_be_picked(mlopt: Command) -> None:
    lines = mlopt("list", "tracker").out.splitlines()[1:]
    assert {line.split()[1] for line in lines} == {"mlflow", "none", "toy"}


def test_an_unknown_group_names_the_nearest(mlopt: Command) -> None:
    answer = mlopt("list", "trackers")
    assert answer.code == 2
    assert answer.err == "mlopt: there is no group 'trackers'; did you mean 'tracker'?\n"


def test_more_than_one_group_is_a_mistake(mlopt: Command) -> None:
    assert mlopt("list", "tracker", "search").code == 2


def test_two_owners_of_one_name_are_a_mistake(mlopt: Command, drop_in: Callable[..., Path]) -> None:
    drop_in("copycat", {"search/toy": "# plays\n"})
    for words in (["list"], ["search=toy"]):
        answer = mlopt(*words)
        assert answer.code == 2
        assert answer.err == "mlopt: search=toy has two owners: plugins/copycat and plugins/toys\n"

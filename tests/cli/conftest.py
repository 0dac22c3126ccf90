"""A small world for the command line: toy options for every group, and a study that only notes what it is given."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

import pytest

from mlopt.cli.main import main

GROUPS = ("workload", "backend", "search", "evaluator", "executor", "tracker")
TOY_CODE = """
from dataclasses import dataclass
from typing import Literal

from mlopt.core.errors import UserError

@dataclass(frozen=True)
class Toy:
    size: int = 4
    kind: Literal["soft", "hard"] = "soft"
    shape: tuple[int, ...] = (1, 2)
    note: str = ""

    def __post_init__(self):
        if self.size == 0:
            raise ValueError("size must be positive")
        if self.size == 7:
            raise UserError("seven is taken")
        if self.size == 13:
            raise ZeroDivisionError("a bug")
"""
TOY_YAML = """# plays [for real]
_target_: toys.Toy
size: 4
kind: soft
shape: [1, 2]
note: ""
"""


class Answer(NamedTuple):
    code: int
    out: str
    err: str


class StudyDouble:
    """Stands for mlopt.study.Study; `act` is what running one does."""

    made: ClassVar[list[dict[str, Any]]] = []
    act: ClassVar[Callable[[], object]] = dict

    def __init__(self, **parts: Any) -> None:
        self.made.append(parts)

    def run(self) -> object:
        return type(self).act()


class NoValidSchedule(Exception):
    pass


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> type[StudyDouble]:
    """The class that takes the place of Study, with the studies `made` so far."""
    module = ModuleType("mlopt.study")
    vars(module).update(Study=StudyDouble, NoValidSchedule=NoValidSchedule)
    monkeypatch.setitem(sys.modules, "mlopt.study", module)
    monkeypatch.setattr(StudyDouble, "made", [])
    monkeypatch.setattr(StudyDouble, "act", dict)
    return StudyDouble


@pytest.fixture
def mlopt(
    drop_in: Callable[..., Path],
    study: type[StudyDouble],
    capsys: pytest.CaptureFixture[str],
    logging_restored: None,
) -> Callable[..., Answer]:
    """The command, in an empty folder but for a plugin with an option `toy` for every group."""
    drop_in("toys", {f"{group}/toy": TOY_YAML for group in GROUPS}, TOY_CODE)

    def answer(*words: str) -> Answer:
        return Answer(main(words), *capsys.readouterr())

    return answer


@pytest.fixture
def tune(mlopt: Callable[..., Answer]) -> Callable[..., Answer]:
    """The command, with the toy of every group chosen."""
    return lambda *words: mlopt(*(f"{group}=toy" for group in GROUPS), *words)

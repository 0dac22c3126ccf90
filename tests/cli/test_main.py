"""`mlopt` finds out what is asked for."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import mlopt as package
from mlopt import plugins
from mlopt.cli.main import COMMANDS

Command = Callable[..., Any]


def test_help_names_every_command_and_needs_no_config(mlopt: Command) -> None:
    answer = mlopt("--help")
    assert answer.code == 0
    assert all(f"  mlopt {command}" in answer.out for command in ("[GROUP=OPTION]", "-m", *COMMANDS))
    assert mlopt("search=evolve", "-h").out == answer.out


def test_help_says_what_each_group_is_for(mlopt: Command) -> None:
    groups = {option.group for option in plugins.options() if not option.group.startswith("hydra/")}
    told = re.findall(r"^  (\w+)  +\S", mlopt("--help").out, flags=re.MULTILINE)
    assert sorted(told) == sorted(groups)


def test_the_three_examples_of_the_help_run(mlopt: Command, study: Any) -> None:
    Path("kernel.mlir").write_text("func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> }")
    _, _, after = mlopt("--help").out.partition("Examples:\n")
    examples = [shlex.split(line) for line in after.partition("\n\n")[0].splitlines()]
    assert len(examples) == 3
    for command, *words in examples:
        assert command == "mlopt"
        answer = mlopt(*words, *(["hydra/launcher=basic"] if "-m" in words else []))
        assert answer.code == 0, answer.err
    assert len(study.made) == 1 + 15 + 1


def test_version(mlopt: Command) -> None:
    assert mlopt("--version").out == f"mlopt {package.__version__}\n"


def test_an_unknown_command_names_the_nearest(mlopt: Command) -> None:
    answer = mlopt("lst")
    assert answer.code == 2
    assert answer.err == "mlopt: unknown command 'lst'; did you mean 'list'?\n"


def test_ui_gets_the_rest_of_the_line(mlopt: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("mlopt.cli.ui")
    vars(module)["ui"] = lambda arguments: len(arguments)
    monkeypatch.setitem(sys.modules, "mlopt.cli.ui", module)
    assert mlopt("ui", "--port", "5001", "x").code == 3


def test_ctrl_c_exits_130(tune: Command, study: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "act", interrupted)
    answer = tune()
    assert (answer.code, answer.err) == (130, "mlopt: interrupted\n")  # there is no log to go on with
    assert tune("-m", "hydra/launcher=basic", "seed=1,2").code == 130
    assert len(study.made) == 2


def test_sigterm_exits_143_once_the_study_has_ended_as_by_ctrl_c(
    tune: Command, study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = []
    before = signal.getsignal(signal.SIGTERM)

    def terminated() -> None:
        Path("here", "trials.jsonl").touch()
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            ended.append(True)
            raise

    monkeypatch.setattr(study, "act", terminated)
    answer = tune("hydra.run.dir=here")
    assert (answer.code, answer.err) == (143, "mlopt: terminated; mlopt resume=here goes on with it\n")
    assert ended
    assert signal.getsignal(signal.SIGTERM) is before


def test_no_words_run_the_default_study(mlopt: Command, tmp_path: Path, study: Any) -> None:
    answer = mlopt()
    assert answer.code == 0, answer.err
    tags = study.made[0]["info"].tags
    assert tags == {
        "workload": "matmul",
        "backend": "mlir",
        "search": "evolve",
        "evaluator": "execution",
        "executor": "ray",
        "target": "auto",
    }


@pytest.mark.parametrize("words", [["list"], ["--help"]])
def test_answers_within_a_second(words: list[str], tmp_path: Path) -> None:
    def seconds() -> float:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "mlopt.cli.main", *words],
            cwd=tmp_path,
            env={"PYTHONPATH": str(Path(package.__file__).parents[1])},
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - start

    assert any(seconds() < 1 for _ in range(3))  # another program may be busy meanwhile


def test_a_mistake_ends_the_process_with_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mlopt.cli.main", "tracker=mlfow"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(package.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == "mlopt: tracker has no option 'mlfow'; did you mean 'mlflow'?\n"
    assert done.stdout == ""

"""What a shell offers, and that real shells take our scripts."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mlopt.cli.completion.words import complete
from mlopt.cli.main import COMMANDS, main


def test_commands_groups_and_keys_are_offered() -> None:
    found = complete([""], COMMANDS)
    assert {"compare", "workload=", "search=", "budget.trials=", "seed=", "workload.m=", "-m"} <= set(found)
    assert not any(word.startswith("hydra") for word in found)
    assert complete(["budget.tri"], COMMANDS) == ["budget.trial_seconds=", "budget.trials="]


def test_the_keys_are_those_of_the_options_chosen() -> None:
    assert complete(["workload=softmax", "workload.r"], COMMANDS) == ["workload.rows="]
    assert complete(["workload.r"], COMMANDS) == []


def test_options_are_offered_one_after_the_other_in_a_sweep() -> None:
    assert complete(["search=ra"], COMMANDS) == ["search=random"]
    assert complete(["-m", "search=evolve,ra"], COMMANDS) == ["search=evolve,random"]
    assert complete(["nothing=x"], COMMANDS) == []


def test_the_keys_of_a_sweep_have_short_names() -> None:
    assert complete(["-m", "sweep."], COMMANDS) == ["sweep.resume=", "sweep.studies="]
    assert complete(["train", "sweep."], COMMANDS) == []


def test_commands_that_take_folders_leave_them_to_the_shell() -> None:
    for command in ("compare", "dataset", "export", "report", "residual", "sync", "t4"):
        assert complete([command, ""], COMMANDS) == []


def test_what_a_command_takes_is_offered(capsys: pytest.CaptureFixture[str]) -> None:
    assert complete(["list", "work"], COMMANDS) == ["workload"]
    assert complete(["completion", "z"], COMMANDS) == ["zsh"]
    assert complete(["archive", "list", ""], COMMANDS) == complete(["doctor", ""], COMMANDS) == []
    assert main(["archive", "nothing"]) == 2
    choices = capsys.readouterr().err.partition("choose from")[2].partition(")")[0]
    assert complete(["archive", ""], COMMANDS) == sorted(re.findall(r"\w+", choices))


def test_a_training_has_keys_of_its_own() -> None:
    assert complete(["train", "training.st"], COMMANDS) == ["training.steps="]
    assert complete(["train", "budget."], COMMANDS) == complete(["training.st"], COMMANDS) == []
    assert "backend.threads=" in complete(["train", "backend"], COMMANDS)


def test_a_plugin_is_offered_to_be_checked(drop_in: Callable[..., Path]) -> None:
    drop_in("mine", {"search/greedy": "# tries things\n_target_: nothing.Here\n"})
    assert complete(["check-plugin", ""], COMMANDS) == ["mine"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts_are_sound(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "mlopt completion complete" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_bash_completes_what_follows_an_equals_sign(capsys: pytest.CaptureFixture[str]) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    assert main(["completion", "bash"]) == 0
    asked = """
    mlopt() { printf 'search=random\\n'; }
    COMP_LINE='mlopt -m search=ra'; COMP_POINT=${#COMP_LINE}; _mlopt; printf '%s' "${COMPREPLY[@]}"
    """
    script = f"{capsys.readouterr().out}\n{asked}"
    assert subprocess.run([bash, "-c", script], text=True, check=True, capture_output=True).stdout == "random"


@pytest.mark.parametrize("words", [[], ["tcsh"], ["bash", "zsh"]])
def test_a_mistake_is_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", *words]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1

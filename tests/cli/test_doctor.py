"""`mlopt doctor` says what was found, and ends well whatever it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlopt.cli import doctor
from mlopt.doctor.finding import Finding, State

Command = Callable[..., Any]
BROKEN = Finding("bindings", State.BROKEN, "[no] module", "pip install them")


def look(*findings: Finding) -> Callable[[], Iterator[Finding]]:
    return lambda: iter(findings)


def test_each_finding_has_a_line_and_the_end_names_what_to_mend(
    mlopt: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine, gone = Finding("cores", State.OK, "2"), Finding("GPU", State.ABSENT, "none")
    monkeypatch.setattr(doctor, "CHECKS", (look(fine, BROKEN), look(gone)))
    answer = mlopt("doctor")
    assert answer.code == 0
    lines = [line.split() for line in answer.out.splitlines()]
    assert ["bindings", "broken", "[no]", "module", "pip", "install", "them"] in lines
    assert ["GPU", "absent", "none"] in lines
    assert answer.out.endswith("to be mended: bindings\n")


def test_where_nothing_is_to_be_mended_it_says_so(mlopt: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECKS", (look(Finding("cores", State.OK, "2"), Finding("GPU", State.ABSENT, "")),))
    assert mlopt("doctor").out.endswith("all is well\n")


def test_it_takes_no_arguments(mlopt: Command) -> None:
    assert mlopt("doctor", "please").err == "mlopt: mlopt doctor takes no arguments\n"


def test_who_keeps_it_waiting_is_named(mlopt: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def wait() -> Iterator[Finding]:
        end = time.monotonic() + 30.0
        while not said and time.monotonic() < end:
            time.sleep(0.01)
        yield Finding("cores", State.OK, "2")

    monkeypatch.setattr("mlopt.waiting.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("mlopt.executor.device.holder", lambda: 1)
    monkeypatch.setattr("mlopt.cli.doctor.complain", said.append)
    monkeypatch.setattr(doctor, "CHECKS", (wait,))
    assert mlopt("doctor").code == 0
    assert said[0].startswith("waiting for process 1 (")

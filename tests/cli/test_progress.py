import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mlopt.cli.progress import Progress
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Budget, StudyInfo
from mlopt.testing.tracker import RESULT, TrackerContract


class TestProgress(TrackerContract):
    def make(self, folder: Path) -> Progress:
        return Progress(Budget(20), console(terminal=False))


class TestProgressOnATerminal(TrackerContract):
    def make(self, folder: Path) -> Progress:
        return Progress(Budget(20), console(terminal=True))


def console(terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=80, highlight=False, _environ={"TERM": "xterm"})


def trial(number: int, seconds: float | None, **metrics: float) -> Trial:
    ok = seconds is not None or bool(metrics)
    return Trial(number, Schedule(), Status.OK if ok else Status.CRASH, seconds=seconds, metrics=metrics)


@pytest.fixture
def info(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyInfo:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs").mkdir()
    return StudyInfo("matmul-0", tmp_path / "outputs", {}, {})


def shown(
    info: StudyInfo,
    trials: list[Trial],
    result: dict[str, Any] | None,
    budget: Budget = Budget(200),  # noqa: B008 - immutable
    terminal: bool = False,
    naive: float | None = None,
) -> str:
    """What a study puts on the terminal, without the codes for cursor and colour."""
    screen = console(terminal)
    progress = Progress(budget, screen)
    progress.start(info)
    if naive:
        progress.baseline("naive", naive)
    for each in trials:
        progress.log(each)
    progress.finish(result)
    assert isinstance(screen.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.file.getvalue())


@pytest.mark.parametrize("terminal", [False, True])
def test_the_state_tells_trials_best_speedup_failures_and_time_left(info: StudyInfo, terminal: bool) -> None:
    trials = [trial(0, 2e-3), trial(1, None), trial(2, 1e-3), trial(3, 4e-3)]
    text = shown(info, trials, None, terminal=terminal, naive=50e-3)
    assert re.search(r"  4/200  best 1\.000 ms  50\.0x naive +1 failed +\d+:\d\d left", text)


def test_a_bar_fits_in_the_width_of_the_terminal(info: StudyInfo) -> None:
    text = shown(info, [trial(0, 123.4e-6)], None, Budget(100_000, 3600.0), terminal=True, naive=1.0)
    bars = [line for line in re.split(r"[\r\n]", text) if "━" in line]
    assert bars
    assert max(map(len, bars)) <= 80
    assert all("failed" in bar and "left" in bar for bar in bars)


def test_there_are_no_control_codes_where_there_is_no_terminal(info: StudyInfo) -> None:
    screen = console(terminal=False)
    progress = Progress(Budget(10), screen)
    progress.start(info)
    progress.log(trial(0, 1.0))
    progress.finish(RESULT)
    assert isinstance(screen.file, io.StringIO)
    assert "\x1b" not in screen.file.getvalue()


def test_plain_lines_come_every_tenth_of_the_budget(info: StudyInfo) -> None:
    text = shown(info, [trial(k, None) for k in range(200)], None)
    done = [int(n) for n in re.findall(r"^ *(\d+)/200", text, re.MULTILINE)]
    assert done == list(range(20, 201, 20))


def test_improvements_bring_a_line_sooner_but_never_a_flood(info: StudyInfo) -> None:
    text = shown(info, [trial(k, 1.0 / (k + 1)) for k in range(200)], None)
    done = [int(n) for n in re.findall(r"^ *(\d+)/200", text, re.MULTILINE)]
    assert done == list(range(10, 201, 10))


def test_the_time_left_ends_with_the_nearer_limit(info: StudyInfo) -> None:
    text = shown(info, [trial(0, 1.0)], None, Budget(1, 3600.0))
    assert "0:00 left" in text
    text = shown(info, [], None, Budget(1, 90.0))
    assert "1:30 left" in text


def test_before_anything_is_known_the_state_says_so(info: StudyInfo) -> None:
    assert re.search(r"0/200  best +-  +0 failed  -:-- left", shown(info, [], None))


def test_a_simulated_study_shows_its_cost_and_no_speedup(info: StudyInfo) -> None:
    text = shown(info, [trial(0, None, cost=1234.0)], None, naive=1.0)
    assert "best     1234 " in text
    assert "naive" not in text


def test_the_end_shows_the_table_the_counts_and_the_files(info: StudyInfo) -> None:
    (info.directory / "best").mkdir()
    (info.directory / "best" / "rerun.py").touch()
    lines = shown(info, [], RESULT).splitlines()
    assert any(line.startswith("best ") and "2.000 ms" in line for line in lines)
    assert any(line.endswith("skipped: no C++ compiler") for line in lines)
    assert lines[-3:] == [
        "9 trials in 1.000 s: 3 ok, 1 invalid, 1 compile error, 1 wrong result, 1 timeout, 1 crash, 1 out of memory",
        "files: outputs",
        "the best again: python outputs/best/rerun.py",
    ]


def test_the_end_shows_how_uncertain_the_best_is(info: StudyInfo) -> None:
    assert "\nno time for naive\n" in shown(info, [], {**RESULT, "caveat": "no time for naive"})


def test_the_end_shows_whom_the_finals_found_wrong(info: StudyInfo) -> None:
    lost = {"trial 7": "WrongResult: output 0", "trial 3": "WrongResult: output 1", "trial 4": "WorkerLost: killed"}
    assert "\nfound wrong in the finals: trials 3, 7\n" in shown(info, [], {**RESULT, "lost": lost})
    assert "found wrong" not in shown(info, [], RESULT)


def test_files_elsewhere_are_named_in_full(info: StudyInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert f"files: {info.directory}\n" in shown(info, [], RESULT)


def test_a_study_without_a_valid_schedule_says_so(info: StudyInfo) -> None:
    counts = {"ok": 0, "crash": 2}
    text = shown(info, [], {**RESULT, "best": None, "counts": counts, "speedup": {}})
    assert "no valid schedule was found" in text
    assert ": 2 crash\n" in text


def test_a_study_that_has_tried_everything_says_so(info: StudyInfo) -> None:
    trials = [trial(number, 1e-3) for number in range(43)]
    text = shown(info, trials, {**RESULT, "exhausted": True})
    assert "nothing is left to try" in text
    assert "43/43 " in text
    assert " 0:00 left" in text
    assert "nothing is left to try" not in shown(info, trials, {**RESULT, "exhausted": False})


def test_a_failed_study_says_where_its_files_are(info: StudyInfo) -> None:
    assert shown(info, [], None).splitlines()[-1] == "the study failed; what it wrote is in outputs"


def test_an_estimate_is_not_shown_as_the_best(info: StudyInfo) -> None:
    trials = [trial(0, 2e-3), *(trial(number, None, cost=1.0, estimated_seconds=1e-3) for number in range(1, 100))]
    text = shown(info, trials, None)
    assert "best 2.000 ms" in text
    assert "0.001" not in text

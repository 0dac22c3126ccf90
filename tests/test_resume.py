"""A study that was ended in any way goes on as if it had not been."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import random
import resource
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from doubles import OnDevices, ToyBackend, ToyEvaluator

from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Trial
from mlopt.executor.inline import Inline
from mlopt.executor.local import Local
from mlopt.protocols import Budget, Space, StudyContext, StudyInfo
from mlopt.search.evolve import Evolve
from mlopt.search.random import Random
from mlopt.study import Study
from mlopt.workloads.matmul.workload import Matmul

pytestmark = pytest.mark.usefixtures("aside_here")
TAGS = {"workload": "matmul", "backend": "toy", "search": "toy", "evaluator": "toy", "executor": "inline"}
CONFIG = {"workload": {"m": 3}, "search": {"size": 1}, "seed": 5}


class Diary:
    """Proposes numbers in order, and writes down what it is asked and told."""

    def __init__(self, backwards: bool = False) -> None:
        self.backwards = backwards
        self.entries: list[str] = []

    def start(self, space: Space, context: StudyContext) -> None:
        numbers = [option.value for option in space.options(Schedule())]
        self.left = iter(numbers[::-1] if self.backwards else numbers)

    def ask(self, n: int) -> Sequence[Schedule]:
        proposed = list(itertools.islice(self.left, n))
        self.entries.append(f"asked for {n}: {proposed}")
        return [Schedule.of({"number": number}) for number in proposed]

    def tell(self, trials: Sequence[Trial]) -> None:
        self.entries += [f"told of {trial.trial}" for trial in trials]


class Alarm:
    """A tracker that interrupts the study at trial `number`, and notes the trials that it sees."""

    def __init__(self, number: int | None = None) -> None:
        self.number = number
        self.earlier: Sequence[Trial] = ()
        self.seen: list[int] = []

    def start(self, info: StudyInfo) -> None:
        self.earlier = info.trials

    def baseline(self, name: str, seconds: float) -> None: ...

    def log(self, trial: Trial) -> None:
        self.seen.append(trial.trial)
        if trial.trial == self.number:
            raise_interrupt()

    def finish(self, result: Mapping[str, Any] | None) -> None: ...


def raise_interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1.0)


def study(folder: Path, search: Any = None, tracker: Any = None, *, resume: bool = False, **changed: Any) -> Study:
    limits = {name: changed.pop(name) for name in ("trials", "seconds", "money") if name in changed}
    parts: dict[str, Any] = {
        "workload": Matmul(3, 4, 5),
        "backend": ToyBackend(),
        "evaluator": ToyEvaluator(),
        "executor": Inline(),
        "seed": 5,
        **changed,
    }
    config = {**CONFIG, "seed": parts["seed"]}
    return Study(
        **parts,
        search=search or Diary(),
        trackers=[tracker or Alarm()],
        budget=Budget(**{"trials": 10, **limits}),
        info=StudyInfo("toy", folder, config, TAGS),
        resume=resume,
    )


def interrupted(folder: Path, search: Any = None, at: int = 3, **changed: Any) -> None:
    """A study that Ctrl-C ended when trial `at` was logged."""
    with pytest.raises(KeyboardInterrupt):
        study(folder, search, Alarm(at), **changed).run()


def log(folder: Path) -> list[dict[str, Any]]:
    """The trials, times of day aside."""
    lines = map(json.loads, (folder / "trials.jsonl").read_text().splitlines())
    timed = ("started", "finished", "compile_seconds")
    return [{key: value for key, value in line.items() if key not in timed} for line in lines]


def numbers(folder: Path) -> list[int]:
    return [line["schedule"]["number"] for line in log(folder)]


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


# What an end costs.


def test_a_study_killed_at_twenty_moments_is_the_one_that_was_not(tmp_path: Path) -> None:
    size, trials, moments = ToyBackend(400), 120, random.Random(0)
    whole = study(tmp_path / "whole", Evolve(), backend=size, trials=trials).run()
    killed = tmp_path / "killed"
    for kill in range(20):
        if (child := os.fork()) == 0:
            with contextlib.suppress(BaseException):
                study(killed, Evolve(), backend=size, trials=trials, resume=kill > 0).run()
            os._exit(0)
        before = written(killed)
        while written(killed) == before and os.waitpid(child, os.WNOHANG) == (0, 0):
            time.sleep(0.0005)
        time.sleep(moments.uniform(0.0, 0.01))
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    found = study(killed, Evolve(), backend=size, trials=trials, resume=True).run()
    assert log(killed) == log(tmp_path / "whole")
    assert found["best"] == whole["best"]


def written(folder: Path) -> int:
    file = folder / "trials.jsonl"
    return file.stat().st_size if file.exists() else 0


def test_what_was_under_way_comes_again_under_its_number_and_the_search_knows_what_it_knew(tmp_path: Path) -> None:
    slow = ToyBackend(faults=(None, functools.partial(time.sleep, 600.0)))
    first, second, last = Diary(), Diary(), Alarm()
    interrupted(tmp_path, first, at=4, backend=slow, executor=Local(2, memory_bytes=150 << 20))
    assert numbers(tmp_path) == [0, 2, 3, 4]
    study(tmp_path, second, last, executor=Local(2, memory_bytes=150 << 20), resume=True).run()
    assert second.entries[: len(first.entries)] == first.entries
    assert sorted(numbers(tmp_path)) == list(range(10)) == sorted(line["trial"] for line in log(tmp_path))
    assert [trial.trial for trial in last.earlier] == [0, 2, 3, 4]
    assert sorted(last.seen) == [1, 5, 6, 7, 8, 9]


def test_another_number_of_slots_repeats_nothing(tmp_path: Path) -> None:
    interrupted(tmp_path, executor=Local(3, memory_bytes=150 << 20))
    study(tmp_path, resume=True).run()
    assert sorted(numbers(tmp_path)) == list(range(10))


def test_a_line_that_was_not_finished_is_put_aside_and_its_trial_tried_again(tmp_path: Path) -> None:
    interrupted(tmp_path)
    text = (tmp_path / "trials.jsonl").read_bytes()
    (tmp_path / "trials.jsonl").write_bytes(text[:-20])
    study(tmp_path, resume=True).run()
    assert numbers(tmp_path) == list(range(10))
    assert (tmp_path / "trials.jsonl.torn").read_bytes() == text.splitlines()[-1][:-19] + b"\n"


def test_asks_that_were_lost_repeat_nothing(tmp_path: Path) -> None:
    interrupted(tmp_path)
    (tmp_path / "proposals.jsonl").unlink()
    study(tmp_path, Random(), resume=True, backend=ToyBackend(10)).run()
    assert sorted(numbers(tmp_path)) == sorted(line["trial"] for line in log(tmp_path)) == list(range(10))


def test_a_search_that_answers_otherwise_than_before_repeats_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    slow = ToyBackend(12, faults=(None, functools.partial(time.sleep, 600.0)))
    interrupted(tmp_path, at=4, backend=slow, executor=Local(2, memory_bytes=150 << 20))

    class Otherwise(Diary):
        """From both ends; leaves out what it was told."""

        told = frozenset[Any]()

        def ask(self, n: int) -> Sequence[Schedule]:
            return [schedule for schedule in super().ask(12 if n else 0) if schedule not in self.told][:n]

        def tell(self, trials: Sequence[Trial]) -> None:
            self.told |= {trial.schedule for trial in trials}

        def start(self, space: Space, context: StudyContext) -> None:
            super().start(space, context)
            self.left = itertools.cycle(list(self.left)[::-1])  # type: ignore[assignment]

    study(tmp_path, Otherwise(), resume=True, backend=ToyBackend(12), trials=12).run()
    assert sorted(numbers(tmp_path)) == list(range(12))
    assert "does not propose what it did before" in caplog.text


def test_a_full_disk_ends_the_study_in_one_line_and_loses_nothing(tmp_path: Path) -> None:
    tracker = Alarm()
    tracker.log = lambda trial: fill() if trial.trial == 3 else None  # type: ignore[method-assign]

    def fill() -> None:
        """From here on no file may grow beyond a little more than the log."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (written(tmp_path) + 30, before[1]))

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    one = study(tmp_path, tracker=tracker)
    try:
        with pytest.raises(UserError, match=r"^cannot write .*\.jsonl: File too large; mlopt resume=.* goes on later$"):
            one.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert one.best is not None
    assert numbers(tmp_path)[:4] == list(range(4))
    study(tmp_path, resume=True).run()
    assert numbers(tmp_path) == list(range(10))


# What there is left to do.


def test_a_larger_budget_goes_on_as_it_would_have_from_the_start(tmp_path: Path) -> None:
    study(tmp_path / "grown", Evolve(), trials=12).run()
    study(tmp_path / "grown", Evolve(), trials=40, resume=True).run()
    study(tmp_path / "whole", Evolve(), trials=40).run()
    assert log(tmp_path / "grown") == log(tmp_path / "whole")


def test_a_study_that_is_done_only_writes_its_report(tmp_path: Path) -> None:
    found = study(tmp_path).run()
    (tmp_path / "result.json").unlink()
    tracker = Alarm()
    again = study(tmp_path, tracker=tracker, resume=True).run()
    assert tracker.seen == []
    passing = {"wall_seconds": 0.0, "finished": ""}
    assert {**again, **passing} == {**found, **passing}
    assert json.loads((tmp_path / "result.json").read_text()) == again


def test_one_that_was_ended_before_its_first_trial_begins(tmp_path: Path) -> None:
    study(tmp_path, resume=True).run()
    assert numbers(tmp_path) == list(range(10))


def test_seconds_spent_before_count(tmp_path: Path) -> None:
    interrupted(tmp_path, seconds=100.0)
    file = tmp_path / "proposals.jsonl"
    *earlier, last = map(json.loads, file.read_text().splitlines())
    last["seconds"] = 99.99
    file.write_text("".join(json.dumps(line) + "\n" for line in (*earlier, last)))
    slow = ToyEvaluator(act=functools.partial(time.sleep, 0.02))
    found = study(tmp_path, evaluator=slow, seconds=100.0, resume=True).run()
    assert found["trials"] < 7
    assert found["wall_seconds"] > 99.99


class Paid(Diary):
    """Each proposal costs 1."""

    spent = 0.0

    def ask(self, n: int) -> Sequence[Schedule]:
        proposed = super().ask(n)
        self.spent += len(proposed)
        return proposed


def test_the_budget_of_money_ends_it_and_what_was_spent_before_counts(tmp_path: Path) -> None:
    assert study(tmp_path, Paid(), money=4.0).run()["trials"] == 4
    # To be asked again has cost 4 once more.
    assert study(tmp_path, Paid(), money=10.0, resume=True).run()["trials"] == 6


# What is not gone on with.


def refused(folder: Path, **changed: Any) -> str:
    """The line that refuses to go on, and leaves all as it is."""
    before = contents(folder)
    with pytest.raises(UserError) as refusal:
        study(folder, resume=True, **changed).run()
    assert contents(folder) == before
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.fixture
def cut_short(tmp_path: Path) -> Path:
    interrupted(tmp_path)
    return tmp_path


def test_a_log_of_another_space_is_refused(cut_short: Path) -> None:
    assert "trial 3 is another study's" in refused(cut_short, backend=ToyBackend(3))


def test_another_seed_is_refused(cut_short: Path) -> None:
    assert "the study began with another seed" in refused(cut_short, seed=6)


def test_a_log_put_in_the_place_of_another_is_refused(cut_short: Path) -> None:
    lines = (cut_short / "trials.jsonl").read_text().replace('{"number": 2}', '{"number": 50}')
    (cut_short / "trials.jsonl").write_text(lines)
    assert "trial 2 is another study's" in refused(cut_short)


@pytest.mark.parametrize("name", ["trials.jsonl", "proposals.jsonl"])
@pytest.mark.parametrize("line", ['{"told": -1}', "[]", "\x00", '{"trial": 0, "schedule": {}, "status": "ok"}'])
def test_a_damaged_line_is_refused(cut_short: Path, name: str, line: str) -> None:
    with (cut_short / name).open("a") as file:
        file.write(line + "\n")
    assert name in refused(cut_short)


def test_times_of_another_machine_are_refused(cut_short: Path) -> None:
    file = cut_short / "proposals.jsonl"
    file.write_text(file.read_text().replace('"machine": {"cpu": "', '"machine": {"cpu": "Another '))
    timed = refused(cut_short, evaluator=ToyEvaluator(executes=True), executor=Local(1))
    assert "measured on another machine" in timed
    study(cut_short, resume=True).run()  # a cost is one anywhere


def test_two_processes_do_not_go_on_with_one_study(cut_short: Path) -> None:
    class Twin(Alarm):
        def log(self, trial: Trial) -> None:
            with pytest.raises(UserError, match="is in use: another process goes on with this study"):
                study(cut_short, resume=True).run()
            self.seen.append(trial.trial)

    twin = Twin()
    study(cut_short, tracker=twin, resume=True).run()
    assert twin.seen == list(range(4, 10))


def test_times_of_another_device_are_refused(cut_short: Path) -> None:
    timed = refused(cut_short, backend=OnDevices(), evaluator=ToyEvaluator(executes=True), executor=Local(1))
    assert "measured on another machine" in timed

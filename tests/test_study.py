"""The loop, what it writes, and that nothing which happens on the way loses a trial."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import psutil
import pytest
from doubles import AtOnce, Holder, Sized, ToyBackend, ToyDevices, ToyEvaluator, fail

from mlopt import spending, waiting
from mlopt import study as module
from mlopt.backend.mlir.backend import Mlir
from mlopt.core.errors import CompileError, UserError, WrongResult
from mlopt.core.schedule import Schedule
from mlopt.core.trial import UNVERIFIED, Measurement, Status, Trial
from mlopt.evaluator.cascade import Cascade
from mlopt.evaluator.execution import Execution
from mlopt.evaluator.simulation import Simulation
from mlopt.executor import device
from mlopt.executor.local import Local
from mlopt.executor.worker import Worker
from mlopt.finals.contender import Contender, Skipped
from mlopt.finals.interleaved import Course
from mlopt.finals.timetable import OutOfTime
from mlopt.limit import MARGIN
from mlopt.protocols import Budget, Program, Roofline, Space, StudyContext, StudyInfo, Workload
from mlopt.search.evolve import Evolve
from mlopt.study import NoValidSchedule, Study
from mlopt.testing.executor import FAULTS, STATUSES, spin
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.matmul.workload import Matmul

pytestmark = pytest.mark.usefixtures("aside_here")
MATMUL = Matmul(3, 4, 5)
TAGS = {"workload": "matmul", "backend": "toy", "search": "in order", "evaluator": "toy", "executor": "local"}
CONFIG = {"workload": {"_target_": "Matmul", "m": 3, "n": 4, "k": 5, "dtype": "float32"}, "seed": 5}


@pytest.fixture(scope="module", autouse=True)
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Locks and a cache that only these tests know."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("locks")))
        patch.setattr(tempfile, "tempdir", None)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before


class InOrder:
    """Proposes each schedule of the space once."""

    def __init__(self, backwards: bool = False) -> None:
        self.backwards = backwards
        self.asked: list[int] = []
        self.told: list[Trial] = []

    def start(self, space: Space, context: StudyContext) -> None:
        self.context = context
        values = [decision.value for decision in space.options(Schedule())]
        self.left = iter(values[::-1] if self.backwards else values)

    def ask(self, n: int) -> Sequence[Schedule]:
        self.asked.append(n)
        return [Schedule.of({"number": value}) for value in itertools.islice(self.left, n)]

    def tell(self, trials: Sequence[Trial]) -> None:
        self.told += trials


class Notes:
    """A tracker that notes what it is told and does `act` at each trial."""

    def __init__(self, act: Callable[[Trial], object] = lambda trial: None) -> None:
        self.act = act
        self.baselines: dict[str, float] = {}
        self.trials: list[Trial] = []
        self.notes: list[str] = []
        self.results: list[Mapping[str, Any] | None] = []

    def start(self, info: StudyInfo) -> None: ...

    def baseline(self, name: str, seconds: float) -> None:
        self.baselines[name] = seconds

    def note(self, text: str) -> None:
        self.notes.append(text)

    def log(self, trial: Trial) -> None:
        self.trials.append(trial)
        self.act(trial)

    def finish(self, result: Mapping[str, Any] | None) -> None:
        self.results.append(result)


Make = Callable[..., Study]


def study_in(
    directory: Path,
    backend: Any = None,
    search: Any = None,
    evaluator: Any = None,
    trackers: Any = (),
    slots: int | None = None,
    **limits: Any,
) -> Study:
    """Its trials are done in this process, or by as many workers as it is to have `slots`."""
    return Study(
        MATMUL,
        backend or ToyBackend(),
        search or InOrder(),
        evaluator or ToyEvaluator(),
        AtOnce() if slots is None else Local(slots, memory_bytes=150 << 20),
        trackers,
        Budget(**{"trials": 6, "trial_seconds": 60.0, **limits}),
        5,
        StudyInfo("toy", directory, CONFIG, TAGS),
    )


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return functools.partial(study_in, tmp_path / "study")


class Plain(NamedTuple):
    study: Study
    search: InOrder
    notes: Notes
    found: Mapping[str, Any]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """A study of seven trials in two slots that went well."""
    search, notes = InOrder(), Notes()
    study = study_in(tmp_path_factory.mktemp("plain"), search=search, trackers=[notes], slots=2, trials=7)
    return Plain(study, search, notes, study.run())


def log(study: Study) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (study.info.directory / "trials.jsonl").read_text().splitlines()]


def written(study: Study) -> Any:
    return json.loads((study.info.directory / "result.json").read_text())


Meet = Callable[..., list[Contender]]


@pytest.fixture
def meet(monkeypatch: pytest.MonkeyPatch) -> Meet:
    """Take the place of the finals: `outcome` maps contenders to seconds or to why they are absent."""

    def stage(outcome: Callable[[str], float | Exception]) -> list[Contender]:
        seen: list[Contender] = []

        def measure(contenders: Sequence[Contender], rng: object, seconds: float) -> Any:
            seen.extend(contenders)
            outcomes = {contender.name: outcome(contender.name) for contender in contenders}
            times = {name: Course([s] * 8) for name, s in outcomes.items() if not isinstance(s, Exception)}
            return times, {name: error for name, error in outcomes.items() if isinstance(error, Exception)}

        monkeypatch.setattr("mlopt.finals.meeting.measure", measure)
        return seen

    return stage


# The loop.


def test_the_budget_of_trials_is_spent_and_each_trial_is_logged_told_and_tracked_once(plain: Plain) -> None:
    numbers = [line["trial"] for line in log(plain.study)]
    assert sorted(numbers) == list(range(7))
    assert numbers == [trial.trial for trial in plain.search.told] == [trial.trial for trial in plain.notes.trials]
    assert [line["schedule"] for line in log(plain.study)] == [{"number": number} for number in numbers]
    assert plain.found["trials"] == 7
    assert plain.found["counts"] == {status.value: 0 for status in Status} | {"ok": 7}


def test_the_search_is_told_what_the_study_is_about(plain: Plain) -> None:
    brief = plain.search.context.brief()
    assert brief.workload["name"] == plain.found["workload"]["name"]
    assert (brief.flops, brief.bytes, brief.threads) == (MATMUL.flops, MATMUL.bytes, plain.found["threads"])
    assert brief.machine["cores"] == plain.found["fingerprint"]["cores"]
    assert plain.search.context.directory == plain.study.info.directory
    assert plain.search.context.computing is device.briefly


def test_what_the_search_says_reaches_the_user(plain: Plain) -> None:
    plain.search.context.say("a word")
    assert plain.notes.notes == ["a word"]


def test_a_trial_bears_its_origin_and_its_price(make: Make) -> None:
    class Told(InOrder):
        def account(self, schedule: Schedule) -> tuple[str, Mapping[str, float]]:
            return "oracle", {"model_money": 0.5}

    study = make(search=Told(), trials=2)
    study.run()
    assert [line["origin"] for line in log(study)] == ["oracle"] * 2
    assert [line["metrics"]["model_money"] for line in log(study)] == [0.5] * 2


def test_the_search_is_asked_for_no_more_than_there_are_free_slots_and_trials_left(plain: Plain) -> None:
    assert sum(plain.search.asked) == 7
    assert plain.search.asked[0] == plain.search.context.slots == 2
    assert min(plain.search.asked) > 0


class Queueing(Local):
    """Whose slots wait for works to travel."""

    in_line = 2


def test_what_an_executor_wants_in_line_is_asked_for_too(make: Make) -> None:
    study = make(search=InOrder(), trials=6)
    study.executor = Queueing(1, memory_bytes=150 << 20)
    study.run()
    assert study.search.asked[0] == 3  # type: ignore[attr-defined]
    assert len(study.trials) == 6


def test_the_search_draws_from_the_studys_seed(plain: Plain) -> None:
    assert plain.search.context.rng.random() == np.random.default_rng(5).random()


def test_the_budget_of_seconds_ends_it(make: Make) -> None:
    evaluator = ToyEvaluator(act=functools.partial(time.sleep, 0.05))
    begun = time.monotonic()
    found = make(ToyBackend(1000), evaluator=evaluator, trials=1000, seconds=1.0).run()
    assert time.monotonic() - begun < 30.0
    assert 1 <= found["trials"] < 200
    assert found["best"]["cost"] == 1.0


def test_a_trial_that_hangs_does_not_outlast_the_budget_of_seconds(make: Make) -> None:
    begun = time.monotonic()
    with pytest.raises(NoValidSchedule):
        make(ToyBackend(faults=(spin,) * 6), slots=1, seconds=1.0, trial_seconds=600.0).run()
    assert time.monotonic() - begun < 30.0


@pytest.fixture
def aside_apart(aside_here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a study does beside its trials is done in a process of its own, as it is for users."""
    monkeypatch.setattr("mlopt.aside.Worker", Worker)


@pytest.mark.usefixtures("aside_apart")
def test_somebody_who_keeps_the_device_delays_the_end_a_little_and_costs_the_export(
    make: Make, meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LATE_SECONDS", 0.2)
    meet(lambda name: 1.0)
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:

        def keep(trial: Trial) -> None:
            if trial.trial == 0:
                assert stack.enter_context(Holder("alone")).holds()

        notes = Notes(keep)
        study = make(evaluator=ToyEvaluator(executes=True), trackers=[notes], slots=2, trials=100, seconds=4.0)
        found = study.run()
    assert time.monotonic() - begun < 30.0
    assert written(study) == found
    assert found["best"]["seconds"] == 1.0
    assert not (study.info.directory / "best").exists()
    assert "the best is not exported yet: others took time on this machine for too long" in notes.notes[-1]


@pytest.mark.usefixtures("aside_apart")
def test_without_a_budget_in_seconds_the_export_waits_and_says_for_whom(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(waiting.processes, "above", lambda pid: iter([pid]))  # as if this had not started it
    with contextlib.ExitStack() as stack:
        holders: list[Holder] = []

        def keep(trial: Trial) -> None:
            if trial.trial == 5:
                holders.append(stack.enter_context(Holder("alone")))
                assert holders[0].holds()

        class Told(Notes):
            def note(self, text: str) -> None:
                super().note(text)
                holders[0].leave()

        notes = Told(keep)
        study = make(trackers=[notes])
        study.run()
    assert (study.info.directory / "best" / "record.json").exists()
    assert [note.split(" (")[0] for note in notes.notes] == [f"waiting for process {holders[0].process.pid}"]


@pytest.mark.usefixtures("aside_apart")
def test_a_roofline_that_is_waited_for_does_not_outlast_the_budget_of_seconds(make: Make) -> None:
    study = make(ToyBackend(thread_count=11), evaluator=ToyEvaluator(executes=True), slots=2, seconds=1.0)
    begun = time.monotonic()
    with Holder("alone") as holder:
        assert holder.holds()
        with pytest.raises(NoValidSchedule, match="ended before the first trial did"):
            study.run()
    assert time.monotonic() - begun < 30.0


def test_an_exhausted_space_ends_it(make: Make) -> None:
    search, notes = InOrder(), Notes()
    found = make(ToyBackend(5), search, trials=100, trackers=[notes]).run()
    assert (found["trials"], found["exhausted"]) == (5, True)
    assert len(search.told) == 5
    assert notes.notes[-1] == "there are 5 schedules at most, fewer than budget.trials=100"


def test_a_budget_that_is_spent_leaves_something_to_try(make: Make) -> None:
    assert make(ToyBackend(5), trials=4).run()["exhausted"] is False


def test_a_search_that_proposes_nothing_for_now_is_waited_for(make: Make) -> None:
    class Waiting(InOrder):
        pending = 0

        def ask(self, n: int) -> Sequence[Schedule]:
            if self.pending:
                return ()
            self.pending = 1
            return super().ask(1)

        def tell(self, trials: Sequence[Trial]) -> None:
            super().tell(trials)
            self.pending -= len(trials)

    search = Waiting()
    assert make(search=search, trials=4).run()["trials"] == 4
    assert [trial.trial for trial in search.told] == [0, 1, 2, 3]


def test_a_search_that_proposes_more_than_it_was_asked_for_is_refused(make: Make) -> None:
    class Generous(InOrder):
        def ask(self, n: int) -> Sequence[Schedule]:
            return super().ask(n + 1)

    with pytest.raises(UserError, match="proposed 2 schedules where 1 were asked for"):
        make(search=Generous(), trials=3).run()


def test_trials_are_logged_in_the_order_of_completion(make: Make) -> None:
    study = make(ToyBackend(faults=(functools.partial(time.sleep, 1.0),)), slots=2, trials=3)
    study.run()
    assert [line["trial"] for line in log(study)] == [1, 2, 0]


def test_each_trial_is_told_what_it_has_to_beat(make: Make) -> None:
    search = InOrder(backwards=True)
    make(ToyBackend(4), search).run()
    assert [trial.metrics.get("to_beat") for trial in search.told] == [None, 4.0, 3.0, 2.0]


def test_a_study_does_not_write_into_another_ones_folder(plain: Plain) -> None:
    with pytest.raises(UserError, match="holds a study already"):
        study_in(plain.study.info.directory).run()
    assert len(log(plain.study)) == 7
    assert written(plain.study) == plain.found


# What comes of it.


def test_without_execution_the_best_has_a_cost_and_meets_nobody(plain: Plain) -> None:
    found = plain.found
    assert found == written(plain.study)
    assert found["best"] == {"trial": 0, "schedule": {"number": 0}, "cost": 1.0}
    assert found["baselines"] == found["speedup"] == {}
    assert found["inputs"] is found["target"] is None
    assert (found["backend"], found["search"], found["evaluator"], found["seed"]) == ("toy", "in order", "toy", 5)
    assert found["wall_seconds"] > 0.0


class Doubtful(ToyEvaluator):
    """Cannot tell whether what comes after the first program is right."""

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        found = super().evaluate(program, workload, best)
        return replace(found, metrics={**found.metrics, **({} if program.ir == "0" else {UNVERIFIED: 1.0})})


def test_results_that_nobody_could_judge_are_said_once_and_counted(make: Make) -> None:
    notes = Notes()
    found = make(evaluator=Doubtful(), trackers=[notes], trials=4).run()
    assert sum("without having been verified" in note for note in notes.notes) == 1
    assert found["unverified"] == 3


def test_a_search_for_several_objectives_has_its_front_in_the_result(make: Make, plain: Plain) -> None:
    class Both(InOrder):
        objectives = ("cost", "size")

    found = make(search=Both(), evaluator=Sized()).run()
    assert found["pareto"] == [
        {"trial": 0, "schedule": {"number": 0}, "cost": 1.0, "size": 5.0},
        {"trial": 2, "schedule": {"number": 2}, "cost": 3.0, "size": 4.0},
    ]
    assert "pareto" not in plain.found


def test_the_best_is_exported_with_what_is_known_of_it(plain: Plain) -> None:
    record = json.loads((plain.study.info.directory / "best" / "record.json").read_text())
    assert record == {"entry": "toy", **{key: plain.found[key] for key in ("workload", "best", "fingerprint")}}


def test_a_backend_need_not_write_a_record_of_its_own(make: Make) -> None:
    study = make(ToyBackend(export_record=False))
    study.run()
    assert json.loads((study.info.directory / "best" / "record.json").read_text())["best"]["trial"] == 0


def test_the_finalists_and_the_baselines_meet_in_one_run(make: Make, meet: Meet) -> None:
    seconds = {"trial 0": 1.2, "trial 1": 1.1, "naive": 2.2, "torch": 1.1}
    contenders = meet(lambda name: seconds.get(name, 5.0) if name != "torch_compile" else Skipped("no compiler"))
    notes = Notes()
    found = make(evaluator=ToyEvaluator(executes=True, inputs="rotated"), trackers=[notes], trials=8).run()
    assert [contender.name for contender in contenders] == [
        "torch_compile",
        "torch",
        *(f"trial {number}" for number in range(5)),
        "naive",
    ]
    assert {contender.inputs for contender in contenders} == {found["inputs"]} == {"rotated"}
    assert found["best"] == {"trial": 1, "schedule": {"number": 1}, "seconds": 1.1, "ci95": [1.1, 1.1], "turns": 8}
    assert found["baselines"]["roofline"]["seconds"] == max(MATMUL.flops / 1e12, MATMUL.bytes / 1e11)
    assert found["baselines"]["torch_compile"] == {"skipped": "no compiler"}
    assert found["speedup"]["naive"] == pytest.approx(2.0)
    assert 0.0 < notes.baselines["naive"] < 60.0


def test_on_a_device_each_library_that_pytorch_has_takes_part(make: Make, meet: Meet) -> None:
    contenders = meet(lambda name: 5.0)
    study = make(ToyDevices(), evaluator=ToyEvaluator(executes=True), trials=2)
    study.workload = Attention(1, 1, 1, 4, seq=4, kv_seq=4)
    found = study.run()
    names = {"torch_compile", "torch", "torch_flash", "torch_cudnn", "naive"}
    assert {contender.name for contender in contenders} == {"trial 0", "trial 1", *names}
    assert names < found["baselines"].keys()


def test_the_finals_have_what_the_budget_left_and_begin_with_who_matters_most(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[tuple[list[str], float]] = []

    def measure(contenders: Sequence[Contender], rng: object, seconds: float) -> Any:
        met.append(([contender.name for contender in contenders], seconds))
        return {}, {contender.name: OutOfTime("no time left") for contender in contenders}

    monkeypatch.setattr("mlopt.finals.meeting.measure", measure)
    found = make(evaluator=ToyEvaluator(executes=True), trials=2, seconds=600.0).run()
    ((names, seconds),) = met
    assert names == ["trial 0", "naive", "torch", "trial 1", "torch_compile"]
    assert 0.0 < seconds < 600.0
    assert found["best"]["seconds"] == 1.0
    assert found["lost"] == {"trial 0": "no time left", "trial 1": "no time left"}


def test_the_search_spends_what_finals_without_a_finalist_would_have(
    make: Make, meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(lambda name: 1.0)
    monkeypatch.setattr(spending, "SHORT_FINALS_SHARE", 1.0)
    monkeypatch.setattr(spending, "SHORT_FINALS_SECONDS", 600.0)
    faults = (functools.partial(fail, CompileError("no")),) * 3
    found = make(ToyBackend(faults=faults), evaluator=ToyEvaluator(executes=True), seconds=600.0).run()
    assert [found["trials"], found["counts"]["ok"]] == [4, 1]


def test_a_roofline_that_cannot_be_measured_costs_nothing_else(make: Make, meet: Meet) -> None:
    meet(lambda name: 1.0)
    found = make(ToyBackend(ceiling=None, thread_count=7), evaluator=ToyEvaluator(executes=True)).run()
    assert found["baselines"]["roofline"] == {"skipped": "OSError: no counters"}
    assert found["best"]["seconds"] == 1.0


def test_a_cascade_executes_few_and_its_best_is_one_of_these(make: Make, meet: Meet) -> None:
    contenders = meet(lambda name: 1.0)
    cascade = Cascade(ToyEvaluator(), Execution(seconds=0.002, precision=1.0))
    search = InOrder()
    study = make(ToyBackend(24), search, evaluator=cascade, slots=1, trials=24)
    found, lines = study.run(), log(study)
    timed = [line["trial"] for line in lines if line["seconds"] is not None]
    assert found["counts"]["ok"] == found["trials"] == 24
    assert 1 <= found["executed"] == len(timed) <= 8
    assert found["best"]["trial"] in timed
    assert {c.name for c in contenders if c.name.startswith("trial")} <= {f"trial {number}" for number in timed}
    assert all(trial.objective is not None for trial in search.told)
    assert all("estimated_seconds" in line["metrics"] for line in lines if line["trial"] not in timed)
    assert all(line["metrics"]["cost"] == line["trial"] + 1 for line in lines)
    assert found == written(study)


PRODUCT = Matmul(32, 32, 32)


@pytest.fixture
def tuned(tmp_path: Path, meet: Meet) -> Callable[..., Study]:
    """A small study of a matrix product in MLIR, done, but for the finals, which are played."""

    def tune(evaluator: Any, trials: int) -> Study:
        info = StudyInfo("small", tmp_path / "study", CONFIG, {**TAGS, "target": "auto"})
        meet(lambda name: 1.0)
        study = Study(PRODUCT, Mlir(1), Evolve(), evaluator, Local(1), [], Budget(trials), 0, info)
        study.run()
        return study

    return tune


def test_a_small_study_by_simulation_executes_nothing(tuned: Callable[..., Study]) -> None:
    study = tuned(Simulation(), 6)
    found, lines = written(study), log(study)
    costs = {line["trial"]: line["metrics"]["cost"] for line in lines if line["status"] == "ok"}
    assert found["best"]["cost"] == costs[found["best"]["trial"]] == min(costs.values())
    assert found["executed"] == 0
    assert found["target"] == "auto"
    assert found["inputs"] is None
    assert found["baselines"] == found["speedup"] == {}
    assert not [line for line in lines if line["seconds"] is not None or line["samples"]]


def test_a_small_study_by_a_cascade_estimates_most_and_executes_the_best(tuned: Callable[..., Study]) -> None:
    study = tuned(Cascade(Simulation(), Execution(seconds=0.01)), 12)
    found, lines = written(study), log(study)
    timed = {line["trial"]: line for line in lines if line["seconds"] is not None}
    assert 1 <= found["executed"] == len(timed) < found["counts"]["ok"]
    assert found["best"]["schedule"] == timed[found["best"]["trial"]]["schedule"]
    assert found["inputs"] == "warm"
    assert found["speedup"]["naive"] == 1.0
    fastest = min(line["seconds"] for line in timed.values())
    assert study.best is not None
    assert study.best.seconds == fastest
    assert all(line["metrics"].get("estimated_seconds", fastest) >= fastest for line in lines)


def test_each_trial_says_how_near_it_came_to_the_roofline(make: Make, meet: Meet) -> None:
    meet(lambda name: 1.0)
    study = make(ToyBackend(thread_count=8), evaluator=ToyEvaluator(executes=True))
    study.run()
    least = max(MATMUL.flops / 1e12, MATMUL.bytes / 1e11)
    assert all(trial["metrics"]["roofline"] == pytest.approx(least / trial["seconds"]) for trial in log(study))


def test_a_roofline_that_the_best_beat_is_measured_again(tmp_path: Path, meet: Meet) -> None:
    meet(lambda name: 1.0)
    evaluator = ToyEvaluator(executes=True)
    for name, ceiling in (("first", Roofline(60.0, 1e11)), ("second", Roofline(1e12, 1e11))):
        found = study_in(tmp_path / name, ToyBackend(ceiling=ceiling, thread_count=9), evaluator=evaluator).run()
    assert found["baselines"]["roofline"]["flops_per_second"] == 1e12


class Hasty(ToyEvaluator):
    """Finds the second program too fast for this machine: every time, or (`once`) the first time only."""

    def __init__(self, file: Path, once: bool) -> None:
        object.__setattr__(self, "executes", True)
        object.__setattr__(self, "made", (file, once))

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        file, once = vars(self)["made"]
        found = super().evaluate(program, workload, best)
        if found.seconds != 2.0 or (once and file.exists()):
            return found
        file.write_text(file.read_text() + "x" if file.exists() else "x")
        return replace(found, seconds=1e-12)


LEAST = MATMUL.least_flops / 1e12 / MARGIN


def test_a_trial_that_is_faster_than_the_machine_allows_is_measured_again(
    make: Make, meet: Meet, tmp_path: Path
) -> None:
    meet(lambda name: 1.0)
    study = make(ToyBackend(thread_count=10), evaluator=Hasty(tmp_path / "seen", once=True))
    found = study.run()
    assert [trial["seconds"] for trial in log(study)] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert found["counts"]["wrong_result"] == 0
    assert (tmp_path / "seen").read_text() == "x"


def test_one_that_stays_so_is_a_wrong_result_and_has_no_time(make: Make, meet: Meet, tmp_path: Path) -> None:
    meet(lambda name: 1.0)
    assert LEAST > 1e-12
    study = make(ToyBackend(thread_count=10), evaluator=Hasty(tmp_path / "seen", once=False))
    found = study.run()
    (wrong,) = (trial for trial in log(study) if trial["trial"] == 1)
    assert (wrong["status"], wrong["seconds"], wrong["samples"], wrong["metrics"]) == ("wrong_result", None, [], {})
    assert wrong["error"] == "WrongResult: 1e-12 s a call: whoever computes this here needs 3e-11 s at least"
    assert (found["trials"], found["counts"]["ok"], found["best"]["trial"]) == (6, 5, 0)
    assert (tmp_path / "seen").read_text() == "xx"
    assert [trial.trial for trial in study.search.told].count(1) == 1  # type: ignore[attr-defined]


def test_a_finalist_that_is_faster_than_the_machine_allows_is_lost(make: Make, meet: Meet) -> None:
    meet(lambda name: {"trial 2": 0.99 * LEAST, "trial 1": 1.01 * LEAST, "naive": 0.5 * LEAST}.get(name, 1.0))
    found = make(ToyBackend(thread_count=10), evaluator=ToyEvaluator(executes=True)).run()
    assert found["best"]["trial"] == 1
    assert list(found["lost"]) == ["trial 2"]
    assert "s at least" in found["lost"]["trial 2"]


def test_without_a_roofline_nothing_is_too_fast(make: Make, meet: Meet, tmp_path: Path) -> None:
    meet(lambda name: 1e-12)
    backend = ToyBackend(ceiling=None, thread_count=7)
    assert make(backend, evaluator=Hasty(tmp_path / "seen", once=False)).run()["best"]["seconds"] == 1e-12


def test_a_backend_that_cannot_be_simulated_ends_the_study_with_its_first_trial(make: Make) -> None:
    study = make(evaluator=Simulation())
    with pytest.raises(UserError, match=r"^evaluator=simulation needs a backend that can simulate its programs"):
        study.run()
    assert log(study) == []


def test_a_study_of_which_no_trial_is_valid_says_why_and_keeps_its_trials(make: Make) -> None:
    study = make(ToyBackend(faults=(functools.partial(fail, CompileError("lower: no")),) * 6))
    with pytest.raises(NoValidSchedule, match="none of 6 trials was valid; the first: CompileError: lower: no"):
        study.run()
    assert len(log(study)) == 6
    assert written(study)["best"] is None
    assert written(study)["counts"]["compile_error"] == 6
    assert not (study.info.directory / "best").exists()


def test_finalists_that_are_all_found_wrong_leave_no_best(make: Make, meet: Meet) -> None:
    meet(lambda name: WrongResult("output 0") if name.startswith("trial") else 1.0)
    study = make(evaluator=ToyEvaluator(executes=True))
    with pytest.raises(NoValidSchedule, match="WrongResult: output 0"):
        study.run()
    assert written(study)["best"] is None
    assert len(written(study)["lost"]) == 6


def test_behind_finalists_that_are_all_found_wrong_the_next_ones_meet(make: Make, meet: Meet) -> None:
    wrong = {f"trial {number}" for number in range(5)}
    contenders = meet(lambda name: WrongResult("output 0") if name in wrong else 1.0)
    study = make(evaluator=ToyEvaluator(executes=True), trials=9)
    found = study.run()
    assert found["best"]["trial"] == 5
    assert found["lost"].keys() == wrong
    assert [each["trial"] for each in found["finalists"]] == [5, 6, 7, 8]
    assert [contender.name for contender in contenders].count("trial 0") == 1


# What may happen on the way.


def test_failures_are_trials_without_a_number(make: Make) -> None:
    faults = (functools.partial(fail, CompileError("no")), FAULTS["segfault"], spin, FAULTS["reserve_memory"])
    study = make(ToyBackend(faults=faults), slots=2, trial_seconds=1.5)
    found = study.run()
    lines = {line["trial"]: line for line in log(study)}
    statuses = [lines[number]["status"] for number in range(6)]
    assert statuses == ["compile_error", "crash", "timeout", "out_of_memory", "ok", "ok"]
    assert all(lines[number]["seconds"] is None and not lines[number]["samples"] for number in range(4))
    assert "SIGSEGV" in lines[1]["error"]
    assert all(line["started"] <= line["finished"] for line in lines.values())
    assert found["best"]["trial"] == 4


def test_one_that_hangs_does_not_take_its_neighbours_time(make: Make, meet: Meet) -> None:
    meet(lambda name: 1.0)
    hung = functools.partial(time.sleep, 600.0)
    study = make(ToyBackend(2, faults=(hung,)), evaluator=ToyEvaluator(executes=True), slots=2, trial_seconds=1.5)
    study.run()
    assert {line["trial"]: line["status"] for line in log(study)} == {0: "timeout", 1: "ok"}


def test_a_worker_that_cannot_import_its_modules_ends_the_study(make: Make) -> None:
    notes = Notes()
    with pytest.raises(UserError, match="no_such_module"):
        make(ToyBackend(preload=("no_such_module",)), trackers=[notes], slots=1).run()
    assert notes.results == [None]


def test_a_tracker_that_fails_loses_no_trial(make: Make) -> None:
    search, faulty, sound = InOrder(), Notes(lambda trial: 1 / 0), Notes()
    study = make(search=search, trackers=[faulty, sound])
    found = study.run()
    assert len(log(study)) == len(search.told) == len(sound.trials) == found["trials"] == 6
    assert faulty.results == sound.results == [found]


def test_trackers_are_finished_whatever_happens(make: Make) -> None:
    class Faulty(InOrder):
        def tell(self, trials: Sequence[Trial]) -> NoReturn:
            raise ZeroDivisionError("a bug")

    notes = Notes()
    with pytest.raises(ZeroDivisionError):
        make(search=Faulty(), trackers=[notes]).run()
    assert notes.results == [None]


def interrupt(trial: Trial) -> None:
    if trial.trial == 3:
        os.kill(os.getpid(), signal.SIGINT)


def test_a_mistake_that_shows_on_the_way_loses_nothing(make: Make) -> None:
    class Disappointed(InOrder):
        def tell(self, trials: Sequence[Trial]) -> None:
            super().tell(trials)
            if len(self.told) == 3:
                raise UserError("trials have no 'joules'")

    study = make(search=Disappointed())
    with pytest.raises(UserError, match="no 'joules'"):
        study.run()
    assert written(study)["trials"] == len(log(study)) == 3
    assert written(study)["best"]["trial"] == 0


def test_ctrl_c_writes_the_best_so_far(make: Make) -> None:
    notes = Notes(interrupt)
    study = make(search=InOrder(backwards=True), trackers=[notes], trials=100)
    with pytest.raises(KeyboardInterrupt):
        study.run()
    found = written(study)
    assert found["best"] == {"trial": 3, "schedule": {"number": 96}, "cost": 97.0}
    assert found["trials"] == len(log(study)) == 4
    assert found["interrupted"] is True
    assert (study.info.directory / "best" / "record.json").exists()
    assert notes.results == [found]


def test_ctrl_c_in_the_finals_writes_the_best_so_far(make: Make, meet: Meet) -> None:
    def interrupted(name: str) -> NoReturn:
        raise KeyboardInterrupt

    meet(interrupted)
    study = make(evaluator=ToyEvaluator(executes=True))
    with pytest.raises(KeyboardInterrupt):
        study.run()
    assert written(study)["best"] == {
        "trial": 0,
        "schedule": {"number": 0},
        "seconds": 1.0,
        "ci95": [0.9, 1.1],
    }
    assert len(log(study)) == 6


def test_ctrl_c_before_anything_is_found_writes_that(make: Make) -> None:
    def now(trial: Trial) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    study = make(ToyBackend(faults=(functools.partial(fail, CompileError("no")),)), trackers=[Notes(now)])
    with pytest.raises(KeyboardInterrupt):
        study.run()
    assert written(study)["best"] is None


def test_a_hundred_faults_among_three_hundred_trials_cost_a_hundred_trials(make: Make, meet: Meet) -> None:
    meet(lambda name: 1.0)
    hangs = [name for name, status in STATUSES.items() if status is Status.TIMEOUT]
    quick = itertools.cycle(name for name in FAULTS if name not in hangs)
    names = [*hangs, *itertools.islice(quick, 98), *[""] * 200]
    random.Random(0).shuffle(names)
    driver, resident = psutil.Process(), []

    def weigh(trial: Trial) -> None:
        if len(notes.trials) % 50 == 0:
            resident.append(driver.memory_info().rss)

    notes = Notes(weigh)
    backend = ToyBackend(300, tuple(FAULTS.get(name) for name in names), preload=("doubles", "mlopt.testing.executor"))
    study = make(
        backend, evaluator=ToyEvaluator(executes=True), trackers=[notes], slots=2, trials=300, trial_seconds=1.5
    )
    found = study.run()
    expected = [STATUSES.get(name, Status.CRASH) if name else Status.OK for name in names]
    assert {line["trial"]: line["status"] for line in log(study)} == dict(enumerate(expected))
    assert found["counts"]["ok"] == 200
    assert resident[-1] - resident[0] < 20 << 20

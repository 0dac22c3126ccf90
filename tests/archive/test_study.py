"""The archive as a study uses it: nothing is measured twice, and nothing is lost with the archive."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import pytest
from doubles import AtOnce, KnownBackend, KnownEvaluator, ToyBackend, ToyEvaluator, fail

from mlopt.archive import Archive
from mlopt.archive import study as module
from mlopt.archive.context import Context
from mlopt.archive.store import Store
from mlopt.archive.study import StudyArchive
from mlopt.core.errors import CompileError, UserError, WrongResult
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.executor.ray import Ray
from mlopt.finals.contender import Contender
from mlopt.finals.interleaved import Course
from mlopt.protocols import Budget, StudyInfo
from mlopt.runner import Outcome, TrialWork
from mlopt.search.grid import Grid
from mlopt.study import Study
from mlopt.workloads.matmul.workload import Matmul

pytestmark = pytest.mark.usefixtures("own_device", "aside_here")
R = TypeVar("R")
MATMUL = Matmul(3, 4, 5)
TAGS = {"workload": "matmul", "backend": "toy", "search": "grid", "evaluator": "toy"}
DEFAULT = Archive()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "archive.db"


Run = Callable[..., tuple[dict[str, Any], list[dict[str, Any]]]]


@pytest.fixture
def run(tmp_path: Path, store: Path) -> Run:
    """Run a study that executes nothing over the schedules 0 to 3; its result and its log."""
    folders = iter(range(100))

    def run(
        archive: Archive = DEFAULT, backend: Any = None, evaluator: Any = None, executor: Any = None
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        folder = tmp_path / str(next(folders))
        parts: dict[str, Any] = {
            "workload": MATMUL,
            "backend": backend or KnownBackend(4),
            "evaluator": evaluator or KnownEvaluator(),
            "executor": executor or AtOnce(),
        }
        used = Archive(str(store), archive.keep, archive.reuse).of_study(**parts)
        info = StudyInfo("toy", folder, {"workload": {}}, TAGS)
        study = Study(**parts, search=Grid(), trackers=[], budget=Budget(10), seed=0, info=info, archive=used)
        found = study.run()
        return found, [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]

    return run


def test_what_was_measured_once_is_not_measured_again(run: Run) -> None:
    first, second = AtOnce(), AtOnce()
    _, before = run(executor=first)
    found, after = run(executor=second)
    assert len(first.ran) == 4
    assert second.ran == []
    assert [line["cached"] for line in before + after] == [False] * 4 + [True] * 4
    assert found["cached"] == found["trials"] == 4
    for line in before + after:
        del line["cached"], line["started"], line["finished"]
    assert before == after
    assert found["best"] == {"trial": 0, "schedule": {"number": 0}, "cost": 1.0}


def test_what_is_cached_is_not_kept_again(run: Run, store: Path) -> None:
    for _ in range(2):
        run()
    assert Store(str(store)).count() == 4


@pytest.mark.parametrize(
    ("archive", "known"), [(Archive(reuse=False), 4), (Archive(keep=False), 0), (Archive(keep=False, reuse=False), 0)]
)
def test_it_can_be_left_unused(archive: Archive, known: int, run: Run, store: Path) -> None:
    for _ in range(2):
        _, lines = run(archive)
        assert not any(line["cached"] for line in lines)
    assert (Store(str(store)).count() if store.exists() else 0) == 2 * known
    assert store.exists() is (archive.keep or archive.reuse)


def test_another_backend_or_evaluator_knows_nothing_of_it(run: Run) -> None:
    run()
    for others in ({"backend": KnownBackend(5)}, {"evaluator": Identified()}):
        assert not any(line["cached"] for line in run(**others)[1])


class Identified(KnownEvaluator):
    def identity(self) -> dict[str, Any]:
        return {"another": True}


@pytest.mark.parametrize(
    "others", [{"backend": ToyBackend(4)}, {"evaluator": ToyEvaluator()}], ids=["backend", "evaluator"]
)
def test_parts_that_do_not_say_what_their_numbers_depend_on_are_not_archived(
    others: dict[str, Any], run: Run, store: Path
) -> None:
    run(**others)
    assert not store.exists()


def test_trials_on_other_machines_are_not_archived() -> None:
    def used(executor: Any) -> StudyArchive | None:
        return Archive().of_study(MATMUL, KnownBackend(), KnownEvaluator(), executor)

    assert used(Ray()) is not None
    assert used(Ray(address="somewhere:6379")) is None


def test_failures_that_would_happen_again_are_known_and_others_are_tried_again(run: Run) -> None:
    errors = [CompileError("no"), WrongResult("no"), ZeroDivisionError("a bug")]
    faults = tuple(functools.partial(fail, error) for error in errors)
    for _ in range(2):
        _, lines = run(backend=KnownBackend(4, faults))
    assert [(line["status"], line["cached"]) for line in lines] == [
        ("compile_error", True),
        ("wrong_result", True),
        ("crash", False),
        ("ok", True),
    ]
    assert lines[0]["error"] == "CompileError: no"
    assert lines[0]["metrics"] == {}


@pytest.mark.parametrize("error", [WrongResult("output 0"), ZeroDivisionError("a bug")])
def test_a_finalist_that_the_finals_find_wrong_stays_wrong(
    error: Exception, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(contenders: Sequence[Contender], rng: object, seconds: float) -> Any:
        names = [contender.name for contender in contenders]
        return {name: Course([1.0] * 8) for name in names if name != "trial 1"}, {"trial 1": error}

    monkeypatch.setattr("mlopt.finals.meeting.measure", measure)
    same_code = "wrong_result" if isinstance(error, WrongResult) else "ok"
    for status in ("ok", same_code):
        _, lines = run(evaluator=KnownEvaluator(executes=True))
        assert [line["status"] for line in lines] == [status, status, "ok", "ok"]


# Without the loop: programs that are executed.


@pytest.fixture
def used(store: Path, tmp_path: Path) -> Iterator[Callable[[], StudyArchive]]:
    """Begins to use the archive for executed programs, of which each two are the same code."""
    begun = []

    def begin() -> StudyArchive:
        archive = StudyArchive(str(store), True, True, MATMUL, KnownBackend(8), KnownEvaluator(executes=True))
        archive.start(StudyInfo("toy", tmp_path, {}, {}))
        begun.append(archive)
        return archive

    yield begin
    for archive in begun:
        archive.finish(None)


def submit(archive: StudyArchive, number: int, executor: AtOnce) -> Outcome:
    work = TrialWork(MATMUL, KnownBackend(8), KnownEvaluator(executes=True), Schedule.of({"number": number}), None)
    return archive.submit(executor, work, 1.0).result()


def trial(number: int, outcome: Outcome) -> Trial:
    found = outcome.measurement
    return Trial(
        number,
        Schedule.of({"number": number}),
        outcome.status,
        found.seconds,
        found.samples,
        outcome.compile_seconds,
        outcome.metrics,
        outcome.cached,
        outcome.error,
        outcome.started,
        outcome.finished,
        outcome.code,
    )


@pytest.mark.parametrize("later", [False, True], ids=["in one study", "in a later one"])
def test_other_decisions_that_give_the_same_code_are_measured_once(
    later: bool, used: Callable[[], StudyArchive]
) -> None:
    archive, executor = used(), AtOnce()
    first = submit(archive, 4, executor)
    archive.log(trial(4, first))
    if later:
        archive.finish(None)
        archive = used()
    same, other = submit(archive, 5, executor), submit(archive, 6, executor)
    assert len(executor.ran) == 3  # each was built
    assert (first.cached, same.cached, other.cached) == (False, True, False)
    assert same.code == first.code != other.code
    assert same.measurement.samples == first.measurement.samples
    assert same.measurement.seconds == 5.0
    assert same.started >= first.finished
    assert other.measurement.seconds == 7.0


def test_code_that_was_wrong_stays_wrong(used: Callable[[], StudyArchive]) -> None:
    archive, executor = used(), AtOnce()
    code = submit(archive, 2, executor).code
    archive.log(Trial(2, Schedule.of({"number": 2}), Status.WRONG_RESULT, error="off by one", code=code))
    outcome = submit(archive, 3, executor)
    assert (outcome.status, outcome.error, outcome.cached) == (Status.WRONG_RESULT, "off by one", True)
    assert outcome.measurement.seconds is None


def test_a_lost_worker_is_told_as_by_the_executor(used: Callable[[], StudyArchive]) -> None:
    class Lost(AtOnce):
        def submit(self, work: Callable[[], R], deadline_seconds: float) -> Future[R]:
            return super().submit(lambda: fail(ZeroDivisionError("lost")), deadline_seconds)

    with pytest.raises(ZeroDivisionError, match="lost"):
        submit(used(), 0, Lost())


def break_it(store: Path) -> None:
    with sqlite3.connect(store) as connection:
        connection.execute("DROP TABLE measurement")
    connection.close()


def test_an_archive_that_breaks_costs_a_warning_each_way_and_no_trial(
    used: Callable[[], StudyArchive], store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive, executor = used(), AtOnce()
    break_it(store)
    with caplog.at_level(logging.WARNING, "mlopt"):
        for number in (0, 2, 4):
            archive.log(trial(number, submit(archive, number, executor)))
        archive.finish(None)
    assert len(executor.ran) == 3
    assert len(caplog.messages) == 2
    assert all("no such table: measurement" in message for message in caplog.messages)


def test_one_that_cannot_be_opened_is_refused_before_the_first_trial(run: Run, store: Path, tmp_path: Path) -> None:
    store.write_bytes(b"no database" * 1000)
    with pytest.raises(UserError, match="file is not a database"):
        run()
    assert (tmp_path / "0" / "trials.jsonl").exists() is False


def test_the_context_lies_beside_the_log_unless_the_study_had_two(
    used: Callable[[], StudyArchive], tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "context.json"
    archive = used()
    archive.log(trial(0, submit(archive, 0, AtOnce())))
    archive.finish(None)
    assert [Context.read(file.read_text())] == [held.context for held in Store(str(store)).contexts()]
    before = file.read_text()
    used()
    assert file.read_text() == before
    monkeypatch.setenv("OMP_PROC_BIND", "close")
    used()
    monkeypatch.undo()
    used()
    assert file.read_text() == "null\n"


def test_an_archive_that_others_keep_from_being_written_costs_a_warning_that_says_what_to_do(
    used: Callable[[], StudyArchive],
    store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "FINISH_SECONDS", 0.1)
    archive = used()
    with contextlib.closing(sqlite3.connect(store)) as other:
        other.execute("BEGIN IMMEDIATE")
        archive.log(trial(0, submit(archive, 0, AtOnce())))
        archive.finish(None)
        other.rollback()
    assert f"not done within 0.1 s; mlopt archive merge {tmp_path} adds what is missing" in caplog.text

"""The database: whatever was put in comes out again, from many processes at once, and nothing else does."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from mlopt.archive.address import address
from mlopt.archive.context import Context
from mlopt.archive.store import Store
from mlopt.core.errors import UserError
from mlopt.core.trial import Status, Trial

from .conftest import context, made

HERE = context()
PROCESSES, ROWS = 6, 20


def at(trial: Trial, where: Context = HERE) -> str:
    return address(where.digest, trial.schedule)


def test_a_measurement_is_found_at_its_address_and_nowhere_else(url: str) -> None:
    trial = made(3, metrics={"code_bytes": 12.0}, compile_seconds=0.5, code="ab", error="é")
    store = Store(url)
    store.add(HERE, [trial])
    store.close()
    again = Store(url)
    assert again.find(at(trial)) == trial
    assert again.find(at(made(4))) is None
    assert again.find(at(trial, context(size=32))) is None


def test_the_latest_of_several_measurements_counts(url: str) -> None:
    store = Store(url)
    trials = [made(0, second, finished=f"2026-11-2{second:.0f}T00:00:00.000+00:00") for second in (1.0, 3.0, 2.0)]
    store.add(HERE, trials)
    assert store.find(at(trials[0])) == trials[1]
    assert [trial.seconds for trial in store.trials(HERE)] == [3.0, 2.0, 1.0]
    assert [trial.seconds for trial in store.trials(HERE, most=2)] == [3.0, 2.0]


def test_of_what_is_found_wrong_later_no_time_is_left_nor_of_the_same_code(url: str) -> None:
    store = Store(url)
    store.add(HERE, [made(0, code="a"), made(1, code="a"), made(2, code="b"), made(3), made(4)])
    store.add(context(size=32), [made(0, code="a")])
    wrong = [made(n, None, code=code, status=Status.WRONG_RESULT, finished="2027") for n, code in ((0, "a"), (3, ""))]
    store.add(HERE, [replace(trial, samples=()) for trial in wrong])
    assert {trial.trial for trial in store.trials(HERE) if trial.ok} == {2, 4}
    assert {trial.trial for trial in store.trials(HERE) if not trial.ok} == {0, 3}
    assert [trial.ok for trial in store.trials(context(size=32))] == [True]
    store.add(HERE, [made(4, None, samples=(), status=Status.WRONG_RESULT, finished="2025")])
    assert store.find(at(made(4))) == made(4)


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, True),
        ({"seconds": None, "metrics": {"cost": 1.0}}, True),
        ({"seconds": None, "metrics": {"cost": 1.0, "estimated_seconds": 1.0}}, False),
        ({"cached": True}, False),
        *(
            ({"status": status, "seconds": None, "error": "why"}, kept)
            for status, kept in {
                Status.INVALID: True,
                Status.COMPILE_ERROR: True,
                Status.WRONG_RESULT: True,
                Status.TIMEOUT: False,
                Status.CRASH: False,
                Status.OUT_OF_MEMORY: False,
            }.items()
        ),
    ],
)
def test_what_would_come_out_the_same_again_is_kept(changes: dict[str, object], kept: bool, tmp_path: Path) -> None:
    store, trial = Store(str(tmp_path / "a.db")), replace(made(), **changes)
    store.add(HERE, [trial])
    assert store.find(at(trial)) == (trial if kept else None)


def test_what_is_added_twice_is_there_once(url: str) -> None:
    store = Store(url)
    for _ in range(2):
        store.add(HERE, [made(0, metrics={"code_bytes": 12}), made(1)])
        store.add(HERE, [Trial.from_json(json.dumps(made(0, metrics={"code_bytes": 12}).to_json()))])
    assert store.count() == 2


def test_known_code_can_be_asked_for(url: str) -> None:
    store = Store(url)
    store.add(HERE, [made(0), made(1, code="ab"), made(2, code="ab"), made(3, code="cd")])
    assert [trial.trial for trial in store.trials(HERE, coded=True)] == [3, 2, 1]


def test_each_context_has_its_count_its_best_and_its_last(url: str) -> None:
    store, there = Store(url), context(size=32)
    store.add(there, [made(4, 0.5)])
    store.add(HERE, [made(7, 3.0), made(5, 2.0), made(6, None, status=Status.INVALID)])
    assert [(held.context, held.measurements, held.best, held.latest) for held in store.contexts()] == [
        (there, 1, 0.5, made(4).finished),
        (HERE, 3, 2.0, made(7).finished),
    ]


def fill(url: str, number: int) -> None:
    store = Store(url)
    for row in range(ROWS):
        store.add(HERE, [made(number * ROWS + row)])
        assert store.find(at(made(number * ROWS + row))) is not None
    store.close()


def test_many_processes_open_a_fresh_archive_at_once_and_no_row_is_lost(url: str) -> None:
    spawn = multiprocessing.get_context("forkserver")
    spawn.set_forkserver_preload(["mlopt.archive.store"])
    processes = [spawn.Process(target=fill, args=(url, number)) for number in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    store = Store(url)
    assert store.count() == PROCESSES * ROWS
    assert len(store.contexts()) == 1


def test_what_is_old_is_forgotten(url: str) -> None:
    store = Store(url)
    store.add(context(size=32), [made(1)])
    store.add(HERE, [made(1), made(2), made(3)])
    store.forget_before(made(2).finished)
    assert [held.context for held in store.contexts()] == [HERE]
    assert [trial.trial for trial in store.trials(HERE)] == [3, 2]


def test_the_best_of_each_context_are_kept(url: str) -> None:
    store, there = Store(url), context(size=32)
    store.add(there, [made(1, 9.0)])
    store.add(HERE, [made(1, 3.0), made(2, 1.0), made(3, 2.0), made(4, None, status=Status.INVALID)])
    store.keep_best(2)
    assert sorted(trial.trial for trial in store.trials(HERE)) == [2, 3]
    assert len(list(store.trials(there))) == 1


def test_an_archive_takes_over_what_another_one_holds(url: str, tmp_path: Path) -> None:
    store, other = Store(url), Store(str(tmp_path / "other.db"))
    store.add(HERE, [made(1)])
    other.add(HERE, [made(1), made(2)])
    other.add(context(size=32), [made(1)])
    for _ in range(2):
        assert store.merge(other) == 0
        assert store.count() == 3
    assert store.find(at(made(2))) == made(2)


# Whoever wrote it.


def tamper(path: Path, change: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()


@pytest.mark.parametrize(
    "change",
    [
        "line = 'no trial'",
        "line = replace(line, '\"tile\": 0', '\"tile\": 1')",
        "line = replace(line, '\"seconds\": 1.0', '\"seconds\": -1.0')",
        'line = replace(line, \'"status": "ok"\', \'"status": "crash"\')',
        'line = replace(line, \'"code": "ab"\', \'"code": "cd"\')',
        "code = 'cd'",
    ],
)
def test_a_row_that_was_tampered_with_is_none(change: str, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = Store(str(path))
    store.add(HERE, [made(0, code="ab"), made(2)])
    tamper(path, f"UPDATE measurement SET {change} WHERE code = 'ab'")
    assert store.find(at(made(0))) is None
    assert [trial.trial for trial in store.trials(HERE)] == [2]
    assert Store(str(tmp_path / "b.db")).merge(store) == 1


@pytest.mark.parametrize("content", ["", "[1]", "{}", '{"workload": 3}', "[" * 100_000, '{"threads": NaN}'])
def test_a_context_that_is_none_is_left_out(content: str, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = Store(str(path))
    store.add(HERE, [made()])
    tamper(path, f"UPDATE context SET content = '{content}'")
    assert store.contexts() == []
    with pytest.raises(UserError, match=r"^no context of measurements: "):
        Context.read(content)


def test_a_context_comes_back_from_its_text() -> None:
    assert Context.read(json.dumps(HERE.content)) == HERE


def refusal(url: str, create: bool = True) -> str:
    with pytest.raises(UserError) as caught:
        Store(url, create)
    return str(caught.value)


def test_a_file_that_is_no_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"no database" * 1000)
    assert refusal(str(path)) == f"archive sqlite:///{path} cannot be used: DatabaseError: file is not a database"
    assert "there is no such file" in refusal(str(tmp_path / "b.db"), create=False)
    assert "cannot be used" in refusal(str(path / "below.db"))


def test_an_archive_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    Store(str(path)).close()
    tamper(path, "UPDATE mlopt_archive SET version = 2")
    assert "its tables are of version 2, this mlopt reads 1" in refusal(str(path))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mysql://me:secret@host/name", "archive.url is of mysql; choose sqlite or postgresql"),
        ("sqlite://", "archive.url names no file: it is sqlite:///PATH"),
        ("post gres://me:secret", "archive.url is no URL of a database"),
        ("postgresql+nothing://me:secret@localhost:1/name", "postgresql+nothing"),
        ("postgresql+psycopg://me:secret@localhost:1/name", "archive postgresql+psycopg://me:***@localhost:1/name"),
    ],
)
def test_a_url_that_leads_nowhere_is_refused_without_its_password(url: str, expected: str) -> None:
    message = refusal(url)
    assert expected in message
    assert "secret" not in message
    assert "\n" not in message


def test_a_database_that_fails_later_says_so_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = Store(str(path))
    tamper(path, "DROP TABLE measurement")
    for use in (lambda: store.find("a"), lambda: store.add(HERE, [made()]), store.count, store.contexts):
        with pytest.raises(UserError, match=r"a\.db cannot be used: OperationalError: no such table"):
            use()

"""Beginning with what an earlier study found best."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiles import BEST, FAR, GOOD, TILES, begun, ok

from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule, Value
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Budget, Search, StudyContext
from mlopt.search.evolve import Evolve
from mlopt.search.grid import Grid
from mlopt.search.random import Random
from mlopt.search.vary import Vary
from mlopt.search.warm_start import NAME, WarmStart
from mlopt.testing import SearchContract
from mlopt.testing.spaces import Flat, Line, Tree, schedules


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The folder of an earlier study; its trials are yet to be written."""
    return tmp_path / "study"


def write(study: Path, trials: Sequence[Trial]) -> Path:
    study.mkdir(exist_ok=True)
    lines = (json.dumps(replace(trial, trial=number).to_json()) + "\n" for number, trial in enumerate(trials))
    (study / "trials.jsonl").write_text("".join(lines))
    return study


class TestWarmStart(SearchContract):
    """On the contract's spaces, some of whose schedules an earlier study knew."""

    @pytest.fixture(autouse=True)
    def earlier(self, study: Path) -> None:
        known = [schedule for make in (Flat, Tree, Line) for schedule in list(schedules(make()))[::5]]
        self.study = write(study, [ok(schedule, 1.0 + number) for number, schedule in enumerate(known)])

    def make(self) -> Search:
        return WarmStart(Evolve(), str(self.study))


def test_the_best_of_the_earlier_study_come_first_whatever_the_search(study: Path) -> None:
    middle = Schedule.of({**BEST, "pack": "a"})
    write(study, [ok(FAR, 3.0), ok(GOOD, 1.0), Trial(0, Schedule.of(BEST), Status.CRASH), ok(middle, 2.0)])
    for search in (Random(), Grid(), Evolve()):
        assert begun(WarmStart(search, str(study))).ask(3) == [GOOD, middle, FAR]
    assert begun(WarmStart(Random(), str(study / "trials.jsonl"))).ask(1) == [GOOD]


def test_what_was_measured_comes_before_what_was_estimated(study: Path) -> None:
    estimated = Trial(0, FAR, Status.OK, metrics={"cost": 1.0, "estimated_seconds": 1.0})
    write(study, [estimated, ok(Schedule.of(BEST), 3.0), ok(GOOD, 1.0)])
    assert begun(WarmStart(Random(), str(study))).ask(3) == [GOOD, Schedule.of(BEST), FAR]


def test_schedules_of_other_sizes_are_made_legal(study: Path) -> None:
    larger = {**BEST, "outer_m": 48, "inner_m": 1024, "inner_n": 30, "tile_of_old": 3}
    write(study, [ok(Schedule.of(larger), 1.0)])
    first = begun(WarmStart(Random(), str(study))).ask(1)[0]
    TILES.check(first)
    assert first.values() == {**BEST, "outer_m": 64, "inner_m": 64, "inner_n": 32}


def test_what_is_the_same_here_is_tried_once(study: Path) -> None:
    write(study, [ok(Schedule.of({**BEST, "inner_m": size}), 1.0) for size in (64, 128, 256)])
    proposed = begun(WarmStart(Grid(), str(study))).ask(2)
    assert proposed == [Schedule.of({**BEST, "inner_m": 64}), begun(Grid()).ask(1)[0]]


def test_most_of_the_budget_is_left_to_the_search(study: Path) -> None:
    earlier = begun(Random()).ask(100)
    write(study, [ok(schedule, 1.0 + number) for number, schedule in enumerate(earlier)])
    proposed = begun(WarmStart(Grid(), str(study))).ask(30)
    assert proposed[:10] == earlier[:10]
    assert proposed[10:] == begun(Grid()).ask(20)


def test_no_more_schedules_are_made_legal_than_are_taken_over(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = begun(Random()).ask(100)
    write(study, [ok(schedule, 1.0 + number) for number, schedule in enumerate(earlier)])
    repaired, repair = [], Vary.repair

    def counting(vary: Vary, wanted: Mapping[str, Value]) -> Schedule:
        repaired.append(wanted)
        return repair(vary, wanted)

    monkeypatch.setattr(Vary, "repair", counting)
    assert begun(WarmStart(Grid(), str(study))).ask(10) == earlier[:10]
    assert len(repaired) == 10


@pytest.mark.parametrize("rest", ['{"trial": 2, "sched', '{"trial": 2, "schedule": {"pack": "\u00e4'])
def test_the_whole_lines_of_a_killed_study_are_taken(study: Path, rest: str) -> None:
    write(study, [ok(FAR, 3.0), ok(GOOD, 1.0)])
    with (study / "trials.jsonl").open("ab") as log:
        log.write(rest.encode()[:-1])  # in the midst of a character, too
    assert begun(WarmStart(Random(), str(study))).ask(2) == [GOOD, FAR]


def test_a_damaged_line_among_others_is_a_mistake(study: Path) -> None:
    write(study, [ok(GOOD, 1.0)])
    log = study / "trials.jsonl"
    log.write_text('{"trial": 7, "sched\n' + log.read_text())
    with pytest.raises(UserError, match="line 1: no trial"):
        begun(WarmStart(Random(), str(study)))


def test_the_search_does_not_propose_again_what_came_first(study: Path) -> None:
    third = list(schedules(Flat()))[2]
    write(study, [ok(third, 1.0)])
    search = begun(WarmStart(Grid(), str(study)), Flat())
    assert search.ask(1) == [third]
    assert search.ask(43) == [schedule for schedule in schedules(Flat()) if schedule != third]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "none of its trials was valid"),
        ('{"trial": 0, "schedule": {"pack": "a"}, "status": "crash"}', "none of its trials was valid"),
        ('{"trial": 0, "schedule": {"other": 1}, "status": "ok", "seconds": 1}', "decide nothing that there is"),
        ('{"trial": 0\n', "line 1: no trial"),
        ('{"trial": 0', "none of its trials was valid"),
    ],
)
def test_a_study_that_does_not_help_is_a_mistake(study: Path, content: str, complaint: str) -> None:
    study.mkdir()
    (study / "trials.jsonl").write_text(content)
    with pytest.raises(UserError, match=complaint):
        begun(WarmStart(Random(), str(study)))


def test_a_folder_that_is_none_is_a_mistake(study: Path) -> None:
    with pytest.raises(UserError, match=r"search.warm_start=.*study: cannot be read"):
        begun(WarmStart(Random(), str(study)))


def begun_in(folder: Path, search: WarmStart) -> WarmStart:
    context = StudyContext(np.random.default_rng(0), Budget(200), slots=1, directory=folder)
    search.start(TILES, context)
    return search


def test_a_study_goes_on_with_what_it_began_with_whatever_became_of_the_earlier_one(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(study, [ok(FAR, 3.0), ok(GOOD, 1.0)])
    begun = begun_in(tmp_path, WarmStart(Random(), str(study))).ask(6)
    write(study, [ok(FAR, 1.0), ok(Schedule.of(BEST), 0.5)])
    assert begun_in(tmp_path, WarmStart(Random(), str(study))).ask(6) == begun
    monkeypatch.chdir(tmp_path)
    (study / "trials.jsonl").unlink()
    assert begun_in(tmp_path, WarmStart(Random(), "no such study")).ask(6) == begun


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[", "no schedules: "),
        ('{"pack": "a"}', "no schedules: "),
        ('[{"pack": [1]}]', "no schedules: "),
        ('[{"pack": "a"}]', "is not legal here"),
    ],
)
def test_what_it_began_with_is_not_believed_when_it_is_damaged(
    study: Path, tmp_path: Path, content: str, complaint: str
) -> None:
    write(study, [ok(GOOD, 1.0)])
    (tmp_path / NAME).write_text(content)
    with pytest.raises(UserError, match=complaint) as caught:
        begun_in(tmp_path, WarmStart(Random(), str(study)))
    assert "\n" not in str(caught.value)


def test_a_search_with_several_objectives_begins_all_over_the_earlier_front(study: Path) -> None:
    schedules = begun(Random()).ask(60)
    fast = [
        replace(ok(schedule, 1.0 + n), metrics={"code_bytes": 99.0 - n}) for n, schedule in enumerate(schedules[:41])
    ]
    beaten = [replace(ok(schedule, 1.5), metrics={"code_bytes": 99.0}) for schedule in schedules[41:]]
    write(study, [*beaten, *fast])
    first = begun(WarmStart(Evolve(objectives=["seconds", "code_bytes"]), str(study))).ask(10)
    places = [schedules.index(schedule) for schedule in first]
    assert (min(places), max(places)) == (0, 40)
    assert max(np.diff(sorted(places))) <= 5
    alone = begun(WarmStart(Evolve(), str(study))).ask(10)
    assert 40 not in [schedules.index(schedule) for schedule in alone]


def test_what_the_earlier_finals_found_wrong_is_not_begun_with(study: Path) -> None:
    write(study, [ok(GOOD, 1.0), ok(FAR, 3.0)])
    (study / "result.json").write_text(json.dumps({"lost": {"trial 0": "WrongResult: output 0"}}))
    assert begun(WarmStart(Random(), str(study))).ask(1) == [FAR]

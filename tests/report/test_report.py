from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.report.figures import knobs, values
from mlopt.report.importance import encode, importance
from mlopt.report.progress import ABSENT, changes, steps
from mlopt.report.reading import read
from mlopt.report.tables import path, stage_seconds
from mlopt.report.values import shown
from mlopt.report.writing import PAGE, page, verdict, write


def trial(number: int, seconds: float | None, error: str = "", **knobs: Any) -> Trial:
    status = Status.OK if seconds is not None else Status.CRASH
    metrics = {"lower_seconds": 0.01, "drift": 0.001, "precision": 0.01}
    return Trial(number, Schedule.of(knobs), status, seconds, (), 0.1, metrics, error=error)


def tried(count: int = 60) -> list[Trial]:
    """Trials that `tile` decides, together with `order` where it is large; `idle` decides nothing."""
    rng = np.random.default_rng(0)
    trials = []
    for number in range(count):
        tile, order, idle = (int(rng.integers(4)) for _ in range(3))
        seconds = 1e-3 * (1.0 + 2.0 * tile + (5.0 * order if tile == 3 else 0.0))
        trials.append(trial(number, seconds * float(rng.uniform(0.99, 1.01)), tile=tile, order=order, idle=idle))
    return trials


def folder(where: Path, trials: list[Trial], **others: Any) -> Path:
    best = min((t for t in trials if t.seconds), key=lambda t: t.seconds or 0.0, default=None)
    found: Mapping[str, Any] = {
        "workload": {"name": "matmul", "m": 8},
        "backend": "mlir",
        "search": "evolve",
        "evaluator": "execution",
        "seed": 0,
        "threads": 2,
        "best": best
        and {"trial": best.trial, "schedule": best.schedule.values(), "seconds": best.seconds, "ci95": [9e-4, 1.1e-3]},
        "baselines": {"naive": {"seconds": 0.1, "ci95": [0.09, 0.11]}, "torch_compile": {"skipped": "no compiler"}},
        "speedup": {"naive": 100.0},
        "counts": {"ok": len(trials)},
        "wall_seconds": 3.0,
        **others,
    }
    (where / "best").mkdir(parents=True)
    (where / "result.json").write_text(json.dumps(found))
    (where / "trials.jsonl").write_text("".join(f"{json.dumps(t.to_json())}\n" for t in trials))
    (where / "best" / "payload.mlir").write_text("func.func @before()")
    (where / "best" / "optimized.mlir").write_text("func.func @after()")
    return where


def test_the_path_of_improvement_tells_what_changed() -> None:
    path = steps([trial(0, None, a=1), trial(2, 4.0, a=1, b=2), trial(1, 5.0, a=1, b=3), trial(3, 2.0, a=1, c=4)])
    assert [(step.trial, step.number, step.objective, step.gain) for step in path] == [
        (2, 2, 4.0, 1.0),
        (3, 4, 2.0, 2.0),
    ]
    assert path[0].changed == []
    assert path[1].changed == [("c", ABSENT, 4), ("b", 2, ABSENT)]


def test_schedules_that_are_alike_have_no_changes() -> None:
    assert changes(Schedule.of({"a": 1}), Schedule.of({"a": 1})) == []


def test_importance_finds_the_knobs_that_decide() -> None:
    found = importance(tried())
    assert found is not None
    assert next(iter(found.knobs)) == "tile"
    assert found.knobs["tile"] > 0.5 > 0.1 > found.knobs["idle"]
    assert next(iter(found.pairs)) == ("tile", "order")
    assert found.explained > 0.7


def test_importance_admits_that_noise_explains_nothing() -> None:
    rng = np.random.default_rng(0)
    found = importance([trial(n, float(rng.uniform(1, 2)), a=int(rng.integers(4))) for n in range(60)])
    assert found is not None
    assert found.explained < 0.2


@pytest.mark.parametrize("trials", [tried(19), [trial(n, 1.0, a=n) for n in range(40)], [trial(0, None, a=1)] * 40])
def test_nothing_is_said_of_knobs_where_too_little_is_known(trials: list[Trial]) -> None:
    assert importance(trials) is None


def test_a_knob_that_a_schedule_does_not_have_is_a_value_of_its_own() -> None:
    knobs, codes = encode([{"a": 4, "same": 1}, {"a": 16, "same": 1}, {"same": 1}])
    assert knobs == ["a"]
    assert codes.tolist() == [[1.0], [2.0], [0.0]]


def test_the_page_holds_all_that_it_shows(tmp_path: Path) -> None:
    trials = [*tried(), trial(60, None, "boom <b>", tile=1, order=1, idle=1)]
    study = read(folder(tmp_path / "study", trials))
    write(study, tmp_path / "out" / PAGE)
    text = (tmp_path / "out" / PAGE).read_text()
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!data:)|url\(|@import|<script|<link", text)
    for expected in ("its speed is 100 times naive", "no compiler", "boom &lt;b&gt;", "@before()", "@after()", "crash"):
        assert expected in text
    assert "<b>" not in text
    assert text == page(study)


def test_a_study_without_a_valid_trial_has_a_report(tmp_path: Path) -> None:
    study = read(folder(tmp_path / "study", [trial(0, None, "boom", tile=1)]))
    assert verdict(study) == ["None of 1 trials was valid."]
    assert "boom" in page(study)


def test_a_cost_is_not_called_seconds(tmp_path: Path) -> None:
    trials = [Trial(n, Schedule.of({"a": n}), Status.OK, metrics={"cost": 5.0 + n}) for n in range(30)]
    best = {"trial": 0, "schedule": {"a": 0}, "cost": 5.0}
    text = page(read(folder(tmp_path / "s", trials, best=best, baselines={}, speedup={}, evaluator="simulation")))
    assert "simulated cost of 5; nothing was run" in text
    assert "<td>5</td>" in text.replace(' class="number"', "")


def test_a_triton_kernel_is_what_stands_before(tmp_path: Path) -> None:
    where = folder(tmp_path / "study", tried(10))
    (where / "best" / "payload.mlir").rename(where / "best" / "kernel.py")
    assert "@before()" in page(read(where))


def rewritten(count: int = 30) -> list[Trial]:
    """Trials of kernels that were rewritten, each a little faster than the one before."""
    text = "@triton.jit\ndef kernel(x):\n    return x * {}\n"
    return [trial(n, 1e-3 / (1 + n % 15), source=text.format(n % 15), tile=n % 2) for n in range(count)]


def test_a_rewritten_kernel_is_shown_by_its_hash_and_by_what_was_rewritten(tmp_path: Path) -> None:
    where = folder(tmp_path / "study", rewritten())
    (where / "best" / "payload.mlir").unlink()
    (where / "best" / "given.py").write_text("def first(): pass\ndef kernel(x):\n    return x\n")
    (where / "best" / "kernel.py").write_text("def first(): pass\ndef kernel(x):\n    return x * 14\n")
    text = page(read(where))
    before, _, after = text.partition("What was rewritten")
    assert "return x" not in before
    assert "@@ -1,3 +1,3 @@\n def first(): pass\n def kernel(x):\n-    return x\n+    return x * 14" in after
    assert "<h3>Before</h3><pre>def first(): pass\ndef kernel(x):\n    return x\n</pre>" in after
    best = read(where).result.best
    assert best is not None
    source = best.schedule["source"]
    assert f"source={shown(source)}" in before
    assert after.count(source) == 1


def test_names_and_values_with_signs_of_mathematics_are_drawn_as_they_are(tmp_path: Path) -> None:
    signs = [replace(each, schedule=Schedule.of({"$\\frac$": f"${n % 4}\\x$"})) for n, each in enumerate(tried(40))]
    study = read(folder(tmp_path / "study", signs))
    known = importance(study.trials)
    assert known is not None
    for picture in (*knobs(known), values(study, "$\\frac$")):
        assert b"\\" in picture.svg


@pytest.mark.parametrize(("executed", "told"), [(60, True), (0, False)])
def test_a_study_that_ran_kernels_says_how_to_measure_stability(tmp_path: Path, executed: int, told: bool) -> None:
    text = page(read(folder(tmp_path / "study", tried(10), executed=executed)))
    assert ("report.stability=true" in text) == told


def test_the_time_of_a_stage_is_its_mean_and_a_record_knows_the_whole_compile_time() -> None:
    assert stage_seconds([trial(0, 1.0), trial(1, None)]) == {"lower": 0.01}
    recorded = [replace(trial(n, 1.0), metrics={}, samples=(1.0, 2.0), compile_seconds=0.1 + n) for n in range(2)]
    assert stage_seconds(recorded) == pytest.approx({"compile": 0.6, "timed calls": 3.0})


def test_overlapping_intervals_are_told(tmp_path: Path) -> None:
    near = {"torch": {"seconds": 1.05e-3, "ci95": [1.0e-3, 1.2e-3]}}
    study = read(folder(tmp_path / "s", tried(10), baselines=near, speedup={"torch": 1.05}))
    assert any("overlaps with that of torch" in sentence for sentence in verdict(study))


def test_how_uncertain_the_best_is_is_told(tmp_path: Path) -> None:
    study = read(folder(tmp_path / "s", tried(10), caveat="the budget left the finals no time for naive"))
    assert verdict(study)[-1] == "The budget left the finals no time for naive."


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("result.json", "{", "is no study's result"),
        ("result.json", '{"best": {"trial": 1, "schedule": {}, "seconds": -1}}', "is no study's result"),
        ("trials.jsonl", '{"trial": 0}\n', "line 1: no trial"),
    ],
)
def test_what_no_study_wrote_is_refused_in_one_line(tmp_path: Path, file: str, content: str, complaint: str) -> None:
    study = folder(tmp_path / "s", tried(10))
    (study / file).write_text(content)
    with pytest.raises(UserError, match=complaint) as caught:
        read(study)
    assert "\n" not in str(caught.value)


def test_a_trial_that_the_finals_found_wrong_is_a_failure(tmp_path: Path) -> None:
    trials = [trial(0, 4e-3, tile=1), trial(1, 1e-9, tile=2), trial(2, 2e-3, tile=3)]
    best = {"trial": 2, "schedule": {"tile": 3}, "seconds": 2e-3}
    lost = {"trial 1": "WrongResult: output 0", "trial 0": "OutOfTime: too late"}
    study = read(folder(tmp_path / "s", trials, best=best, lost=lost))
    assert [(each.ok, each.seconds) for each in study.trials] == [(True, 4e-3), (False, None), (True, 2e-3)]
    assert [step.trial for step in steps(study.trials)] == [0, 2]
    assert verdict(study)[-1] == "Found wrong in the finals: trial 1."
    assert "WrongResult: output 0" in page(study)
    nothing = read(folder(tmp_path / "nothing", trials, best=None, lost={"trial 1": "WrongResult: output 0"}))
    assert verdict(nothing) == ["None of the 1 fastest of 3 trials came out right in the finals."]


def test_a_folder_that_holds_no_ended_study_is_refused_and_says_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"it has no result\.json"):
        read(tmp_path)
    for number in range(3):
        (tmp_path / "sweep" / str(number) / ".hydra").mkdir(parents=True)
        (tmp_path / "sweep" / str(number) / ".hydra" / "config.yaml").touch()
    with pytest.raises(UserError, match=r"holds .*sweep/0 to .*sweep/2; mlopt compare .*sweep compares them"):
        read(tmp_path / "sweep")
    with pytest.raises(UserError, match=r"sweep/1 has not ended; mlopt resume=.*sweep/1 goes on with it"):
        read(tmp_path / "sweep" / "1")
    with pytest.raises(UserError, match="there is no folder"):
        read(tmp_path / "none")


def test_a_replay_says_that_its_times_are_the_records_and_names_no_machine(tmp_path: Path) -> None:
    study = read(
        folder(tmp_path / "s", tried(5), baselines={}, speedup={}, evaluator="replay", fingerprint={"cpu": "a CPU"})
    )
    (said,) = verdict(study)
    assert said.startswith("The best of 5 schedules took ")
    assert said.endswith(" ms by the record; nothing was run.")
    assert "a CPU" not in page(study)
    assert "a CPU" in page(read(folder(tmp_path / "run", tried(5), fingerprint={"cpu": "a CPU"})))


def test_the_first_schedule_is_told_from_one_that_was_timed_again() -> None:
    rows = path(steps([trial(0, 4.0, a=1), trial(1, 3.0, a=2), trial(2, 2.0, a=2)]), "s").rows
    assert [row[-1] for row in rows] == ["the first valid schedule", "a: 1 → 2", "the same schedule, timed again"]

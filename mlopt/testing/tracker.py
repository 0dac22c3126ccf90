"""The contract of trackers."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from pathlib import Path

import pytest

from ..core.schedule import Schedule
from ..core.trial import Status, Trial
from ..protocols import StudyInfo, Tracker


class TrackerContract(ABC):
    """What every tracker promises a study. Subclass it as `Test...` and say how to make one."""

    @abstractmethod
    def make(self, folder: Path) -> Tracker:
        """A fresh tracker; what it keeps may go into `folder`, which is the current one too."""

    @pytest.fixture
    def study(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyInfo:
        """A study whose folder holds the files of one that has ended."""
        monkeypatch.chdir(tmp_path)
        directory = tmp_path / "study"
        (directory / "best").mkdir(parents=True)
        (directory / "best" / "record.json").write_text("{}")
        (directory / "trials.jsonl").write_text("".join(json.dumps(trial.to_json()) + "\n" for trial in TRIALS))
        (directory / "result.json").write_text(json.dumps(RESULT))
        config = {"workload": {"name": "matmul", "m": 8}, "seed": 0, "resume": None, "list": [1, 2]}
        return StudyInfo("matmul", directory, config, {"workload": "matmul", "search": "random"})

    def test_making_one_does_no_work(self, study: StudyInfo, tmp_path: Path) -> None:
        before = _contents(tmp_path)
        self.make(tmp_path)
        assert _contents(tmp_path) == before

    def test_follows_a_study_and_leaves_its_files_alone(self, study: StudyInfo, tmp_path: Path) -> None:
        before = _contents(study.directory)
        tracker = self.make(tmp_path)
        tracker.start(study)
        for trial in TRIALS:
            tracker.log(trial)
        tracker.finish(RESULT)
        assert before.items() <= _contents(study.directory).items()  # it may keep files of its own there

    def test_logging_takes_less_than_2_ms_a_trial_from_the_very_start(self, study: StudyInfo, tmp_path: Path) -> None:
        tracker = self.make(tmp_path)
        tracker.start(study)
        started = time.perf_counter()
        for number in range(500):
            tracker.log(Trial(number, Schedule(), Status.OK, seconds=1.0))
        seconds = time.perf_counter() - started
        tracker.finish(None)
        assert seconds < 500 * 2e-3

    def test_a_study_may_end_without_a_valid_schedule(self, study: StudyInfo, tmp_path: Path) -> None:
        tracker = self.make(tmp_path)
        tracker.start(study)
        tracker.finish({**RESULT, "best": None, "speedup": {}})


TRIALS = [
    *(Trial(number, Schedule(), status, error="why") for number, status in enumerate(Status) if status != "ok"),
    Trial(7, Schedule.of({"tile": 8}), Status.OK, seconds=3e-3, samples=(3e-3,), compile_seconds=0.1),
    Trial(9, Schedule.of({"tile": 16}), Status.OK, metrics={"cost": 12.0}),
    Trial(8, Schedule.of({"tile": 32}), Status.OK, seconds=2e-3, samples=(2e-3,), compile_seconds=0.1, cached=True),
]
RESULT = {
    "workload": {"name": "matmul", "m": 8, "flops": 1024},
    "backend": "mlir",
    "search": "random",
    "evaluator": "execution",
    "seed": 0,
    "threads": 2,
    "best": {"trial": 8, "schedule": {"tile": 32}, "seconds": 2e-3, "ci95": [1.9e-3, 2.1e-3]},
    "baselines": {
        "naive": {"seconds": 8e-3, "ci95": [7.9e-3, 8.1e-3]},
        "torch_compile": {"skipped": "no C++ compiler"},
        "roofline": {"seconds": 1e-3},
    },
    "speedup": {"naive": 4.0},
    "counts": {status.value: 1 for status in Status} | {"ok": 3},
    "trials": 9,
    "wall_seconds": 1.0,
    "fingerprint": {},
}


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

"""What it costs to run many trials at once: slots kept busy, the start of Ray, many studies on one store or archive."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from noop import NoopBackend, NoopEvaluator, NoopProgram
from report import report

from mlopt.archive.store import Store
from mlopt.archive.study import StudyArchive
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Measurement, Status, Trial
from mlopt.executor.local import Local
from mlopt.executor.ray import Ray
from mlopt.protocols import Budget, Executor, Program, StudyInfo, Tracker, Workload
from mlopt.search.random import Random
from mlopt.study import Study
from mlopt.tracker.mlflow import Mlflow
from mlopt.tracker.none import NoTracker
from mlopt.workloads.matmul.workload import Matmul

TAGS = {"workload": "matmul", "backend": "noop", "search": "random", "evaluator": "sleep"}
MEMORY_BYTES = 1 << 30
SKEW = 10.0
ARCHIVE = "archive.db"


class SleepingBackend(NoopBackend):
    """Each program tells which of eight kinds it is, all equally likely."""

    def build(self, workload: Workload, schedule: Schedule | None) -> NoopProgram:
        return NoopProgram(ir=str(schedule.values()["knob0"]) if schedule else "1")


@dataclass(frozen=True)
class Sleeping(NoopEvaluator):
    """Takes `seconds`, or, where durations are `skewed`, ten times as long for one program in eight."""

    seconds: float = 1.0
    skewed: bool = False

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        seconds = self.seconds * (SKEW if self.skewed and program.ir == "1" else 1.0)
        time.sleep(seconds)
        return Measurement(metrics={"cost": 1.0, "slept": seconds})


class Stopwatch:
    """A tracker around another one: how many seconds it holds up the study."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self.seconds = 0.0
        self.start, self.baseline, self.note, self.finish = (
            tracker.start,
            tracker.baseline,
            tracker.note,
            tracker.finish,
        )

    def log(self, trial: Trial) -> None:
        start = time.perf_counter()
        self._tracker.log(trial)
        self.seconds += time.perf_counter() - start


def study(
    folder: Path, executor: Executor, evaluator: Sleeping, trials: int, tracker: Tracker, slots: int
) -> Mapping[str, Any]:
    """Run it; from the first trial's start to the last one's end, and the wait before that."""
    info = StudyInfo(folder.name, folder, {"workload": {}}, TAGS)
    called, watched = time.time(), Stopwatch(tracker)
    run = Study(Matmul(), SleepingBackend(), Random(), evaluator, executor, [watched], Budget(trials), 0, info)
    run.run()
    lines = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    starts, ends = (
        [datetime.fromisoformat(line[key]).timestamp() for line in lines] for key in ("started", "finished")
    )
    span, slept = max(ends) - min(starts), sum(line["metrics"].get("slept", 0.0) for line in lines)
    return {
        "trials": len(lines),
        "ok": sum(line["status"] == Status.OK for line in lines),
        "slots": slots,
        "first trial after s": min(starts) - called,
        "seconds": span,
        "over ideal %": 100.0 * (span * slots / slept - 1.0) if slept else "",
        "utilisation %": 100.0 * slept / (span * slots) if slept else "",
        "logging %": 100.0 * watched.seconds / span,
    }


def many_studies(folder: Path, studies: int, trials: int) -> Mapping[str, Any]:
    """So many studies at once on one fresh SQLite store; what is missing there afterwards."""
    from mlflow import MlflowClient

    store = f"sqlite:///{folder}/mlflow.db"
    begun = time.monotonic()

    def mirror(number: int) -> None:
        directory = folder / str(number)
        directory.mkdir()
        lines = [Trial(n, Schedule.of({"n": n}), Status.OK, metrics={"cost": float(n)}) for n in range(trials)]
        (directory / "trials.jsonl").write_text("".join(json.dumps(trial.to_json()) + "\n" for trial in lines))
        tracker = Mlflow(store, "fanout")
        tracker.start(StudyInfo(str(number), directory, {}, TAGS))
        for trial in lines:
            tracker.log(trial)
        tracker.finish({"best": None})

    with ThreadPoolExecutor(studies) as pool:
        list(pool.map(mirror, range(studies)))
    reported = time.monotonic() - begun
    psutil.wait_procs(psutil.Process().children(recursive=True))  # those that took longer than studies wait for
    client = MlflowClient(store)
    runs = client.search_runs([client.get_experiment_by_name("fanout").experiment_id], max_results=10 * studies)
    rows = sum(len(client.get_metric_history(run.info.run_id, "cost")) for run in runs)
    return {
        "studies": studies,
        "seconds": reported,
        "runs lost": studies - len(runs),
        "rows lost": studies * trials - rows,
    }


class KnownBackend(NoopBackend):
    """Says what its programs depend on, so that they are archived."""

    def identity(self, workload: Workload) -> Mapping[str, Any]:
        return {"program": "nothing"}


class KnownEvaluator(NoopEvaluator):
    """The same of its judgement."""

    def identity(self) -> Mapping[str, Any]:
        return {}


def archive_study(folder: Path, number: int, trials: int) -> None:
    """What a study of so many trials has to do with the archive of all: its own process."""
    directory = folder / f"archived {number}"
    directory.mkdir()
    archive = StudyArchive(str(folder / ARCHIVE), True, True, Matmul(), KnownBackend(), KnownEvaluator())
    archive.start(StudyInfo(str(number), directory, {}, TAGS))
    for n in range(trials):
        archive.log(Trial(n, Schedule.of({"study": number, "n": n}), Status.OK, metrics={"cost": float(n)}))
        time.sleep(0.01)  # so that they write often and little
    archive.finish(None)


def many_archived(folder: Path, studies: int, trials: int) -> Mapping[str, Any]:
    """So many studies at once on one fresh archive; what is missing there afterwards."""
    begun = time.monotonic()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mlopt.archive.study", "mlopt.archive.store"])
    processes = [context.Process(target=archive_study, args=(folder, number, trials)) for number in range(studies)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    with closing(Store(str(folder / ARCHIVE), create=False)) as store:
        return {
            "studies": studies,
            "seconds": time.monotonic() - begun,
            "runs lost": sum(process.exitcode != 0 for process in processes),
            "rows lost": studies * trials - store.count(),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000, help="of a second each (%(default)s)")
    parser.add_argument("--slots", type=int, default=16, help="(%(default)s)")
    parser.add_argument("--studies", type=int, default=64, help="at once on one store and one archive (%(default)s)")
    call = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder, slots = Path(name), call.slots

        def ray() -> Executor:
            return Ray(slots=slots, memory_bytes=MEMORY_BYTES)

        for what, evaluator, executor, trials, tracker in (
            ("trials of 1 s, ray", Sleeping(), ray(), call.trials, NoTracker()),
            ("the same, 10:1, ray", Sleeping(skewed=True), ray(), call.trials // 2, NoTracker()),
            ("trials of 10 ms, ray", Sleeping(seconds=0.01), ray(), call.trials, NoTracker()),
            ("trials of 1 s, local", Sleeping(), Local(slots, MEMORY_BYTES), 5 * slots, NoTracker()),
            (
                "20 trials a second, MLflow",
                Sleeping(seconds=0.1),
                Local(2, MEMORY_BYTES),
                400,
                Mlflow(f"sqlite:///{folder}/one.db"),
            ),
        ):
            used = 2 if "MLflow" in what else slots
            rows.append({"study": what, **study(folder / what, executor, evaluator, trials, tracker, used)})
            print(rows[-1], flush=True)
        rows.append({"study": "many, on one MLflow store", **many_studies(folder, call.studies, 100)})
        rows.append({"study": "many, on one archive", **many_archived(folder, call.studies, 100)})
    report("fanout", "Many trials and studies at once", rows)


if __name__ == "__main__":
    main()

"""Studies on several machines: Ray nodes that are processes of this one, each with resources of its own."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from doubles import ToyBackend, ToyEvaluator

from mlopt.core.errors import UserError
from mlopt.core.fingerprint import hardware
from mlopt.core.trial import Status, Trial, WorkerLost
from mlopt.executor.ray import Ray, executor
from mlopt.protocols import Budget, StudyInfo
from mlopt.search.random import Random
from mlopt.study import Study
from mlopt.testing.executor import PATIENCE, hang_the_first_time, hang_with_company, read_pids
from mlopt.tracker.none import NoTracker
from mlopt.workloads.matmul.workload import Matmul

SOON = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 300, "health_check_failure_threshold": 3}
"""How Ray is to find out that a machine is gone; by default that takes it half a minute."""
NODE = "RAY_RAYLET_PID"
"""The environment variable by which a Ray process knows its node."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that does no work, and a node with one core for it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)  # with locks of its own; a short name, since Ray makes sockets below it
        patch.setattr(tempfile, "tempdir", None)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # A process that has met a Ray of our own sends its token to any other, which then has to know it.
        patch.setenv("RAY_AUTH_MODE", "token")
        token = [sys.executable, "-m", "ray.scripts.scripts", "get-auth-token", "--generate"]
        subprocess.run(token, check=True, capture_output=True)
        from ray.cluster_utils import Cluster

        cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, "_system_config": SOON}
        )
        cluster.add_node(num_cpus=1)
        yield cluster
        cluster.shutdown()


@contextlib.contextmanager
def started(cluster: Any, **settings: Any) -> Iterator[Ray]:
    executor = Ray(address=cluster.address, memory_bytes=300 << 20, **settings)
    executor.start(["mlopt.testing.executor"])
    try:
        yield executor
    finally:
        executor.close()


def kill_machine(raylet: int) -> None:
    """End a node and all that runs on it, as a machine does that loses its power."""
    process = psutil.Process(raylet)
    for victim in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()


def place() -> int:
    return int(os.environ[NODE])


class KillsOneMachine(NoTracker):
    """Ends one of the two nodes that `folder` names, after so many trials."""

    def __init__(self, folder: Path, trials: int) -> None:
        self.folder, self.left = folder, trials

    def log(self, trial: Trial) -> None:
        self.left -= 1
        if self.left == 0:
            kill_machine(int(sorted(os.listdir(self.folder))[0]))


def test_a_study_spans_two_machines_and_outlives_one(cluster: Any, tmp_path: Path) -> None:
    cluster.add_node(num_cpus=1)
    places = tmp_path / "places"
    places.mkdir()
    note = f"import os, pathlib, time; pathlib.Path({str(places)!r}, os.environ[{NODE!r}]).touch(); time.sleep(0.2)"
    study = Study(
        Matmul(3, 4, 5),
        ToyBackend(size=24),
        Random(),
        ToyEvaluator(act=functools.partial(exec, note)),
        Ray(address=cluster.address, memory_bytes=300 << 20),
        [KillsOneMachine(places, 8)],
        Budget(trials=24, trial_seconds=PATIENCE),
        0,
        StudyInfo(
            "toy",
            tmp_path / "study",
            {"workload": {}},
            dict.fromkeys(("workload", "backend", "search", "evaluator"), ""),
        ),
    )
    found = study.run()
    assert len(os.listdir(places)) == 2
    trials = [json.loads(line) for line in (tmp_path / "study" / "trials.jsonl").read_text().splitlines()]
    assert sorted(trial["trial"] for trial in trials) == list(range(24))
    assert {trial["status"] for trial in trials} == {"ok"}
    assert found["best"]["cost"] == 1.0


def test_a_machine_with_other_hardware_is_refused_unless_it_may_be_mixed(
    cluster: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(executor, "hardware", lambda: {**hardware(), "cpu": "Another One"})
    with started(cluster) as unlike, caplog.at_level(logging.WARNING):
        with pytest.raises(UserError, match=r"Another One.*executor\.mixed=true"):
            unlike.submit(place, PATIENCE).result(PATIENCE)
        assert "left out" in caplog.text
        assert unlike.slots == 0
    with started(cluster, mixed=True) as mixed:
        assert mixed.submit(place, PATIENCE).result(PATIENCE)


def test_a_work_lost_on_the_only_machine_is_tried_again_there_once(cluster: Any, tmp_path: Path) -> None:
    with started(cluster) as executor:
        future = executor.submit(functools.partial(hang_the_first_time, tmp_path / "pid"), PATIENCE)
        psutil.Process(read_pids(tmp_path / "pid")[0]).kill()
        assert future.result(PATIENCE) == "done"
        future = executor.submit(functools.partial(hang_with_company, tmp_path / "pids"), PATIENCE)
        for _ in range(2):
            victim, _ = read_pids(tmp_path / "pids")
            (tmp_path / "pids").unlink()
            psutil.Process(victim).kill()
        error = future.exception(PATIENCE)
        assert isinstance(error, WorkerLost)
        assert error.status is Status.CRASH


def test_works_that_need_more_than_any_machine_has_are_a_mistake_of_the_user(cluster: Any) -> None:
    with (
        started(cluster, cores=3, gpus=0.5) as executor,
        pytest.raises(UserError, match=r"executor\.cores=3, gpus=0\.5"),
    ):
        executor.submit(place, PATIENCE).result(PATIENCE)


def test_dropped_in_plugins_travel_to_the_machines(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "plugins" / "travels"
    (plugin / "conf" / "search").mkdir(parents=True)
    (plugin / "__init__.py").write_text("import os\n\n\ndef where():\n    return os.path.dirname(__file__)\n")
    (plugin / "conf" / "search" / "travels.yaml").write_text("_target_: travels.Travels\n")
    monkeypatch.syspath_prepend(tmp_path / "plugins")
    import travels  # type: ignore[import-not-found]

    with started(cluster) as executor:
        place = Path(executor.submit(travels.where, PATIENCE).result(PATIENCE))
    assert place.name == "travels"
    assert not place.is_relative_to(tmp_path)
    monkeypatch.delitem(sys.modules, "travels")

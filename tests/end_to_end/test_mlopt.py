"""The command as users call it, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import programs
import psutil
import pytest

import mlopt
from mlopt.cli.main import main

PATIENCE = 100.0
OPTIONS = {
    "backend/toy": "# right kernels in Python\n_target_: doubles.ToyBackend\nsize: 1000\npreload: [doubles]\n",
    "backend/wrong": "# kernels that write nothing\n_target_: doubles.ToyBackend\n"
    "make: {_target_: hydra.utils.get_method, path: doubles.silent}\n",
    "evaluator/toy": "# makes the numbers up\n_target_: doubles.ToyEvaluator\nexecutes: false\n",
    "evaluator/length": "# of the program's text\n_target_: doubles.Length\n",
}
LOCAL = ("executor=local", "tracker=none")
TOY = ("backend=toy", "evaluator=toy", "search=random", *LOCAL)
CONTRACT = ["workload", "backend", "search", "evaluator", "seed", "threads", "best", "baselines", "speedup", "counts"]
CONTRACT += ["trials", "wall_seconds", "fingerprint"]
SHORT_FINALS = """
import sys
from mlopt.cli.main import main
from mlopt.finals import interleaved, meeting
meeting.FINALISTS = 2
interleaved.FEWEST_ROUNDS = interleaved.MOST_ROUNDS = 6
sys.exit(main())
"""
IN_BACKGROUND = """
import signal, sys
from mlopt.cli.main import main
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does that is a script
sys.exit(main())
"""
INTERRUPTED = "mlopt: interrupted; mlopt resume=study goes on with it\n"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(drop_in: Callable[..., Path], tmp_path: Path) -> Iterator[Start]:
    """Begins `mlopt WORDS` in an empty folder with a dropped-in plugin; the study writes into `study`."""
    drop_in("toys", OPTIONS)
    here = Path(__file__)
    path = [Path(mlopt.__file__).parents[1], here.parents[1] / "importable"]
    locks = tempfile.TemporaryDirectory()  # a short name, since Ray makes sockets below it
    environment = {
        **{name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")},
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "TMPDIR": locks.name,
    }
    begun = []

    def run(*words: str, program: Sequence[str] = ("-m", "mlopt.cli.main")) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *program, *words, "hydra.run.dir=study"],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        begun.append(process)
        return process

    with locks:
        yield run
        for process in begun:
            process.kill()
            process.communicate()


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tmp_path / "study"


def log(study: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (study / "trials.jsonl").read_text().splitlines()]


def result(study: Path) -> Any:
    return json.loads((study / "result.json").read_text())


def await_trials(study: Path, count: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE
    while not (study / "trials.jsonl").exists() or len((study / "trials.jsonl").read_text().splitlines()) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def interrupt(process: subprocess.Popen[str], by: signal.Signals = signal.SIGINT) -> tuple[str, str]:
    """As Ctrl-C does; what it printed, once it and all that it started are gone."""
    below = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(by)
    answer = process.communicate(timeout=PATIENCE)
    assert not psutil.wait_procs(below, 10.0)[1]
    return answer


def test_a_matrix_product_is_tuned(start: Start, study: Path) -> None:
    sizes = ("workload=matmul", "workload.m=64", "workload.n=64", "workload.k=64")
    process = start(*sizes, "budget.trials=8", *LOCAL, program=("-c", SHORT_FINALS))
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    assert "trial" in out
    found, lines = result(study), log(study)
    assert set(CONTRACT) <= set(found)
    assert len(lines) == found["trials"] == 8
    assert found["counts"]["ok"] == sum(line["status"] == "ok" for line in lines) >= 1
    winner = next(line for line in lines if line["trial"] == found["best"]["trial"])
    assert found["best"]["schedule"] == winner["schedule"]
    low, high = found["best"]["ci95"]
    assert 0.0 < low <= found["best"]["seconds"] <= high
    assert {"naive", "torch", "torch_compile", "roofline"} <= set(found["baselines"])
    for name, speedup in found["speedup"].items():
        assert speedup == pytest.approx(found["baselines"][name]["seconds"] / found["best"]["seconds"])
    assert {path.name for path in (study / "best").iterdir()} >= {
        "payload.mlir",
        "schedule.mlir",
        "optimized.mlir",
        "record.json",
        "rerun.py",
    }
    rerun = subprocess.run(
        [sys.executable, str(study / "best" / "rerun.py")], cwd="/", capture_output=True, text=True, timeout=PATIENCE
    )
    assert rerun.returncode == 0, rerun.stderr
    assert 0.0 < float(rerun.stdout) < 1.0


@pytest.mark.usefixtures("own_device")
def test_a_users_own_program_is_tuned(start: Start, study: Path) -> None:
    study.parent.joinpath("mine.mlir").write_text(programs.GATED)
    words = ("workload=mlir_file", "workload.path=mine.mlir", "budget.trials=4", "executor.slots=1", *LOCAL)
    process = start(*words, program=("-c", SHORT_FINALS))
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    found = result(study)
    assert found["counts"]["ok"] == 4
    assert found["speedup"]["naive"] > 0.0
    for name in ("torch", "torch_compile"):
        assert found["baselines"][name] == {"skipped": "a program in MLIR has no equivalent in PyTorch"}
    assert main(["export", "study"]) == 0
    assert {"gated.o", "gated.h", "gated.py", "README.md"} <= {file.name for file in (study / "export").iterdir()}
    (study.parent / "mine.mlir").unlink()
    rerun = [sys.executable, str(study / "best" / "rerun.py")]
    done = subprocess.run(rerun, cwd="/", capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["workload.path=none.mlir"], "mlopt: cannot read workload.path="),
        (["workload.path=mine.mlir", "workload.entry=gate"], "mlopt: mine.mlir has no function 'gate'; did you mean"),
    ],
)
def test_a_mistake_in_a_users_own_program_is_one_line(
    start: Start, study: Path, words: Sequence[str], line: str
) -> None:
    study.parent.joinpath("mine.mlir").write_text(programs.GATED)
    process = start("workload=mlir_file", *words, *LOCAL)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err.count("\n")) == (2, 1)
    assert err.startswith(line)


def test_on_ray_with_a_dropped_in_plugin_and_mirrored_to_mlflow(start: Start, study: Path) -> None:
    words = ("workload.m=16", "workload.n=16", "workload.k=16", "budget.trials=3", "evaluator=length")
    process = start(*words, "executor=ray", "executor.slots=1", "tracker=mlflow")
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    found = result(study)
    assert (found["counts"]["ok"], len(log(study))) == (3, 3)
    assert found["best"]["cost"] == min(line["metrics"]["cost"] for line in log(study))
    assert (study / "best" / "rerun.py").exists()
    assert (study.parent / "outputs" / "mlflow.db").exists()
    assert "not fully mirrored" not in (study / "mlopt.log").read_text()


def test_ctrl_c_ends_the_search_with_the_best_so_far(start: Start, study: Path) -> None:
    process = start(*TOY, "budget.trials=1000")
    await_trials(study, 20, process)
    _, err = interrupt(process)
    assert (process.returncode, err) == (130, INTERRUPTED)
    found, lines = result(study), log(study)
    assert 20 <= found["trials"] <= len(lines) <= found["trials"] + 1  # it may come between the file and the count
    assert found["best"]["cost"] == min(line["metrics"]["cost"] for line in lines[: found["trials"]])
    assert json.loads((study / "best" / "record.json").read_text())["best"] == found["best"]


def test_ctrl_c_ends_the_finals_with_the_best_of_the_search(start: Start, study: Path) -> None:
    process = start(*TOY, "evaluator.executes=true", "budget.trials=3")
    await_trials(study, 3, process)
    time.sleep(1.0)  # PyTorch is being loaded
    _, err = interrupt(process)
    assert (process.returncode, err) == (130, INTERRUPTED)
    found = result(study)
    assert found["trials"] == 3
    assert found["best"]["seconds"] == min(line["seconds"] for line in log(study))
    assert found["baselines"] == {}


def test_sigterm_ends_a_sweep_on_ray_in_one_line_with_the_best_so_far_of_each_study(start: Start, study: Path) -> None:
    toys = ("backend=toy", "evaluator=toy", "search=random", "tracker=none", "executor=ray", "executor.slots=1")
    words = (*toys, "seed=range(2)", "budget.trials=1000", "hydra.sweep.dir=study")
    process = start("-m", *words, program=("-c", IN_BACKGROUND))
    for number in range(2):
        await_trials(study / str(number), 1, process)
    _, err = interrupt(process, signal.SIGTERM)
    line = "mlopt: terminated; go on with the same words and sweep.resume=study\n"
    assert (process.returncode, err) == (143, line)
    for number in range(2):
        found = result(study / str(number))
        assert found["interrupted"] is True
        assert 0 < found["trials"] < 1000


def test_without_a_valid_schedule_it_exits_3(start: Start, study: Path) -> None:
    process = start("backend=wrong", "search=random", *LOCAL, "budget.trials=3")
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
    assert err.startswith("mlopt: none of 3 trials was valid; the first: WrongResult: output 0")
    assert err.count("\n") == 1
    assert result(study)["counts"]["wrong_result"] == len(log(study)) == 3
    assert not (study / "best").exists()


def test_a_worker_that_cannot_import_its_modules_exits_2(start: Start, study: Path) -> None:
    process = start(*TOY, "backend.preload=[no_such_module]")
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert err.startswith("mlopt: a worker cannot import no_such_module")
    assert err.count("\n") == 1

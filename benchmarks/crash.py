"""What is lost when a study is killed: `kill -9` at random moments, of the driver or of its workers, then resume.

A study of 200 trials on a recorded space is run once undisturbed. The same study is then killed again and again, each
time at a random moment, and gone on with; whatever was lost, repeated or found otherwise is counted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from report import report

TRIALS = 200
SPACE = Path(__file__).parents[1] / "shared" / "data" / "t4" / "convolution_A100.json.gz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", type=Path, default=SPACE, help="a T4 file (%(default)s)")
    parser.add_argument("--kills", type=int, default=20, help="of each kind (%(default)s)")
    parser.add_argument("--search", default="evolve")
    call = parser.parse_args()
    if not call.space.exists():
        sys.exit(f"there is no {call.space}: name a T4 file with --space")
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        study = [f"workload.path={call.space}", f"search={call.search}", f"budget.trials={TRIALS}"]
        # Random search proposes the same in however many slots; what an adaptive one knows by then depends on them.
        spread = [*study[:1], "search=random", study[2], "executor=local", "executor.slots=2"]
        rows = [
            drivers(Path(folder, "drivers"), study, call.kills, rng, f"driver, 1 slot, {call.search}"),
            drivers(Path(folder, "spread"), spread, call.kills, rng, "driver, 2 slots, random"),
            workers(Path(folder, "workers"), spread, call.kills, rng),
        ]
    report("crash", f"Studies of {TRIALS} trials, killed and gone on with", rows)


def drivers(folder: Path, words: list[str], kills: int, rng: np.random.Generator, what: str) -> dict[str, Any]:
    """One study whose driver is killed `kills` times, each time soon after its first new trial."""
    whole, seconds = undisturbed(folder, words)
    done, lost, running = 0, 0, start([*words, f"hydra.run.dir={folder / 'killed'}"])
    for _ in range(kills):
        trials, asked = folder / "killed" / "trials.jsonl", folder / "killed" / "proposals.jsonl"
        while lines(trials) == done and running.poll() is None:
            time.sleep(0.002)
        time.sleep(rng.uniform(0.0, seconds / kills))
        kill(running.pid)
        running.wait()
        done = lines(trials)
        lost += sum(len(json.loads(line)["proposed"]) for line in whole_lines(asked)[1:]) - done
        running = start([f"resume={folder / 'killed'}"])
    running.wait()
    return {"killed": what, "kills": kills, "trials lost in flight": lost, **compared(folder, whole)}


def workers(folder: Path, words: list[str], kills: int, rng: np.random.Generator) -> dict[str, Any]:
    """One study of whose workers one is killed at each of `kills` moments."""
    whole, seconds = undisturbed(folder, words)
    running, killed = start([*words, f"hydra.run.dir={folder / 'killed'}"]), 0
    while lines(folder / "killed" / "trials.jsonl") == 0 and running.poll() is None:
        time.sleep(0.01)
    while killed < kills and running.poll() is None:
        time.sleep(rng.uniform(0.0, seconds / kills))
        with contextlib.suppress(psutil.NoSuchProcess):  # it, or one below it, has just ended
            below = psutil.Process(running.pid).children(recursive=True)
            leaves = [process for process in below if not process.children()]
            if leaves:
                kill(leaves[int(rng.integers(len(leaves)))].pid)
                killed += 1
    running.wait()
    crashed = sum(trial["status"] == "crash" and "killed by SIGKILL" in trial["error"] for trial in log(folder))
    return {"killed": "workers", "kills": killed, "trials lost in flight": crashed, **compared(folder, whole)}


def undisturbed(folder: Path, words: list[str]) -> tuple[Path, float]:
    """The folder of a study that is left alone, and how many seconds its trials took."""
    start([*words, f"hydra.run.dir={folder / 'whole'}"]).wait()
    times = [json.loads(line)["finished"] for line in whole_lines(folder / "whole" / "trials.jsonl")]
    first, last = (datetime.fromisoformat(pick(times)) for pick in (min, max))
    return folder / "whole", (last - first).total_seconds()


def compared(folder: Path, whole: Path) -> dict[str, Any]:
    """The killed study against the one that was left alone."""
    numbers = [trial["trial"] for trial in log(folder)]
    schedules = [json.dumps(trial["schedule"]) for trial in log(folder)]
    best, expected = (json.loads((f / "result.json").read_text())["best"] for f in (folder / "killed", whole))
    return {
        "trials": len(numbers),
        "repeated": len(schedules) - len(set(schedules)) + len(numbers) - len(set(numbers)),
        "best as undisturbed": best["schedule"] == expected["schedule"] and best["seconds"] == expected["seconds"],
    }


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in whole_lines(folder / "killed" / "trials.jsonl")]


def lines(file: Path) -> int:
    return len(whole_lines(file))


def whole_lines(file: Path) -> list[bytes]:
    return file.read_bytes().split(b"\n")[:-1] if file.exists() else []


def start(words: list[str]) -> subprocess.Popen[bytes]:
    group = [] if words[0].startswith("resume") else ["experiment=replay"]
    command = [sys.executable, "-m", "mlopt.cli.main", *group, *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()

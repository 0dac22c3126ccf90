"""What it takes to compare very many studies: the seconds and the memory of `mlopt compare`."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf
from report import report

from mlopt.cli.compose import compose, hydra_session
from mlopt.core.fingerprint import fingerprint
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial

SEARCHES = ("random", "anneal", "evolve", "bayes", "hybrid")
SIZES = tuple(range(64, 704, 64))
SAMPLES = 20


def write(root: Path, studies: int, trials: int) -> None:
    """Studies of all searches on all sizes, with as many seeds as it takes, in the form in which studies lie on disk.

    Times are lognormal; those of one search are a little shorter than those of the one before.
    """
    rng, here = np.random.default_rng(0), fingerprint()
    with hydra_session() as hydra:
        problems = [(search, size) for size in SIZES for search in SEARCHES]
        configs = [compose(hydra, [f"search={search}", f"workload.m={size}"]) for search, size in problems]
        texts = [OmegaConf.to_yaml(OmegaConf.masked_copy(c, [k for k in c if k != "hydra"])) for c in configs]
    for number in range(studies):
        seed, kind = divmod(number, len(problems))
        search, size = problems[kind]
        folder = root / str(number)
        (folder / ".hydra").mkdir(parents=True)
        (folder / ".hydra" / "config.yaml").write_text(texts[kind].replace("\nseed: 0\n", f"\nseed: {seed}\n"))
        times = rng.lognormal(-8.0 - 0.1 * SEARCHES.index(search), 1.0, trials)
        lines = (json.dumps(_trial(n, float(seconds)).to_json()) for n, seconds in enumerate(times))
        (folder / "trials.jsonl").write_text("".join(f"{line}\n" for line in lines))
        found = _result(search, size, seed, float(times.min()), here)
        (folder / "result.json").write_text(json.dumps(found, indent=2) + "\n")


def _trial(number: int, seconds: float) -> Trial:
    schedule = Schedule.of({f"knob{knob}": 1 << (number + knob) % 8 for knob in range(12)})
    moment = f"2026-11-26T00:{number // 60 % 60:02}:{number % 60:02}.000+00:00"
    return Trial(
        number, schedule, Status.OK, seconds, (seconds,) * SAMPLES, 0.1, {"drift": 0.0}, started=moment, finished=moment
    )


def _result(search: str, size: int, seed: int, best: float, here: dict[str, Any]) -> dict[str, Any]:
    """What a comparison reads of it, and the fingerprint."""
    return {
        "workload": {"name": "matmul", "m": size},
        "backend": "mlir",
        "target": "auto",
        "search": search,
        "evaluator": "execution",
        "inputs": "warm",
        "seed": seed,
        "threads": 2,
        "best": {"trial": 0, "schedule": {}, "seconds": best},
        "fingerprint": here,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=10_000, help="(%(default)s)")
    parser.add_argument("--trials", type=int, default=200, help="of each (%(default)s)")
    call = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root, out = Path(name, "studies"), Path(name, "out")
        write(root, call.studies, call.trials)
        begun = time.monotonic()
        command = [sys.executable, "-m", "mlopt.cli.main", "compare", str(root), "--out", str(out)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        row = {
            "studies": call.studies,
            "trials of each": call.trials,
            "seconds": time.monotonic() - begun,
            "memory MiB": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
            "page MB": (out / "compare.html").stat().st_size / 1e6,
        }
    report("comparing", "Very many studies compared", [row])


if __name__ == "__main__":
    main()

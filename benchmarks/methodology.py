"""Our scores and those of autotuning-methodology, of the same searches on recorded spaces: `make bench-methodology`.

The package has two baselines. The calculated one is the value at the expected rank of random search; our "score by
rank" is measured against it. The simulated one is the mean of what random search reached when it was run many times;
our score is measured against what that comes to in the long run, which can be computed; where configurations fail, the
package draws these, too, and ours does not. `--space`, `--seeds` and
`--data` do less, or other spaces.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from autotuning_methodology.baseline import Baseline, RandomSearchCalculatedBaseline, RandomSearchSimulatedBaseline
from autotuning_methodology.searchspace_statistics import SearchspaceStatistics
from numpy.typing import NDArray
from ours import ours
from report import report
from search import DATA, drive, space_of

from mlopt.compare.score import Yardstick, incumbents

METHODS = ("random", "anneal", "evolve")
CUTOFF = 0.95
SIMULATED = 20, 1000
"""How often the package is asked to run random search so many times: all at once takes gigabytes."""


def statistics(path: Path, folder: Path) -> SearchspaceStatistics:
    """A record as the package reads it: not packed, and its `times` no text."""
    document = json.loads(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
    for result in document["results"]:
        if isinstance(result["times"], str):
            result["times"] = ast.literal_eval(result["times"])
    plain = folder / "space.json"
    plain.write_text(json.dumps(document))
    return SearchspaceStatistics("", "", True, ["compilation"], ["time"], plain, full_validate=False)


def rows(path: Path, seeds: int) -> list[dict[str, Any]]:
    """A row for each of our searches on one space, with the mean scores and the largest difference of any study."""
    space, stick = space_of(path)
    valid = [trial.objective for trial in space.trials.values() if trial.objective is not None]
    by_rank = Yardstick.by_rank(valid)
    assert by_rank is not None, "the package refuses this space"
    with tempfile.TemporaryDirectory() as folder:
        package = statistics(path, Path(folder))
    _, budget = package.cutoff_point(CUTOFF)
    unit = package.total_performance_absolute_optimum() / stick.optimum
    simulated = _simulated(package)
    peers: Mapping[str, tuple[Baseline, NDArray[np.intp]]] = {
        "by rank": (RandomSearchCalculatedBaseline(package), np.arange(1, budget + 1)),
        "score": (simulated, np.arange(budget)),  # it counts trials from 0
    }
    found = []
    for method in METHODS:
        studies = [[each for each, _ in drive(ours(method), space, stick.budget, seed)] for seed in range(seeds)]
        best = incumbents(studies, stick.budget, stick.worst)
        row: dict[str, Any] = {
            "space": path.name.split(".")[0],
            "search": method,
            "budget": stick.budget,
            "its": budget,
        }
        for name, mine in (("score", stick), ("by rank", by_rank)):
            row |= _compared(name, mine.scores(best), *peers[name], best * unit)
        found.append(row)
    return found


def _simulated(package: SearchspaceStatistics) -> RandomSearchSimulatedBaseline:
    """The mean of what random search without replacement had reached, over whole spaces."""
    np.random.seed(0)  # the package draws from it
    rounds, times = SIMULATED
    each = [
        RandomSearchSimulatedBaseline(package, times, package.size, index=False, flatten=False) for _ in range(rounds)
    ]
    each[0].y_array = np.mean([one.y_array for one in each], axis=0)
    return each[0]


def _compared(
    name: str, mine: NDArray[np.float64], baseline: Baseline, trials: NDArray[np.intp], best: Sequence[Any]
) -> dict[str, float]:
    its = np.array([baseline.get_standardised_curve(trials, curve, "fevals").mean() for curve in best])
    return {name: mine.mean(), f"{name}, package": its.mean(), f"{name}, apart": np.abs(mine - its).max()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--space", action="append", default=[], help="beginning of a file's name; all by default")
    parser.add_argument("--data", type=Path, default=DATA, help="a folder of T4 files")
    arguments = parser.parse_args()
    paths = [p for p in sorted(arguments.data.glob("*.json*")) if p.name.startswith(tuple(arguments.space) or "")]
    if not paths:
        parser.exit(2, f"no T4 files in {arguments.data}: give their folder with --data\n")
    found = [row for path in paths for row in rows(path, arguments.seeds)]
    report("methodology", "Scores, ours and those of autotuning-methodology, of the same studies", found)


if __name__ == "__main__":
    main()

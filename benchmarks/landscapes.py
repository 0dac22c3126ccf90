"""Spaces that nobody has measured, to see whether searches were made for the recorded ones: `landscapes.py FOLDER`.

Each is a T4 file of a few thousand configurations under a constraint, with failures, for `search.py --data FOLDER`.
Kinds differ in what makes configurations alike: `valley` (each knob has a best value, and neighbours are nearly as
good), `plateau` (regions of equals, the best of them small, as where a resource allows one block more), `rugged` (knobs
matter in threes, in no order: Kauffman's NK model, 1993) and `skewed` (a valley with steep sides: most are far slower).
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlopt.backend.recorded.document import document
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial

KINDS = ("valley", "plateau", "rugged", "skewed")
KNOBS = {
    "block": (1, 2, 4, 8, 16, 32, 64),
    "tile": (1, 2, 3, 4, 5, 6, 7, 8),
    "depth": (1, 2, 4, 8, 16),
    "order": ("ijk", "ikj", "jki", "kij", "kji"),
    "vector": (1, 2, 4, 8),
    "pack": (False, True),
}
LARGEST = 512
"""Of block times tile times vector: the constraint."""
SPILL = 48
"""Of tile times vector: beyond, what has depth fails."""
NOISE = 0.01

Matrix = NDArray[np.float64]


def landscape(kind: str, seed: int) -> list[Trial]:
    """All configurations of a space, with their seconds."""
    rng = np.random.default_rng([KINDS.index(kind), seed])
    rows = [row for row in itertools.product(*KNOBS.values()) if row[0] * row[1] * row[4] <= LARGEST]
    ranks = np.array([[values.index(value) for value, values in zip(row, KNOBS.values(), strict=True)] for row in rows])
    effort = _effort(kind, ranks / [len(values) - 1 for values in KNOBS.values()], ranks, rng)
    seconds = 1e-3 * np.exp(effort + rng.normal(0.0, NOISE, len(rows)))
    limit = rng.integers(1, 4)
    trials = []
    for number, (row, taken) in enumerate(zip(rows, seconds.tolist(), strict=True)):
        schedule = Schedule.of(dict(zip(KNOBS, row, strict=True)))
        if row[1] * row[4] > SPILL or (row[1] * row[4] > SPILL / 2 and ranks[number, 2] > limit):
            trials.append(Trial(number, schedule, Status.CRASH, error="spills"))
        else:
            trials.append(Trial(number, schedule, Status.OK, taken, (taken,)))
    return trials


def _effort(kind: str, places: Matrix, ranks: NDArray[np.int64], rng: np.random.Generator) -> Matrix:
    """The logarithm of the time of each row: of values by their place in [0, 1] and by their rank."""
    knobs = places.shape[1]
    if kind == "rugged":
        total = np.zeros(len(places))
        for knob in range(knobs):
            group = [knob, *rng.choice([other for other in range(knobs) if other != knob], size=2, replace=False)]
            table = rng.normal(0.0, 0.3, (len(max(KNOBS.values(), key=len)),) * 3)
            total += table[tuple(ranks[:, group].T)]
        return total
    best, weight = rng.uniform(0, 1, knobs), rng.gamma(2.0, 0.5, knobs)
    away = places - best
    mixed = away @ rng.normal(0.0, 0.5, (knobs, knobs))
    valley = np.asarray((weight * away**2).sum(axis=1) + 0.5 * (mixed**2).sum(axis=1))
    valley += rng.uniform(0.0, 0.5, len(KNOBS["order"]))[ranks[:, 3]]
    away_from_best = valley - valley.min()
    scaled = np.minimum(away_from_best / np.median(away_from_best), 2.0)
    if kind == "plateau":
        return np.asarray(np.floor(4.0 * scaled) / 2.0 + 0.02 * places[:, 1])
    return np.asarray(3.0 * scaled**2 if kind == "skewed" else 1.5 * scaled)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=2, help="spaces of each kind (%(default)s)")
    call = parser.parse_args()
    call.folder.mkdir(parents=True, exist_ok=True)
    for kind, seed in itertools.product(KINDS, range(call.each)):
        content = json.dumps(document(landscape(kind, seed)))
        (call.folder / f"{kind}_{seed}.json").write_text(content)


if __name__ == "__main__":
    main()

"""A model of a tiled matmul, for trying out searches that learn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from mlopt.core.schedule import Schedule, Value
from mlopt.core.space import Knob, KnobSpace
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Budget, Search, Space, StudyContext

S = TypeVar("S", bound=Search)


class Tiles(KnobSpace):
    """A matmul's tiles in small: 150,000 schedules, each tile within the one around it."""

    knobs = (
        *(Knob(f"outer_{loop}", "log2", tuple(2**k for k in range(10))) for loop in "mnk"),
        *(Knob(f"inner_{loop}", "log2", tuple(2**k for k in range(10)), needs=(f"outer_{loop}",)) for loop in "mnk"),
        Knob("pack", "categorical", ("none", "a", "b", "both")),
    )

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return [v for v in knob.values if not knob.needs or int(v) <= int(chosen[knob.needs[0]])]


TILES = Tiles()
"""One for all: counting its schedules takes a while."""
BEST = {"outer_m": 64, "outer_n": 256, "outer_k": 128, "inner_m": 8, "inner_n": 32, "inner_k": 4, "pack": "both"}
GOOD = Schedule.of({**BEST, "inner_k": 2})
FAR = Schedule.of({**dict.fromkeys(BEST, 1), "pack": "none"})


class Hinted(Tiles):
    """Knows the best schedule, and one that is not legal: its inner tile is larger than the outer one."""

    def hints(self) -> Sequence[Mapping[str, Value]]:
        return [BEST, BEST | {"inner_k": 512}]


def seconds(schedule: Schedule) -> float | None:
    """The least is 1 s; a register tile that is too large fails."""
    values = schedule.values()
    if int(values["inner_m"]) * int(values["inner_n"]) > 4096:
        return None
    away = sum(abs(math.log2(int(values[name]) / best)) for name, best in BEST.items() if isinstance(best, int))
    return (1.0 + 0.1 * away) * {"none": 1.5, "a": 1.3, "b": 1.1, "both": 1.0}[str(values["pack"])]


def trial(number: int, schedule: Schedule) -> Trial:
    time = seconds(schedule)
    return Trial(number, schedule, Status.CRASH if time is None else Status.OK, time)


def ok(schedule: Schedule, time: float) -> Trial:
    """A successful trial that took `time` seconds."""
    return Trial(0, schedule, Status.OK, time)


def begun(search: S, space: Space | None = None, seed: int = 0) -> S:
    search.start(space or TILES, StudyContext(np.random.default_rng(seed), Budget(200), slots=2))
    return search


def best(search: Search, seed: int, trials: int = 200) -> float:
    """The least time, in seconds, that `search` finds."""
    begun(search, seed=seed)
    found = []
    for number in range(trials):
        finished = [trial(number, schedule) for schedule in search.ask(1)]
        search.tell(finished)
        found += [t.seconds for t in finished if t.seconds is not None]
    return min(found)


def distance(schedule: Schedule) -> int:
    """How many decisions of `schedule` are not those of GOOD."""
    return sum(decision not in GOOD for decision in schedule)

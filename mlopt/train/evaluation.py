"""What a policy finds in a few schedules of programs that it has never seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean
from typing import TYPE_CHECKING

import numpy as np

from ..search.ppo.episode import greedy, sampled
from ..search.vary import Vary, hinted
from ..workloads.random_program.workload import RandomProgram
from .attempts import Attempts, Bench

if TYPE_CHECKING:
    from ..search.ppo.network import Network


OWN = ("greedy", "best")
"""What is judged of a policy."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One program: objectives in seconds (of calls, or simulated); None where all failed."""

    workload: RandomProgram
    expert: float | None
    """Of the schedule that the space itself thinks best, which knows nothing of trials."""
    greedy: float | None
    best: float | None
    """Of the greedy one and those drawn from the policy."""

    def gain(self, of: str) -> float | None:
        """How many times as fast as the expert's, if both succeeded."""
        objective = getattr(self, of)
        return self.expert / objective if self.expert and objective else None


def judge(
    bench: Bench, network: Network, workloads: Sequence[RandomProgram], draws: int, rng: np.random.Generator
) -> list[Judgement]:
    """Try the expert's schedule of each program, the policy's greedy one, and `draws` drawn from the policy."""
    everything = [bench.begin(workload) for workload in workloads]
    asked = []
    for attempts in everything:
        spaces = [attempts.space] * draws
        hints = hinted(attempts.space, Vary(attempts.space, rng))[:1]
        episodes = [greedy(attempts.space, network), *sampled(spaces, network, rng)]
        asked += [(attempts, schedule) for schedule in (*hints, *(episode.schedule for episode in episodes))]
    bench.carry_out(asked)
    return [_judged(attempts, draws) for attempts in everything]


def gains(judgements: Sequence[Judgement]) -> Mapping[str, float]:
    """Geometric means of gains over the expert: `greedy`, `best`, and both for each kind of program, `KIND/greedy`.

    A policy that fails gains as little as it does anywhere else. `failed` is the share of all programs whose greedy
    schedule failed, `unjudged` that of those whose expert's did, which tell nothing.
    """
    found: dict[str, list[float]] = defaultdict(list)
    judged = [judgement for judgement in judgements if judgement.expert]
    known = [gain for judgement in judged for of in OWN if (gain := judgement.gain(of))]
    for judgement in judged if known else ():
        for of in OWN:
            gain = judgement.gain(of) or min(known)
            found[of].append(gain)
            found[f"{judgement.workload.kind}/{of}"].append(gain)
    failed = sum(judgement.greedy is None for judgement in judgements)
    shares = {"failed": failed / len(judgements), "unjudged": 1.0 - len(judged) / len(judgements)}
    return {**{name: geometric_mean(each) for name, each in sorted(found.items())}, **shares}


def _judged(attempts: Attempts, draws: int) -> Judgement:
    *hints, first = attempts.trials[: len(attempts.trials) - draws]
    own = [trial.objective for trial in attempts.trials[len(hints) :] if trial.objective is not None]
    assert isinstance(attempts.workload, RandomProgram)
    return Judgement(attempts.workload, hints[0].objective if hints else None, first.objective, min(own, default=None))

"""The tree of decisions as an environment of Gymnasium."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..core.errors import UserError
from ..core.schedule import Decision, Schedule
from ..core.trial import Status, Trial
from ..protocols import Workload
from ..search.ppo.encoding import KNOB, NEST, OPTION, Choice, Encoder
from ..search.ppo.reward import Spread, ranked
from ..search.vary import Vary, hinted
from ..train.attempts import Attempts, Bench
from ..train.potential import Potential

Observation = dict[str, NDArray[np.float32]]

PARTS = {"nest": NEST, "producer": NEST, "knob": KNOB, "here": KNOB + OPTION, "before": KNOB + OPTION}
"""What a policy sees of a decision, beside its options, and how many numbers that is; see `Choice`."""


class ScheduleEnv(gymnasium.Env[Observation, np.int64]):
    """An episode is one schedule of one of the `workloads`, drawn anew by each `reset`; an action is one option.

    Decisions with one option make themselves. The reward comes with the last decision: the logarithm of the speed over
    that of the space's first hint (of the first success, where there is no hint that succeeds). A schedule that fails
    earns as much as the slowest success so far if it is only too costly, and a deviation of all speeds less if not
    (`search.ppo.reward.ranked`). So does an action that is not legal, which ends the episode; `action_masks` says what
    is legal, as MaskablePPO of sb3-contrib wants it. With `dense`, every decision earns what it has added to that, by a
    trial of what the space itself would go on with (`train.potential`). `info` at the end has the schedule, its status
    and its objective in seconds.
    """

    def __init__(self, bench: Bench, workloads: Sequence[Workload], dense: bool = False) -> None:
        """Opens `bench`, whose workers `close` ends. Raises UserError for workloads that leave nothing to decide."""
        if not workloads:
            raise UserError("an environment needs a workload")
        self._bench, self._dense = bench, dense
        bench.open()
        self._programs = [bench.begin(workload) for workload in workloads]
        self._references: dict[int, float] = {}
        """Objective that a program's are told against, by its place."""
        self._potentials: dict[int, Potential] = {}
        self._spread, self._slowest = Spread(), 0.0
        """Of the logarithms of speeds so far, and the least of them."""
        for program in self._programs:
            if not program.space.knobs:
                raise UserError(f"workload {program.workload.name} leaves nothing to decide")
        most = max(len(knob.values) for program in self._programs for knob in program.space.knobs)
        boxes = {name: spaces.Box(-np.inf, np.inf, (size,), np.float32) for name, size in PARTS.items()}
        options = spaces.Box(-np.inf, np.inf, (most, OPTION), np.float32)
        self.observation_space: spaces.Space[Any] = spaces.Dict({**boxes, "options": options})
        self.action_space: spaces.Space[np.int64] = spaces.Discrete(most)
        self._most = most

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        super().reset(seed=seed)
        self._place = int(self.np_random.integers(len(self._programs)))
        self._encoder = Encoder(self._program.space)
        self._schedule, self._earned = Schedule(), 0.0
        if not self._proceed():
            raise UserError(f"workload {self._program.workload.name} leaves nothing to decide")
        return self._observation(), {}

    def step(self, action: np.int64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        if not 0 <= action < len(self._options):
            refused = Trial(0, self._schedule, Status.INVALID)
            return self._observation(), self._reward(refused), True, False, {"status": refused.status.value}
        self._decide(int(action))
        if self._proceed():
            return self._observation(), self._added() if self._dense else 0.0, False, False, {}
        (trial,) = self._bench.carry_out([(self._program, self._schedule)])
        told = {"schedule": self._schedule.values(), "status": trial.status.value, "objective": trial.objective}
        return self._observation(), self._reward(trial), True, False, told

    def action_masks(self) -> NDArray[np.bool_]:
        """Shape (actions,): which of them are legal now."""
        return np.arange(self._most) < len(self._options)

    def close(self) -> None:
        self._bench.executor.close()

    @property
    def _program(self) -> Attempts:
        return self._programs[self._place]

    def _proceed(self) -> bool:
        """Go on to the next decision that leaves a choice; False when the schedule is complete."""
        while options := self._program.space.options(self._schedule):
            self._options: Sequence[Decision] = options
            self._choice: Choice = self._encoder.choice(self._schedule, options)
            if len(options) > 1:
                return True
            self._decide(0)
        return False

    def _decide(self, index: int) -> None:
        self._encoder.decided(self._choice, index)
        self._schedule = self._schedule.then(self._options[index])

    def _observation(self) -> Observation:
        """Of the last decision, the options filled up with zeros."""
        padded = np.zeros((self._most, OPTION), dtype=np.float32)
        padded[: len(self._choice.options)] = self._choice.options
        return {**{name: getattr(self._choice, name).copy() for name in PARTS}, "options": padded}

    def _reward(self, trial: Trial) -> float:
        """Of an episode that ends with a trial, less what it has earned before."""
        speed = None
        if trial.objective is not None:
            reference = self._reference(trial.objective) or trial.objective
            speed = math.log(reference / trial.objective)
            self._spread.add(speed)
            self._slowest = min(self._slowest, speed)
        return float(ranked([trial], [speed], self._slowest, self._spread.unit)[0]) - self._earned

    def _added(self) -> float:
        """What the last decision has added to what the schedule is worth."""
        before, self._earned = self._earned, self._potential()
        return self._earned - before

    def _potential(self) -> float:
        potential = self._potentials.setdefault(self._place, Potential(self._bench, self._program, self.np_random))
        reference = self._reference(None)
        return self._earned if reference is None else potential.of([self._schedule], reference, self._earned)[0]

    def _reference(self, objective: float | None) -> float | None:
        """What a program's speeds are told over; `objective`, where neither a hint nor another schedule succeeded."""
        if self._place not in self._references:
            hints = hinted(self._program.space, Vary(self._program.space, self.np_random))[:1]
            told = [trial.objective for trial in self._bench.carry_out([(self._program, hint) for hint in hints])]
            found = next((each for each in told if each is not None), objective)
            if found is None:
                return None
            self._references[self._place] = found
        return self._references[self._place]

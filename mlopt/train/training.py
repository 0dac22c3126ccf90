"""The loop in which a policy learns from many programs."""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import UserError
from ..core.fingerprint import fingerprint
from ..search.ppo.episode import Episode, along, sampled
from ..search.ppo.learning import Learner, Reward
from ..search.ppo.network import Network
from ..search.ppo.policy import save
from ..search.ppo.reward import Spread, ranked
from ..search.vary import Vary, hinted
from . import checkpoint
from .attempts import Attempts, Bench
from .evaluation import gains, judge
from .potential import Potential
from .programs import Programs
from .settings import Training

POLICY, LOG = "policy.safetensors", "training.jsonl"
MEMORY = 1024
"""Programs whose best schedule is remembered, to be imitated."""
EVALUATION_SEED = 1
"""Of the held-out programs, which are the same for every training."""

Report = Callable[[int, Mapping[str, float]], None]
"""Is told a step's number and its figures."""


@dataclass
class Trainer:
    """Draws programs, has the policy schedule them, and improves it by PPO and by imitation of the best that is known.

    It begins with what the spaces themselves think good, so that little of the budget goes into the worst schedules.

    A schedule's reward is the logarithm of its speed over that of the space's first hint (over the median of what
    succeeded, where the hint failed), in units of the deviation of all rewards so far; failures rank below the slowest
    success of their program. It comes at the end of an episode, or in parts with each decision (`training.dense`,
    `potential.py`). `directory` holds the log (`training.jsonl`, a line a step), policy and checkpoint.
    """

    network: Network
    learner: Learner
    bench: Bench
    programs: Programs
    training: Training
    directory: Path
    rng: np.random.Generator
    report: Report
    about: Mapping[str, Any]
    """What the policy's card says of how it was trained: plain data."""
    run_id: str | None = None
    """What an experiment tracker calls this training."""

    def run(self, resume: bool = False) -> Mapping[str, float]:
        """Train until a limit is reached or the user interrupts; the figures of the last evaluation."""
        self._step, self._seconds, self._trials = 0, 0.0, 0
        self._spread = Spread()
        self._known: deque[Episode] = deque(maxlen=MEMORY)
        if resume:
            self._restore(checkpoint.load(self.directory, self.learner, self.rng))
        figures: Mapping[str, float] = {}
        try:
            if not self._step:
                self._begin()
            while self._step < self.training.steps and self._seconds < (self.training.seconds or math.inf):
                started = time.monotonic()
                told = self._learn()
                self._step += 1
                self._seconds += time.monotonic() - started
                self._note(told)
                if self._step % self.training.evaluate == 0:
                    figures = self._evaluate()
        except (KeyboardInterrupt, UserError):
            self._save(figures)
            raise
        return figures if figures and self._step % self.training.evaluate == 0 else self._evaluate()

    def _begin(self) -> None:
        """Imitate what spaces think best of many programs; it costs no trial."""
        started = time.monotonic()
        for lesson in range(self.training.lessons):
            workload = self.programs.training(self.rng)
            space = self.bench.backend.space(workload)
            for hint in hinted(space, Vary(space, self.rng))[:1]:
                self._known.append(along(space, self.network, hint))
            if lesson % self.training.programs == 0:
                self._imitate()
        self._seconds += time.monotonic() - started

    def _imitate(self) -> float:
        """One step towards some of the schedules that are worth it; see `Learner.imitate`."""
        rows = self.rng.permutation(len(self._known))[: self.training.imitated]
        return self.learner.imitate([self._known[row] for row in rows], self.rng)

    def _learn(self) -> Mapping[str, float]:
        """One step; its figures."""
        everything = [self.bench.begin(self.programs.training(self.rng)) for _ in range(self.training.programs)]
        owners = [attempts for attempts in everything for _ in range(self.training.episodes)]
        drawn = sampled([attempts.space for attempts in owners], self.network, self.rng)
        hints = [
            (attempts, hint)
            for attempts in everything
            for hint in hinted(attempts.space, Vary(attempts.space, self.rng))[: self.training.hints]
        ]
        own = [(attempts, episode.schedule) for attempts, episode in zip(owners, drawn, strict=True)]
        trials = self.bench.carry_out([*hints, *own])
        self._trials += len(trials)
        learned: list[Episode] = []
        rewards: list[float] = []
        earned: list[Reward] = []
        for attempts in everything:
            if attempts.best is not None:
                self._known.append(along(attempts.space, self.network, attempts.best.schedule))
                mine = [episode for owner, episode in zip(owners, drawn, strict=True) if owner is attempts]
                reference, told = self._rewards(attempts)
                learned += mine
                rewards += told[-len(mine) :]
                earned += self._earned(attempts, mine, told[-len(mine) :], reference)
        scaled = [reward / self._spread.unit for reward in earned]
        diagnostics = self.learner.learn(learned, scaled, self.rng)
        likelihood = self._imitate()
        return {
            "gain": float(np.exp(np.mean(rewards))) if rewards else 0.0,
            "failures": sum(not trial.ok for trial in trials) / len(trials),
            "imitation": likelihood,
            **diagnostics,
        }

    def _rewards(self, attempts: Attempts) -> tuple[float, list[float]]:
        """The objective that a program's speeds are told over, and the rewards of all of its trials, not scaled yet.

        One of them at least succeeded.
        """
        objectives = [trial.objective for trial in attempts.trials]
        own = objectives[0] or float(np.median([each for each in objectives if each is not None]))
        speeds = [math.log(own / each) if each is not None else None for each in objectives]
        for speed in speeds:
            if speed is not None:
                self._spread.add(speed)
        worst = min(speed for speed in speeds if speed is not None)
        return own, [float(each) for each in ranked(attempts.trials, speeds, worst, self._spread.unit)]

    def _earned(
        self, attempts: Attempts, episodes: Sequence[Episode], rewards: Sequence[float], reference: float
    ) -> list[Reward]:
        """What episodes have earned: their rewards at the end, or, `dense`, what each choice has added to them."""
        if not self.training.dense:
            return list(rewards)
        potential, before = Potential(self.bench, attempts, self.rng), len(attempts.trials)
        earned: list[Reward] = []
        for episode, reward in zip(episodes, rewards, strict=True):
            prefixes = [episode.schedule.prefix(place + 1) for place in episode.places[:-1]]
            earned.append(np.diff([0.0, *potential.of(prefixes, reference), reward]).astype(np.float32))
        self._trials += len(attempts.trials) - before
        return earned

    def _evaluate(self) -> Mapping[str, float]:
        """Judge the policy by held-out programs, and keep it."""
        rng = np.random.default_rng(EVALUATION_SEED)
        workloads = self.programs.evaluation(self.training.held_out, EVALUATION_SEED)
        found = gains(judge(self.bench, self.network, workloads, self.training.draws, rng))
        figures = {f"held_out/{name}": value for name, value in found.items()}
        self._note(figures)
        self._save(figures)
        return figures

    def _note(self, figures: Mapping[str, float]) -> None:
        """Into the log and to whoever looks on."""
        line = {"step": self._step, "seconds": round(self._seconds, 3), "trials": self._trials, **figures}
        with (self.directory / LOG).open("a") as log:
            log.write(json.dumps(line) + "\n")
        self.report(self._step, {**figures, "trials": self._trials, "trials_per_second": self._trials / self._seconds})

    def _save(self, figures: Mapping[str, float]) -> None:
        spent = {"steps": self._step, "seconds": round(self._seconds), "trials": self._trials}
        card = {**self.about, **spent, "evaluation": dict(figures), "fingerprint": fingerprint()}
        save(self.directory / POLICY, self.network, card)
        state = checkpoint.State(
            steps=self._step,
            seconds=self._seconds,
            trials=self._trials,
            spread=(self._spread.count, self._spread.mean, self._spread.squares),
            random=dict(self.rng.bit_generator.state),
            run=self.run_id,
        )
        checkpoint.save(self.directory, self.learner, state)

    def _restore(self, state: checkpoint.State) -> None:
        """Where the training was; the schedules to be imitated are gathered anew, steps after it were never made."""
        self._step, self._seconds, self._trials = state.steps, state.seconds, state.trials
        self._spread = Spread(*state.spread)
        self.run_id = self.run_id or state.run
        cut(self.directory / LOG, self._step)


def cut(log: Path, step: int) -> None:
    """Leave the lines of a log up to a step, and none that are cut short."""

    def stays(line: str) -> bool:
        try:
            told = json.loads(line)["step"]
        except (ValueError, LookupError, TypeError):
            return False
        return isinstance(told, int) and told <= step

    if log.exists():
        kept = [line for line in log.read_text("utf-8", errors="replace").splitlines() if stays(line)]
        half = log.with_name(f"{log.name}.half")
        half.write_text("".join(f"{line}\n" for line in kept), "utf-8")
        half.replace(log)

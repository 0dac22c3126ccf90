"""Search by a policy that learns."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

from ...core.errors import UserError, nearest
from ...core.schedule import Schedule
from ...core.trial import Trial
from ...protocols import Space, StudyContext
from ..draw import Draw
from ..settings import limit
from ..streams import Streams
from ..vary import Vary, hinted
from .episode import Episode, along, greedy, sampled
from .interchange import Enumerated
from .reward import Rewards
from .settings import Settings

if TYPE_CHECKING:
    from .learning import Learner
    from .network import Network

Nests = Literal["lstm", "transformer"]
Interchange = Literal["pointers", "enumerated"]

ATTEMPTS = 6
"""Schedules drawn from the policy in search of one that is new."""

WARMING = 1.25
"""What the temperature of these draws is multiplied by, from one to the next: a policy that is sure repeats itself."""

MUTATIONS = 32
"""Changes of the best schedule, of more and more decisions, that are tried then, before a uniform draw."""


class Ppo:
    """Draws schedules from a policy, decision by decision, and improves it by PPO after every `batch` trials.

    The legal options are all that the policy ever scores. The logarithms of its probabilities are kept when a schedule
    is asked for, so that no slot has to wait for an update: the ratio then tells how far the policy has moved since.

    The first schedule is the most probable one of a policy that was trained before, then come the space's own hints (if
    it has any, and `hints` says so). They, and trials that somebody else chose, are learned from as well, by the
    probabilities that they had when they were told.

    A policy that is sure of itself draws what it has drawn before: then it is made less and less sure, then the best
    schedule is changed, and at last schedules are drawn uniformly.

    `policy` is the file of one that was trained before; None starts fresh, with `nests` read by an LSTM or by a
    transformer, and with or without `producers`. Loop orders are decided level by level (`pointers`), or as one choice
    among all orders (`enumerated`). Raises UserError where it cannot be read, when the study starts.
    """

    def __init__(
        self,
        learning: Settings = Settings(),  # noqa: B008 - immutable
        policy: str | None = None,
        nests: Nests = "lstm",
        producers: bool = True,
        batch: int = 16,
        hints: bool = True,
        interchange: Interchange = "pointers",
    ) -> None:
        limit("batch", batch, 1)
        for key, value, kind in (("nests", nests, Nests), ("interchange", interchange, Interchange)):
            if value not in (known := get_args(kind)):
                raise UserError(f"search.{key}={value} must be {' or '.join(known)}{nearest(value, known)}")
        self._settings = learning
        self._policy = policy
        self._nests = nests
        self._producers = producers
        self._batch = batch
        self._use_hints = hints
        self._interchange = interchange

    def start(self, space: Space, context: StudyContext) -> None:
        self._orders = Enumerated(space) if self._interchange == "enumerated" else None
        self._tree: Space = self._orders or space
        """The space as the policy walks it."""
        self._streams, self._updates = Streams(context.rng), Streams(context.rng)
        self._draw = Draw(space, self._streams.rng)
        self._vary = Vary(space, self._streams.rng)
        hints = hinted(space, self._vary) if self._use_hints else []
        self._best, self._reached = Schedule(), math.inf
        """The best schedule so far, none at first, and its objective."""
        self._network, self._learner = self._made()
        known = [] if self._policy is None else [self._plain(greedy(self._tree, self._network))]
        self._origins = {**dict.fromkeys(hints, "hint"), **dict.fromkeys(known, "greedy")}
        self._first = [*known, *hints]
        """Proposed before anything is drawn."""
        self._rewards = Rewards()
        self._pending: dict[Schedule, Episode] = {}
        self._finished: list[tuple[Episode, Trial]] = []
        """Since the last update."""
        self._diagnostics: Mapping[str, float] = {}
        """Of the last update."""

    def ask(self, n: int) -> Sequence[Schedule]:
        return list(itertools.islice(iter(self._propose, None), n))

    def tell(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            if trial.objective is not None and trial.objective < self._reached:
                self._best, self._reached = trial.schedule, trial.objective
            episode = self._pending.pop(trial.schedule, None)
            if episode is None and self._draw.see(trial.schedule):
                episode = self._along(trial.schedule)
            if episode is not None:
                self._finished.append((episode, trial))
            if len(self._finished) == self._batch:
                self._learn()

    def account(self, schedule: Schedule) -> tuple[str, Mapping[str, float]]:
        """`greedy` or `hint`, and the diagnostics of the policy's last update, for the trials after it."""
        return self._origins.get(schedule, ""), {f"ppo_{name}": value for name, value in self._diagnostics.items()}

    def _propose(self) -> Schedule | None:
        """A schedule never proposed or told before, None when there is none left."""
        self._streams.begin(len(self._draw))
        episode = self._episode()
        if episode is None:
            return None
        schedule = self._plain(episode)
        self._draw.see(schedule)
        self._pending[schedule] = episode
        return schedule

    def _episode(self) -> Episode | None:
        while self._first:
            if (schedule := self._first.pop(0)) not in self._draw:
                return self._along(schedule)
        for attempt in range(ATTEMPTS):
            (episode,) = sampled([self._tree], self._network, self._streams.rng, WARMING**attempt)
            if self._plain(episode) not in self._draw:
                return episode
        for attempt in range(MUTATIONS if self._best else 0):
            changed = self._vary.mutate(self._best, 1 + attempt // 8, 0.5)
            if changed not in self._draw:
                return self._along(changed)
        fresh = self._draw.fresh()
        return None if fresh is None else self._along(fresh)

    def _along(self, schedule: Schedule) -> Episode:
        """The episode of a schedule of the study's space."""
        return along(self._tree, self._network, self._orders.joined(schedule) if self._orders else schedule)

    def _plain(self, episode: Episode) -> Schedule:
        """An episode's schedule, in the study's space."""
        return self._orders.plain(episode.schedule) if self._orders else episode.schedule

    def _learn(self) -> None:
        """Improve the policy by what has finished since it last was."""
        episodes, trials = zip(*self._finished, strict=True)
        self._finished = []
        # Of a stream that no proposal draws from.
        self._updates.begin(len(self._draw))
        self._diagnostics = self._learner.learn(episodes, self._rewards.of(trials), self._updates.rng)

    def _made(self) -> tuple[Network, Learner]:
        from .learning import Learner
        from .network import Network
        from .policy import named

        if self._policy is None:
            network = Network(self._streams.rng, self._nests, self._producers)
        else:
            try:
                network, _ = named(self._policy)
            except UserError as error:
                raise UserError(f"search.policy={self._policy}: {error}") from None
        return network, Learner(network, self._settings)

"""The samplers of Optuna."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ..core.schedule import Schedule, Value
from ..core.space import Knob
from ..core.trial import Trial
from ..protocols import Space, StudyContext
from .draw import Draw
from .streams import Streams
from .vary import Vary

if TYPE_CHECKING:
    import optuna

ATTEMPTS = 8
"""Suggestions asked for in search of one that is new, before a uniform draw takes its place."""

Sampler = Literal["tpe", "gp", "cmaes", "random"]
WHOLE = ("gp", "cmaes")
"""Samplers that model no knob but those that all trials have decided."""


class Optuna:
    """Asks a sampler of Optuna (Akiba et al. 2019) for schedules.

    A sampler is walked down the tree: each knob that is to be decided is one suggestion, of a rank where the knob's
    values are ordered (ordinal and log2), else of a category; of a rank in any case for CMA-ES, which knows numbers
    alone. What a schedule does not decide, samplers that cannot do without are told to be the knob's middle value.
    Optuna knows no constraints that depend on other parameters: a suggestion that is not legal is repaired, and the
    sampler is told of what was tried in its place. Failures are told as failed. The first `initial` schedules are
    uniform draws. A resumed study tells CMA-ES of its trials, but not of the generations that they were made in: it
    begins anew.
    """

    _streams: Streams
    _draw: Draw
    _vary: Vary
    _knobs: Mapping[str, Knob]
    _study: optuna.Study
    _attributes: dict[Schedule, dict[str, Any]]
    """What a sampler has noted down on its suggestions that are pending."""

    def __init__(self, sampler: Sampler = "tpe", initial: int = 10) -> None:
        self._sampler = sampler
        self._initial = initial

    def start(self, space: Space, context: StudyContext) -> None:
        import optuna

        self._computing = context.computing
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._streams = Streams(context.rng)
        self._draw = Draw(space, self._streams.rng)
        self._vary = Vary(space, self._streams.rng)
        self._knobs = {knob.name: knob for knob in space.knobs}
        whole = space.knobs if self._sampler in WHOLE else ()
        self._undecided = {knob.name: knob.values[len(knob.values) // 2] for knob in whole}
        self._study = optuna.create_study()
        self._attributes = {}

    def ask(self, n: int) -> Sequence[Schedule]:
        return list(itertools.islice(iter(self._propose, None), n))

    def tell(self, trials: Sequence[Trial]) -> None:
        from optuna.trial import TrialState, create_trial

        for trial in trials:
            self._draw.see(trial.schedule)
            if trial.schedule in self._draw:
                failed = trial.objective is None
                chosen = {**self._undecided, **trial.schedule.values()}
                told = create_trial(
                    state=TrialState.FAIL if failed else TrialState.COMPLETE,
                    value=trial.objective,
                    params={name: self._encoded(self._knobs[name], value) for name, value in chosen.items()},
                    distributions={name: self._distribution(self._knobs[name]) for name in chosen},
                    system_attrs=self._attributes.pop(trial.schedule, {}),
                )
                self._study.add_trial(told)

    def _propose(self) -> Schedule | None:
        """A schedule never proposed or told before, None when there is none left."""
        self._streams.begin(len(self._draw))
        if len(self._draw) >= self._initial and (schedule := self._new()) is not None:
            return schedule
        return self._draw.fresh()

    def _new(self) -> Schedule | None:
        """The first of some suggestions that is new; what the sampler has noted down on it is kept."""
        from threadpoolctl import threadpool_limits

        self._study.sampler = self._seeded()
        with self._computing(), threadpool_limits(1):
            for _ in range(ATTEMPTS):
                schedule, attributes = self._suggested()
                if self._draw.see(schedule):
                    self._attributes[schedule] = attributes
                    return schedule
        return None

    def _suggested(self) -> tuple[Schedule, dict[str, Any]]:
        """A suggestion made legal, and what the sampler has noted down on it."""
        from optuna.trial import TrialState

        trial = self._study.ask()
        schedule = Schedule()
        while (offer := self._vary.offer(schedule)) is not None:
            knob = offer.knob
            wanted: Value | None
            if self._is_ranked(knob):
                wanted = knob.values[trial.suggest_int(knob.name, 0, len(knob.values) - 1)]
            else:
                wanted = trial.suggest_categorical(knob.name, knob.values)
            schedule = schedule.then(self._vary.nearest(offer, wanted))
        # What is tried is told as a trial of its own, since it may differ from the suggestion.
        told = self._study.tell(trial, state=TrialState.FAIL)
        return schedule, dict(told.system_attrs)

    def _seeded(self) -> optuna.samplers.BaseSampler:
        """The sampler, seeded for this proposal: it keeps nothing itself that the trials do not tell it."""
        import optuna

        seed = int(self._streams.rng.integers(2**31))
        samplers = optuna.samplers
        if self._sampler == "tpe":
            return samplers.TPESampler(seed=seed, n_startup_trials=self._initial)
        if self._sampler == "gp":
            return samplers.GPSampler(seed=seed, n_startup_trials=self._initial, warn_independent_sampling=False)
        if self._sampler == "cmaes":
            return samplers.CmaEsSampler(seed=seed, n_startup_trials=self._initial, warn_independent_sampling=False)
        return samplers.RandomSampler(seed=seed)

    def _encoded(self, knob: Knob, value: Value) -> Value:
        """What Optuna is told of a decision: its rank, or itself."""
        return knob.ranks[value] if self._is_ranked(knob) else value

    def _distribution(self, knob: Knob) -> optuna.distributions.BaseDistribution:
        from optuna.distributions import CategoricalDistribution, IntDistribution

        return (
            IntDistribution(0, len(knob.values) - 1) if self._is_ranked(knob) else CategoricalDistribution(knob.values)
        )

    def _is_ranked(self, knob: Knob) -> bool:
        return knob.ordered or self._sampler == "cmaes"

"""The field's searches on a recorded space: which schedules they evaluate, in order, repeats among them.

They go on until as many different ones as the budget were evaluated, so that their repeats can be left out of account.
"""

from __future__ import annotations

import json
import random
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from mlopt.backend.recorded.space import RecordedSpace
from mlopt.core.schedule import Schedule, Value
from mlopt.core.space import Knob

KERNEL_TUNER = (
    "diff_evo",
    "adaptive_tabu_greywolf",
    "hybrid_vndx",
    "bayes_opt",
    "genetic_algorithm",
    "simulated_annealing",
    "pso",
    "greedy_ils",
    "dual_annealing",
    "mls",
    "greedy_mls",
    "ordered_greedy_mls",
    "basinhopping",
    "firefly_algorithm",
    "minimize",
    *(strategy for strategy, package in (("pyatf_strategies", "pyatf"), ("skopt", "skopt")) if find_spec(package)),
)
OPTUNA = ("tpe", "gp", "cmaes", "random")
MOST = 20
"""Suggestions that a sampler of Optuna may make, in budgets."""
MOST_BY_GP = 300
"""Suggestions that its Gaussian process may make, each of which takes a large part of a second by then."""
STUCK = 1000
"""Evaluations or suggestions in a row without anything new, after which there is nothing more to expect."""


class _Spent(Exception):
    """The budget is."""


class _Evaluated:
    """What a search has evaluated, in order."""

    def __init__(self, budget: int) -> None:
        self.schedules: list[Schedule] = []
        self._budget = budget
        self._distinct: set[Schedule] = set()
        self._idle = 0

    def add(self, schedule: Schedule | None) -> None:
        """Of a schedule, or of a suggestion that is not in the space (None)."""
        self._idle += 1
        if schedule is not None:
            self.schedules.append(schedule)
            if schedule not in self._distinct:
                self._distinct.add(schedule)
                self._idle = 0

    def ends(self) -> bool:
        """Whether the budget is spent on different schedules, or the search is stuck."""
        return len(self._distinct) == self._budget or self._idle == STUCK


def kernel_tuner(space: RecordedSpace, strategy: str, budget: int, seed: int) -> list[Schedule]:
    """A strategy of Kernel Tuner (`kernel_tuner.tune_kernel`) in its simulation mode."""
    import kernel_tuner
    from kernel_tuner.runners.simulation import SimulationRunner

    random.seed(seed)
    np.random.seed(seed)  # Kernel Tuner draws from the global generators
    names = [knob.name for knob in space.knobs]
    legal = {tuple(decision.value for decision in schedule): schedule for schedule in space.trials}
    evaluated = _Evaluated(budget)

    def recorded(values: Mapping[str, Any]) -> bool:
        return tuple(values[name] for name in names) in legal

    usual = SimulationRunner.run

    def remembering(runner: Any, configurations: Sequence[Any], options: Any) -> Any:
        configurations = list(configurations)
        for configuration in configurations:
            evaluated.add(legal[tuple(configuration)])
            if evaluated.ends():
                raise _Spent
        return usual(runner, configurations, options)

    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache.json"
        cache.write_text(json.dumps(_cache(space, names)))
        SimulationRunner.run = remembering
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kernel_tuner.tune_kernel(
                    "recorded",
                    "",
                    (1,),
                    [],
                    {knob.name: list(knob.values) for knob in space.knobs},
                    restrictions=recorded,
                    strategy=strategy,
                    strategy_options={"max_fevals": min(budget, len(legal))},
                    cache=str(cache),
                    simulation_mode=True,
                    quiet=True,
                )
        except _Spent:
            pass
        finally:
            SimulationRunner.run = usual
    return evaluated.schedules


def _cache(space: RecordedSpace, names: Sequence[str]) -> dict[str, Any]:
    """The space as Kernel Tuner's cache file."""
    rows = {}
    for schedule, trial in space.trials.items():
        values = schedule.values()
        objective = trial.objective
        rows[",".join(str(values[name]) for name in names)] = {
            **values,
            "time": objective if objective is not None else "RuntimeFailedConfig",
            "compile_time": 0.0,
            "verification_time": 0.0,
            "benchmark_time": 0.0,
            **({} if objective is not None else {"__error__": "RuntimeFailedConfig"}),
        }
    return {
        "device_name": "recorded",
        "kernel_name": "recorded",
        "problem_size": [1],
        "tune_params_keys": names,
        "tune_params": {knob.name: list(knob.values) for knob in space.knobs},
        "objective": "time",
        "cache": rows,
    }


def optuna_sampler(space: RecordedSpace, sampler: str, budget: int, seed: int) -> list[Schedule]:
    """A sampler of Optuna; what is not in the space fails and costs nothing.

    Parameters are categorical, but for CMA-ES, which knows numbers alone: the ranks of the values.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    samplers = optuna.samplers
    kinds = {
        "tpe": samplers.TPESampler,
        "gp": samplers.GPSampler,
        "cmaes": samplers.CmaEsSampler,
        "random": samplers.RandomSampler,
    }
    study = optuna.create_study(sampler=kinds[sampler](seed=seed))

    def suggested(trial: optuna.Trial, knob: Knob) -> Value:
        if sampler == "cmaes":
            return knob.values[trial.suggest_int(knob.name, 0, len(knob.values) - 1)]
        return trial.suggest_categorical(knob.name, knob.values)

    evaluated = _Evaluated(budget)
    for _ in range(min(MOST * budget, MOST_BY_GP) if sampler == "gp" else MOST * budget):
        trial = study.ask()
        schedule = Schedule.of({knob.name: suggested(trial, knob) for knob in space.knobs})
        known = space.trials.get(schedule)
        evaluated.add(None if known is None else schedule)
        if known is None or known.objective is None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, known.objective)
        if evaluated.ends():
            break
    return evaluated.schedules

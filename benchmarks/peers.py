"""The field's searches on a recorded space: which schedules they evaluate, in order, repeats among them."""

from __future__ import annotations

import json
import random
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlopt.backend.recorded.space import RecordedSpace
from mlopt.core.schedule import Schedule

KERNEL_TUNER = (
    "diff_evo",
    "adaptive_tabu_greywolf",
    "hybrid_vndx",
    "bayes_opt",
    "genetic_algorithm",
    "simulated_annealing",
    "pso",
    "greedy_ils",
)
OPTUNA = ("tpe", "random")


class _Spent(Exception):
    """The budget is."""


def kernel_tuner(space: RecordedSpace, strategy: str, budget: int, seed: int) -> list[Schedule]:
    """A strategy of Kernel Tuner (`kernel_tuner.tune_kernel`) in its simulation mode."""
    import kernel_tuner
    from kernel_tuner.runners.simulation import SimulationRunner

    random.seed(seed)
    np.random.seed(seed)  # Kernel Tuner draws from the global generators
    names = [knob.name for knob in space.knobs]
    legal = {tuple(decision.value for decision in schedule): schedule for schedule in space.trials}
    evaluated: list[Schedule] = []

    def recorded(values: Mapping[str, Any]) -> bool:
        return tuple(values[name] for name in names) in legal

    usual = SimulationRunner.run

    def remembering(runner: Any, configurations: Sequence[Any], options: Any) -> Any:
        configurations = list(configurations)
        evaluated.extend(legal[tuple(configuration)] for configuration in configurations)
        if len(evaluated) >= budget:
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
    return evaluated[:budget]


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
    """A sampler of Optuna on categorical parameters; what is not in the space fails and costs nothing."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kinds = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
    study = optuna.create_study(sampler=kinds[sampler](seed=seed))
    evaluated: list[Schedule] = []
    for _ in range(20 * budget):
        trial = study.ask()
        schedule = Schedule.of({knob.name: trial.suggest_categorical(knob.name, knob.values) for knob in space.knobs})
        known = space.trials.get(schedule)
        if known is not None:
            evaluated.append(schedule)
        if known is None or known.objective is None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, known.objective)
        if len(evaluated) == budget:
            break
    return evaluated

"""The environment keeps to Gymnasium's contract, its masks to the space, and its rewards to what was tried."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("gymnasium")

from gymnasium.utils.env_checker import check_env

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Failed, Measurement, Status
from mlopt.envs import ScheduleEnv
from mlopt.evaluator.simulation import Simulation
from mlopt.executor.inline import Inline
from mlopt.protocols import Program, Workload
from mlopt.train.attempts import Bench
from mlopt.workloads.add.workload import Add
from mlopt.workloads.softmax.workload import Softmax

WORKLOADS = (Add((64, 64)), Softmax(32, 64))


@pytest.fixture
def bench() -> Bench:
    return Bench(Mlir(threads=1), Simulation(), Inline(), 20.0)


@pytest.fixture
def env(bench: Bench) -> Iterator[ScheduleEnv]:
    env = ScheduleEnv(bench, WORKLOADS)
    yield env
    env.close()


def test_gymnasium_finds_no_fault(env: ScheduleEnv) -> None:
    check_env(env, skip_render_check=True)


def test_masked_episodes_end_with_legal_schedules_and_their_gain(env: ScheduleEnv, bench: Bench) -> None:
    rng = np.random.default_rng(0)
    for seed in range(4):
        env.reset(seed=seed)
        ended, reward = False, 0.0
        while not ended:
            assert reward == 0.0
            action = rng.choice(np.flatnonzero(env.action_masks()))
            observation, reward, ended, _, told = env.step(action)
            assert env.observation_space.contains(observation)
        spaces = [bench.backend.space(workload) for workload in WORKLOADS]
        space = next(each for each in spaces if {knob.name for knob in each.knobs} >= told["schedule"].keys())
        space.check(Schedule.of(told["schedule"]))
        assert told["status"] == "ok"
        assert math.isfinite(reward)


def test_what_is_faster_earns_more(env: ScheduleEnv) -> None:
    rng, earned = np.random.default_rng(0), []
    for _ in range(6):
        env.reset(seed=1)
        ended = False
        while not ended:
            _, reward, ended, _, told = env.step(rng.choice(np.flatnonzero(env.action_masks())))
        earned.append((told["objective"], reward))
    slowest, fastest = max(earned), min(earned)
    assert fastest[1] - slowest[1] == pytest.approx(math.log(slowest[0] / fastest[0]))


def rolled(env: ScheduleEnv, rng: np.random.Generator) -> tuple[list[float], dict[str, Any]]:
    """The rewards of an episode of random decisions, and what is told at its end."""
    env.reset(seed=1)
    rewards, ended = [], False
    while not ended:
        _, reward, ended, _, told = env.step(rng.choice(np.flatnonzero(env.action_masks())))
        rewards.append(reward)
    return rewards, told


@dataclass(frozen=True)
class Fails(Simulation):
    """Every program fails, in a way of its own."""

    status: Status = Status.CRASH

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        raise Failed(self.status, "no")


def test_a_failure_earns_less_than_the_slowest_success_whatever_the_scale_is(bench: Bench) -> None:
    env, rng = ScheduleEnv(bench, WORKLOADS[:1]), np.random.default_rng(0)
    slowest = min(0.0, *(rolled(env, rng)[0][-1] for _ in range(5)))
    env._bench = replace(bench, evaluator=Fails(status=Status.TIMEOUT))
    assert rolled(env, rng)[0][-1] == pytest.approx(slowest)
    env._bench = replace(bench, evaluator=Fails())
    assert rolled(env, rng)[0][-1] == pytest.approx(slowest - env._spread.unit)
    env.reset(seed=0)
    illegal = np.flatnonzero(~env.action_masks())
    assert len(illegal)
    _, reward, ended, _, told = env.step(illegal[-1])
    assert (reward, ended, told["status"]) == (pytest.approx(slowest - env._spread.unit), True, "invalid")


def test_dense_rewards_add_up_to_what_the_schedule_has_earned(bench: Bench) -> None:
    dense, sparse = (ScheduleEnv(bench, WORKLOADS[1:], dense=each) for each in (True, False))
    rewards, told = rolled(dense, np.random.default_rng(5))
    final, same = rolled(sparse, np.random.default_rng(5))
    assert told == same
    assert sum(rewards) == pytest.approx(final[-1])
    assert any(rewards[:-1])
    assert not any(final[:-1])


def test_an_environment_without_decisions_is_a_mistake(bench: Bench) -> None:
    class Nothing(Mlir):
        def space(self, workload: Workload) -> Any:
            return SimpleNamespace(knobs=())

    with pytest.raises(UserError, match="leaves nothing to decide"):
        ScheduleEnv(replace(bench, backend=Nothing(threads=1)), WORKLOADS)


def test_an_environment_without_a_workload_is_a_mistake(bench: Bench) -> None:
    with pytest.raises(UserError):
        ScheduleEnv(bench, [])

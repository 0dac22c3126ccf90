"""The environment keeps to Gymnasium's contract, its masks to the space, and its rewards to what was tried."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("gymnasium")

from gymnasium.utils.env_checker import check_env

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.envs import ScheduleEnv
from mlopt.evaluator.simulation import Simulation
from mlopt.executor.inline import Inline
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


def test_an_illegal_action_ends_the_episode_as_a_failure(bench: Bench) -> None:
    env = ScheduleEnv(bench, WORKLOADS, failure=-7.0)
    env.reset(seed=0)
    illegal = np.flatnonzero(~env.action_masks())
    assert len(illegal)
    _, reward, ended, _, told = env.step(illegal[-1])
    assert (reward, ended, told["status"]) == (-7.0, True, "invalid")


def test_an_environment_without_a_workload_is_a_mistake(bench: Bench) -> None:
    with pytest.raises(UserError):
        ScheduleEnv(bench, [])

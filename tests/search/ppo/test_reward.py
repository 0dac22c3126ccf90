"""What a trial is worth to a policy."""

from __future__ import annotations

import numpy as np
import pytest
from tiles import FAR, GOOD, ok

from mlopt.core.trial import Status, Trial
from mlopt.search.ppo.reward import Rewards


def failed(status: Status) -> Trial:
    return Trial(0, FAR, status)


def test_faster_is_better_by_the_logarithm() -> None:
    rewards = Rewards().of([ok(GOOD, 1.0), ok(FAR, 2.0), ok(FAR, 4.0)])
    assert rewards[0] - rewards[1] == pytest.approx(rewards[1] - rewards[2])
    assert rewards[0] > rewards[1]


def test_the_workloads_scale_makes_no_difference() -> None:
    times = [1.0, 3.0, 2.0]
    small, large = (Rewards().of([ok(GOOD, scale * time) for time in times]) for scale in (1e-6, 1e3))
    np.testing.assert_allclose(small, large, rtol=1e-4)


def test_rewards_are_in_deviations_from_what_there_was_so_far() -> None:
    rewards = Rewards()
    drawn = np.random.default_rng(0).lognormal(size=200)
    values = np.concatenate([rewards.of([ok(GOOD, float(time)) for time in part]) for part in np.split(drawn, 20)])
    assert abs(values[100:].mean()) < 0.3
    assert values[100:].std() == pytest.approx(1.0, abs=0.3)


def test_a_failure_is_worse_than_the_slowest_and_one_that_is_only_costly_is_not() -> None:
    trials = [ok(GOOD, 1.0), ok(FAR, 5.0), failed(Status.TIMEOUT), failed(Status.CRASH)]
    _, slowest, costly, wrong = Rewards().of(trials)
    assert costly == slowest
    assert wrong < slowest


def test_failures_alone_are_numbers_too() -> None:
    assert np.isfinite(Rewards().of([failed(Status.CRASH), failed(Status.TIMEOUT)])).all()

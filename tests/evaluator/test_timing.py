"""How a kernel's time is taken, by a clock that the kernel itself moves on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from types import SimpleNamespace

import pytest

from mlopt.core.statistics import Estimate
from mlopt.evaluator import timing
from mlopt.evaluator.timing import Gate, Timer

TIMER = Timer(precision=0.01, seconds=0.3)
SPREAD = 0.9e-3, 1e-3, 1e-3, 1e-3, 1.1e-3
"""Durations whose median is known precisely after some samples, but not after 6."""


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.calls = 0

    def perf_counter(self) -> float:
        return self.now

    def kernel(self, *seconds: float, first: Iterable[float] = ()) -> Callable[[], None]:
        """A call that takes each of `first`, then `seconds` in turn."""
        durations = itertools.chain(first, itertools.cycle(seconds))

        def call() -> None:
            self.calls += 1
            self.now += next(durations)

        return call


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=clock.perf_counter))
    return clock


def test_it_ends_as_soon_as_the_answer_is_precise_but_not_before_6_samples(clock: Clock) -> None:
    assert TIMER.samples([clock.kernel(1e-3)], 0.0) == pytest.approx([1e-3] * 6)


def test_it_goes_on_until_the_answer_is_precise(clock: Clock) -> None:
    samples = TIMER.samples([clock.kernel(*SPREAD)], 0.0)
    assert len(samples) > 6
    assert Estimate.of(samples).precision <= 0.01
    assert Estimate.of(samples[:-6]).precision > 0.01


def test_it_ends_at_its_time_limit(clock: Clock) -> None:
    begun = clock.now
    samples = TIMER.samples([clock.kernel(10e-3, 20e-3)], 0.0)
    assert Estimate.of(samples).precision > 0.01
    assert 0.3 <= clock.now - begun <= 0.3 + 30e-3


def test_it_ends_at_its_most_samples_however_short_they_are(clock: Clock) -> None:
    samples = TIMER.samples([clock.kernel(1e-3, 2e-3)], 0.0)
    assert Estimate.of(samples).precision > 0.01
    assert len(samples) == timing.MOST_SAMPLES


def test_a_slow_kernel_has_its_6_samples_nonetheless(clock: Clock) -> None:
    assert len(TIMER.samples([clock.kernel(10.0, 12.0)], 0.0)) == 6


def test_a_hopeless_kernel_has_3_samples(clock: Clock) -> None:
    assert len(TIMER.samples([clock.kernel(1.0, 1.1)], 0.0, best=0.45)) == 3


def test_one_that_was_fast_once_in_three_is_not_hopeless(clock: Clock) -> None:
    kernel = clock.kernel(1.0, first=[1.0, 1.0, 0.5, 1.0])
    assert len(TIMER.samples([kernel], 0.0, best=0.45)) == 6


def test_it_ends_when_the_kernel_is_slower_than_the_best_for_certain(clock: Clock) -> None:
    durations = 1.0e-3, 1.03e-3, 1.06e-3
    assert len(TIMER.samples([clock.kernel(*durations)], 0.0, best=0.99e-3)) == 6
    assert len(TIMER.samples([clock.kernel(*durations)], 0.0, best=1.02e-3)) > 6
    assert len(TIMER.samples([clock.kernel(*durations)], 0.0)) > 6


def test_a_faster_kernel_than_the_best_is_timed_as_precisely_as_the_first(clock: Clock) -> None:
    alone = TIMER.samples([clock.kernel(*SPREAD)], 0.0)
    assert len(TIMER.samples([clock.kernel(*SPREAD)], 0.0, best=5e-3)) == len(alone) > 6


def test_the_first_calls_are_a_warm_up(clock: Clock) -> None:
    assert max(TIMER.samples([clock.kernel(1e-3, first=[0.5e-3, 1.5e-3])], 0.0)) == pytest.approx(1e-3)


def test_a_fast_kernel_is_timed_over_many_calls_at_once(clock: Clock) -> None:
    samples = TIMER.samples([clock.kernel(1e-6)], 0.0)
    assert samples == pytest.approx([1e-6] * 6)
    assert clock.calls == pytest.approx(6 * timing.SAMPLE_SECONDS / 1e-6 + timing.WARM_UP_SECONDS / 1e-6, abs=2)


def test_what_a_call_costs_beyond_the_kernel_is_subtracted(clock: Clock) -> None:
    assert TIMER.samples([clock.kernel(1e-3)], 0.04e-3) == pytest.approx([0.96e-3] * 6)


def test_a_kernel_shorter_than_its_call_keeps_nearly_all_of_its_time(clock: Clock) -> None:
    assert TIMER.samples([clock.kernel(1e-6)], 2e-6) == pytest.approx([0.95e-6] * 6)


def test_calls_are_taken_in_turn(clock: Clock) -> None:
    turns: list[int] = []

    def call(number: int) -> Callable[[], None]:
        kernel = clock.kernel(2e-5)
        return lambda: (turns.append(number), kernel())[1]

    TIMER.samples([call(number) for number in range(3)], 0.0)
    assert turns == [number % 3 for number in range(len(turns))]
    assert len(turns) > 12


@pytest.mark.parametrize(("times_best", "stopped"), [(1.05, True), (1.2, False)])
@pytest.mark.parametrize("gate", [(0.01, 0.0), (60.0, 0.5)])
def test_it_ends_at_a_gate_that_the_kernel_does_not_pass(
    times_best: float, stopped: bool, gate: tuple[float, float], clock: Clock
) -> None:
    timer = Timer(0.01, 0.3, (Gate(*gate, times_best),))
    call = clock.kernel(0.8e-3, 1.2e-3)
    samples = timer.samples([call], 0.0, best=0.9e-3)
    assert len(samples) == (12 if stopped and gate[1] == 0.0 else 6 if stopped else timing.MOST_SAMPLES)
    assert len(timer.samples([call], 0.0)) == timing.MOST_SAMPLES

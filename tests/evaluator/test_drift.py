"""A slow phase of the machine is seen, waited out where that may decide, and never taken off a kernel's time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mlopt.evaluator import drift
from mlopt.evaluator.drift import Reference, Steady, steady

CALM, SLOW = 1e-3, 1.5e-3


class Machine:
    """Does the reference's work as fast as the phase allows; each `phase` lasts for one timing of a kernel."""

    def __init__(self, *phases: float) -> None:
        self.phases = list(phases)
        self.now = 0.0
        self.to_beat: list[float | None] = []
        self.reference = Reference(self.work, lambda: self.now)

    def work(self) -> None:
        self.now += CALM * self.phases[0]

    def sample(self, seconds: float) -> Callable[[float | None], list[float]]:
        """Timings of a kernel of so many seconds; the phase after them is the next one."""

        def sample(best: float | None) -> list[float]:
            self.to_beat.append(best)
            found = [seconds * self.phases[0]] * 6
            if len(self.phases) > 1:
                self.phases.pop(0)
            return found

        return sample


def test_on_a_calm_machine_a_kernel_is_timed_once() -> None:
    machine = Machine(1.0)
    found = steady(machine.sample(0.2), machine.reference, best=0.3)
    assert found == Steady([0.2] * 6, pytest.approx(CALM), pytest.approx(0.0))
    assert machine.to_beat == [0.3]


def test_a_kernel_that_was_timed_in_a_slow_phase_is_timed_again_and_its_time_is_not_touched() -> None:
    machine = Machine(1.0, 1.5, 1.0)
    machine.reference.read()
    machine.phases.pop(0)
    found = steady(machine.sample(0.2), machine.reference, best=0.21)
    assert found.samples == [0.2] * 6
    assert found.drift == pytest.approx(0.0)
    assert len(machine.to_beat) == 2


def test_while_the_machine_is_slow_so_is_what_is_to_be_beaten() -> None:
    machine = Machine(1.0, 1.5)
    machine.reference.read()
    machine.phases.pop(0)
    steady(machine.sample(0.2), machine.reference, best=0.3)
    assert machine.to_beat[0] == pytest.approx(0.45)


def test_a_kernel_that_cannot_be_the_best_is_not_timed_again() -> None:
    machine = Machine(1.0, 1.5)
    machine.reference.read()
    machine.phases.pop(0)
    found = steady(machine.sample(0.4), machine.reference, best=0.3)
    assert len(machine.to_beat) == 1
    assert found.drift == pytest.approx(0.5)
    assert found.reference_seconds == pytest.approx(SLOW)


def test_a_kernel_whose_timing_was_long_is_not_timed_again() -> None:
    machine = Machine(1.0, 1.5)
    machine.reference.read()
    machine.phases.pop(0)
    steady(machine.sample(drift.LONG_SECONDS), machine.reference, best=None)
    assert len(machine.to_beat) == 1


def test_it_gives_up_in_the_end_and_keeps_the_calmest_timings() -> None:
    machine = Machine(1.0, 1.5, 1.2, 1.4, 1.4, 1.4)
    machine.reference.read()
    machine.phases.pop(0)
    found = steady(machine.sample(0.2), machine.reference, best=None)
    assert len(machine.to_beat) == drift.ATTEMPTS
    assert found.samples == pytest.approx([1.2 * 0.2] * 6) or found.samples == pytest.approx([1.4 * 0.2] * 6)
    assert found.drift == pytest.approx(0.4)


@pytest.mark.parametrize(("slowdown", "timings"), [(0.9 * drift.TOLERANCE, 1), (1.1 * drift.TOLERANCE, drift.ATTEMPTS)])
def test_noise_of_the_reference_is_no_drift(slowdown: float, timings: int) -> None:
    machine = Machine(1.0, 1.0 + slowdown)
    machine.reference.read()
    machine.phases.pop(0)
    steady(machine.sample(0.2), machine.reference, best=None)
    assert len(machine.to_beat) == timings


def test_one_moment_of_high_clocks_does_not_make_the_rest_slow() -> None:
    machine = Machine(0.8)
    machine.reference.read()
    machine.phases = [1.0]
    drifts = [machine.reference.drift(machine.reference.read()) for _ in range(2 * drift.CALM)]
    assert drifts[0] == pytest.approx(0.25)
    assert drifts[drift.CALM :] == pytest.approx([0.0] * drift.CALM)
    machine.phases = [0.8]
    assert machine.reference.drift(machine.reference.read()) == 0.0


def test_clocks_of_long_ago_are_forgotten() -> None:
    machine = Machine(0.8)
    for phase, readings in ((0.8, drift.MEMORY), (1.0, drift.MEMORY)):
        machine.phases = [phase]
        for _ in range(readings):
            reading = machine.reference.read()
    assert machine.reference.drift(reading) == pytest.approx(0.0)


def test_one_disturbed_repetition_moves_no_reading() -> None:
    durations = iter([CALM] * 8 + [1.0])
    now = 0.0

    def work() -> None:
        nonlocal now
        now += next(durations)

    assert Reference(work, lambda: now).read() == pytest.approx(CALM)


def test_the_fixed_work_is_short() -> None:
    assert 1e-6 < Reference().read() < 0.05

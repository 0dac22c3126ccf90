"""Trials that were timed while the machine was slow do not lose for that."""

from __future__ import annotations

from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.finals.selection import finalists


def trial(number: int, seconds: float | None, reference: float | None = None) -> Trial:
    metrics = {} if reference is None else {"reference_seconds": reference}
    status = Status.CRASH if seconds is None else Status.OK
    return Trial(number, Schedule.of({"tile": number}), status, seconds, metrics=metrics)


def chosen(trials: list[Trial], number: int = 2) -> list[int]:
    return [found.trial for found in finalists(trials, number)]


def test_the_fastest_take_part_the_fastest_first() -> None:
    assert chosen([trial(0, 3.0), trial(1, None), trial(2, 1.0), trial(3, 2.0)]) == [2, 3]
    assert chosen([trial(0, 3.0)]) == [0]
    assert chosen([]) == []


def test_one_from_a_slow_phase_stands_as_if_it_had_been_calm() -> None:
    calm = [trial(number, 1.0 + 0.1 * number, 1e-3) for number in range(8)]
    assert chosen([*calm, trial(9, 1.4, 1.5e-3)]) == [0, 9]
    assert chosen([*calm, trial(9, 1.4, 1.2e-3)]) == [0, 1]


def test_the_fastest_by_its_own_trial_always_takes_part() -> None:
    slow = [trial(number, 1.5, 2e-3) for number in range(3)]
    assert chosen([trial(7, 1.0, 1e-3), *slow], 2)[0] == 7


def test_noise_in_readings_takes_no_more_than_half_of_the_places() -> None:
    calm = [trial(number, 1.0 + 0.1 * number, 1e-3) for number in range(8)]
    noisy = [trial(8 + number, 2.0, 9e-3) for number in range(4)]
    assert chosen([*calm, *noisy], 5) == [0, 1, 2, 8, 9]
    assert chosen([*noisy, *calm], 1) == [0]


def test_noise_of_the_reference_moves_nobody() -> None:
    calm = [trial(number, 1.0 + 0.01 * number, 1e-3) for number in range(8)]
    assert chosen([*calm, trial(9, 1.02, 1.02e-3)]) == [0, 1]

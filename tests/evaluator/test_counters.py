"""Hardware counters, on a system that is made up, since many refuse them."""

from __future__ import annotations

import errno
import math

import pytest

from mlopt.evaluator.counters import EVENTS, LINUX, count

SPEEDS = {"cycles": 3000, "instructions": 7000, "cache_misses": 10}


class Machine:
    """Three threads, of which each call costs SPEEDS; what is in `refused` cannot be counted."""

    def __init__(
        self, refused: tuple[str, ...] = (), shared: bool = False, threads: tuple[int, ...] = (7, 8, 9)
    ) -> None:
        self.refused = {EVENTS[name] for name in refused}
        self.shared = shared
        self.ids = list(threads)
        self.calls = 0
        self.opened: dict[int, tuple[str, int]] = {}

    def threads(self) -> list[int]:
        return self.ids

    def open(self, config: int, thread: int) -> int:
        if config in self.refused:
            raise OSError(errno.EACCES, "not here")
        name = next(name for name, number in EVENTS.items() if number == config)
        self.opened[len(self.opened)] = name, self.calls
        return len(self.opened) - 1

    def read(self, counter: int) -> tuple[int, int, int]:
        name, since = self.opened[counter]
        value = 10 * SPEEDS[name] * (self.calls - since) + 12345
        return (value // 2, 1000, 500) if self.shared else (value, 1000, 1000)

    def close(self, counter: int) -> None:
        self.opened[counter] = ("closed", 0)

    def run(self) -> int:
        self.calls += 1
        return 10


def test_counts_are_of_one_call_over_all_threads() -> None:
    machine = Machine()
    assert count(machine.run, machine) == {name: 3 * speed for name, speed in SPEEDS.items()}


def test_what_was_counted_for_a_part_of_the_time_is_scaled_to_all_of_it() -> None:
    machine = Machine(shared=True)
    assert count(machine.run, machine) == pytest.approx({name: 3 * speed for name, speed in SPEEDS.items()}, rel=0.01)


def test_an_event_that_is_refused_is_left_out() -> None:
    machine = Machine(refused=("cache_misses",))
    assert set(count(machine.run, machine)) == {"cycles", "instructions"}


def test_where_nothing_can_be_counted_nothing_is_called() -> None:
    machine = Machine(refused=tuple(EVENTS))
    assert count(machine.run, machine) == {}
    assert machine.calls == 0


@pytest.mark.parametrize("refused", [(), ("cycles",), tuple(EVENTS)])
def test_every_counter_is_closed(refused: tuple[str, ...]) -> None:
    machine = Machine(refused=refused)
    count(machine.run, machine)
    assert {name for name, _ in machine.opened.values()} <= {"closed"}


def test_this_machine_counts_or_is_silent() -> None:
    found = count(lambda: sum(range(100_000)) and 1, LINUX)
    assert set(found) <= set(EVENTS)
    assert all(math.isfinite(value) and value >= 0.0 for value in found.values())
    assert found.get("instructions", 1e9) > 100_000


class Crowded(Machine):
    """Whose counters never have their turn."""

    def read(self, counter: int) -> tuple[int, int, int]:
        return 0, 1000, 0


def test_an_event_that_was_never_counted_is_left_out_and_not_zero() -> None:
    machine = Crowded()
    assert count(machine.run, machine) == {}
    assert machine.calls == 1

"""Whether a stored kernel holds, by what the interleaved run says of it."""

from __future__ import annotations

from typing import Any

import pytest

from mlopt.compare import guard as module
from mlopt.compare.guard import KERNEL, NAIVE, Stored, guard
from mlopt.core.errors import WrongResult
from mlopt.core.schedule import Schedule
from mlopt.finals.interleaved import Course

STORED = Stored(seconds=1.00, high=1.02, naive=10.0, here=True)


def judged(
    monkeypatch: pytest.MonkeyPatch, kernel: float | None, naive: float = 10.0, stored: Stored = STORED, **options: Any
) -> module.Guarded:
    """A kernel that takes `kernel` seconds now, or is wrong."""

    def measure(contenders: Any, rng: object) -> Any:
        times = {KERNEL: kernel, NAIVE: naive}
        assert [contender.name for contender in contenders] == list(times)
        absent = {name: WrongResult("off by one") for name, time in times.items() if time is None}
        return {name: Course([time] * 20, [time] * 20) for name, time in times.items() if time is not None}, absent

    monkeypatch.setattr(module, "measure", measure)
    backend: Any = object()
    return guard(backend, backend, Schedule(), "warm", stored, options.get("tolerance", 0.05))


@pytest.mark.parametrize(("kernel", "holds"), [(0.5, True), (1.0, True), (1.07, True), (1.08, False), (2.0, False)])
def test_a_kernel_holds_unless_it_is_slower_by_more_than_the_tolerance(
    monkeypatch: pytest.MonkeyPatch, kernel: float, holds: bool
) -> None:
    found = judged(monkeypatch, kernel)
    assert found.holds is holds
    assert f"{abs(kernel - 1.0):.1%}" in found.reason


def test_a_kernel_that_comes_out_wrong_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(monkeypatch, None)
    assert not found.holds
    assert "off by one" in found.reason


@pytest.mark.parametrize(("naive", "holds"), [(30.0, True), (28.6, True), (28.0, False), (10.0, False)])
def test_on_another_machine_the_speed_over_naive_counts(
    monkeypatch: pytest.MonkeyPatch, naive: float, holds: bool
) -> None:
    elsewhere = Stored(1.0, 1.02, 10.0, here=False)
    assert judged(monkeypatch, 3.0, naive, elsewhere).holds is holds


def test_on_another_machine_without_a_yardstick_nothing_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not judged(monkeypatch, 1.0, stored=Stored(1.0, 1.02, None, here=False)).holds

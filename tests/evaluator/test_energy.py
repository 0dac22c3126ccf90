"""Energy, from powercap files that are made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlopt.evaluator.energy import PowerMeter

WRAPS = 1_000_000


def zone(folder: Path, number: str, name: str, energy: int, kind: str = "intel-rapl") -> None:
    place = folder / f"{kind}:{number}"
    place.mkdir(exist_ok=True)
    for file, content in (("name", name), ("energy_uj", energy), ("max_energy_range_uj", WRAPS)):
        (place / file).write_text(f"{content}\n")


class Clock:
    now = 5.0

    def __call__(self) -> float:
        return self.now


def test_power_is_the_sum_over_packages_and_counts_no_part_of_one_twice(tmp_path: Path) -> None:
    clock = Clock()
    for number, name in (("0", "package-0"), ("1", "package-1"), ("0:0", "core")):
        zone(tmp_path, number, name, 100)
    meter = PowerMeter(tmp_path, clock)
    clock.now += 0.5
    for number, name, energy in (("0", "package-0", 100_100), ("1", "package-1", 50_100), ("0:0", "core", 90_000)):
        zone(tmp_path, number, name, energy)
    assert meter.watts() == pytest.approx(0.3)


def test_a_package_with_two_counters_is_counted_once(tmp_path: Path) -> None:
    clock = Clock()
    for kind in ("intel-rapl", "intel-rapl-mmio"):
        zone(tmp_path, "0", "package-0", 100, kind)
    meter = PowerMeter(tmp_path, clock)
    clock.now += 0.5
    for kind in ("intel-rapl", "intel-rapl-mmio"):
        zone(tmp_path, "0", "package-0", 100_100, kind)
    assert meter.watts() == pytest.approx(0.2)


def test_a_counter_that_wrapped_goes_on(tmp_path: Path) -> None:
    clock = Clock()
    zone(tmp_path, "0", "package-0", WRAPS - 400)
    meter = PowerMeter(tmp_path, clock)
    clock.now += 1.0
    zone(tmp_path, "0", "package-0", 600)
    assert meter.watts() == pytest.approx(1e-3)


def test_a_moment_is_too_short(tmp_path: Path) -> None:
    clock = Clock()
    zone(tmp_path, "0", "package-0", 100)
    meter = PowerMeter(tmp_path, clock)
    clock.now += 0.001
    assert meter.watts() is None


@pytest.mark.parametrize("content", ["", "many", None])
def test_what_cannot_be_read_is_left_out(tmp_path: Path, content: str | None) -> None:
    clock = Clock()
    zone(tmp_path, "0", "package-0", 100)
    file = tmp_path / "intel-rapl:0" / "energy_uj"
    file.unlink() if content is None else file.write_text(content)
    meter = PowerMeter(tmp_path, clock)
    clock.now += 1.0
    assert meter.watts() is None


def test_a_machine_without_counters_is_silent(tmp_path: Path) -> None:
    assert PowerMeter(tmp_path / "none").watts() is None

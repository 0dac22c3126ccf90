"""Which machines with devices are alike."""

from __future__ import annotations

from doubles import ToyBackend

from mlopt.devices import machine, states

CPU = {"cpu": "a CPU", "cores": 8}
H200 = {"uuid": "GPU-1", "name": "H200", "driver_version": "570.1", "clocks.sm": "1980 MHz", "power.limit": "700.00 W"}


def test_a_machine_without_devices_is_its_cpu() -> None:
    assert machine(CPU, ()) == CPU
    assert list(states(ToyBackend())) == []


def test_which_one_it_is_and_how_fast_it_runs_now_make_no_other_machine() -> None:
    assert machine(CPU, [{**H200, "uuid": "GPU-2", "clocks.sm": "345 MHz"}]) == machine(CPU, [H200])


def test_another_kind_or_number_of_devices_and_another_limit_do() -> None:
    machines = [[], [H200], [H200, H200], [{**H200, "name": "H100"}], [{**H200, "power.limit": "500.00 W"}]]
    assert len({str(machine(CPU, each)) for each in machines}) == len(machines)
    assert machine({**CPU, "cores": 4}, [H200]) != machine(CPU, [H200])


def test_a_driver_is_software() -> None:
    later = {**H200, "driver_version": "580.0"}
    assert machine(CPU, [later]) == machine(CPU, [H200])
    assert machine(CPU, [later], software=True) != machine(CPU, [H200], software=True)

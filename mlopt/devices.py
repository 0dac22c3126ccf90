"""The devices beside the CPU, such as GPUs, that a study's programs run on, as far as times depend on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .protocols import Backend, DeviceBackend

KIND = ("name", "clocks.max.sm", "power.limit")
"""What of a device's state tells kinds of them apart, whose times do not compare."""
DRIVER = "driver_version"


def states(backend: Backend) -> Sequence[Mapping[str, Any]]:
    """What the devices of a backend's programs are and how they stand now; none where these run on the CPU."""
    return backend.states() if isinstance(backend, DeviceBackend) else ()


def machine(of_cpu: Mapping[str, Any], devices: Iterable[Mapping[str, Any]], software: bool = False) -> dict[str, Any]:
    """What is known of a machine, with the kinds of its devices, by their states; if `software`, with their drivers."""
    keys = (*KIND, DRIVER) if software else KIND
    kinds = {str(n): {key: state[key] for key in keys if key in state} for n, state in enumerate(devices)}
    return {**of_cpu, "devices": kinds} if kinds else dict(of_cpu)

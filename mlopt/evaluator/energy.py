"""The energy that the processors take, by Linux's powercap files (RAPL), where they can be read."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")

SHORTEST_SECONDS = 0.01
"""The counters move about once a millisecond: what is shorter than this cannot be told."""


class PowerMeter:
    """The mean power of all processor packages since it was made, what is idle in them included."""

    def __init__(self, folder: Path = POWERCAP, clock: Callable[[], float] = time.perf_counter) -> None:
        self._folder = folder
        self._clock = clock
        self._before = self._energies()
        self._start = clock()

    def watts(self) -> float | None:
        """None where no counter can be read, or too little time has passed."""
        seconds, now = self._clock() - self._start, self._energies()
        if seconds < SHORTEST_SECONDS or not now or now.keys() != self._before.keys():
            return None
        used = (
            energy - before if energy >= (before := self._before[zone][0]) else energy - before + wraps_at
            for zone, (energy, wraps_at) in now.items()
        )
        return 1e-6 * sum(used) / seconds

    def _energies(self) -> dict[str, tuple[int, int]]:
        """The counter of each package and where it wraps, in microjoules."""
        found = {}
        for zone in self._folder.glob("*-rapl:*"):
            try:
                if (zone / "name").read_text().startswith("package"):
                    energy, wraps_at = (int((zone / name).read_text()) for name in ("energy_uj", "max_energy_range_uj"))
                    found[zone.name] = energy, wraps_at
            except (OSError, ValueError):
                continue
        return found

"""How much memory a kernel takes while it runs, beyond the buffers that it is given."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

PROCESS = Path("/proc/self")
_RESET_PEAK = "5"
"""Written to clear_refs: the peak begins anew from what is resident now (Linux, Documentation/filesystems/proc)."""


class PeakMemory:
    """The growth of this process's resident memory since this was made, at its highest."""

    def __init__(self, process: Path = PROCESS) -> None:
        self._process = process
        try:
            ctypes.CDLL(None).malloc_trim(0)  # what was freed earlier would be taken again without a trace
            (process / "clear_refs").write_text(_RESET_PEAK)
        except (OSError, AttributeError):  # no glibc, or a system that does not count so
            self._before = None
        else:
            self._before = self._status("VmRSS")

    def grown(self) -> int | None:
        """Bytes; None where the system does not tell."""
        peak = self._status("VmHWM")
        return None if peak is None or self._before is None else max(0, peak - self._before)

    def _status(self, key: str) -> int | None:
        try:
            found = re.search(rf"^{key}:\s*(\d+) kB$", (self._process / "status").read_text(), re.MULTILINE)
        except OSError:
            return None
        return None if found is None else int(found[1]) << 10

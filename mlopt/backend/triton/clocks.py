"""At which clocks a GPU runs now, asked of NVIDIA's management library, which is wherever its driver is.

That takes microseconds, unlike a call of `nvidia-smi`, so that it can be asked while kernels run.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Mapping
from typing import Any

LIBRARY = "libnvidia-ml.so.1"
KINDS = {"sm_hertz": 1, "memory_hertz": 2}
"""By metric, what NVML calls a clock: NVML_CLOCK_SM and NVML_CLOCK_MEM."""
SUCCESS = 0


def clocks(identity: str) -> Mapping[str, float]:
    """Those of the GPU that the driver knows by this name, by metric; nothing where nobody tells."""
    library, device = _library(), _device(identity)
    if device is None:
        return {}
    found, megahertz = {}, ctypes.c_uint()
    for name, kind in KINDS.items():
        if library.nvmlDeviceGetClockInfo(device, kind, ctypes.byref(megahertz)) == SUCCESS:
            found[name] = 1e6 * megahertz.value
    return found


@functools.cache
def _device(identity: str) -> ctypes.c_void_p | None:
    library, device = _library(), ctypes.c_void_p()
    if library is None or library.nvmlDeviceGetHandleByUUID(identity.encode(), ctypes.byref(device)) != SUCCESS:
        return None
    return device


@functools.cache
def _library() -> Any:
    """The library, ready to be asked; None where there is none."""
    with contextlib.suppress(OSError):
        library = ctypes.CDLL(LIBRARY)
        if library.nvmlInit_v2() == SUCCESS:
            return library
    return None

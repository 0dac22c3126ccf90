"""What NVIDIA's driver tells of the GPUs that a process may use, which does not change.

It is asked in a process of its own, which runs this file and prints JSON: one that has used CUDA cannot fork.
"""

from __future__ import annotations

import ctypes
import functools
import json
import subprocess
import sys
import uuid
from collections.abc import Mapping
from typing import Any

LIBRARY = "libcuda.so.1"
FACTS = {
    "multiprocessors": 16,
    "warp": 10,
    "threads": 39,
    "blocks": 106,
    "registers": 82,
    "shared_bytes": 81,
    "shared_bytes_per_block": 97,
    "l2_bytes": 38,
}
"""Keys of a target (`target.Gpu`), and the numbers that CUdevice_attribute has for them."""

SUCCESS = 0
ANSWER_SECONDS = 60.0

Facts = Mapping[str, Mapping[str, int]]
"""Values by keys of FACTS, as far as they are known; of GPUs by the names that the driver has for them."""


@functools.cache
def facts() -> Facts:
    """Of this machine; nothing where there is no driver, or it does not answer."""
    command = [sys.executable, "-I", __file__]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS)
        found: Facts = json.loads(done.stdout) if done.returncode == 0 else {}
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return {}
    return found


def told(library: Any) -> Facts:
    """What the driver's library tells of each GPU that this process may use."""
    count = ctypes.c_int()
    if library.cuInit(0) != SUCCESS or library.cuDeviceGetCount(ctypes.byref(count)) != SUCCESS:
        return {}
    return dict(_of_device(library, number) for number in range(count.value))


def _of_device(library: Any, number: int) -> tuple[str, Mapping[str, int]]:
    device, name, value = ctypes.c_int(), ctypes.create_string_buffer(16), ctypes.c_int()
    library.cuDeviceGet(ctypes.byref(device), number)
    library.cuDeviceGetUuid(name, device)
    found = {}
    for key, attribute in FACTS.items():
        if library.cuDeviceGetAttribute(ctypes.byref(value), attribute, device) == SUCCESS and value.value > 0:
            found[key] = value.value
    return f"GPU-{uuid.UUID(bytes=name.raw)}", found


if __name__ == "__main__":
    print(json.dumps(told(ctypes.CDLL(LIBRARY))))

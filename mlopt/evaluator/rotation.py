"""How many sets of equal inputs timed calls go through."""

from __future__ import annotations

import math

from ..core.fingerprint import cache_bytes
from ..protocols import Inputs, Workload

UNKNOWN_CACHE = 1 << 26
"""Bytes of the largest cache, where the machine does not tell."""

MOST_SETS = 1024
"""So few that they are made and checked in no time; inputs of a few KiB are then kept out of the inner caches only."""


def set_count(workload: Workload, inputs: Inputs) -> int:
    """One set, to be found in the caches (`warm`), or as many as keep each out of them (`rotated`), up to MOST_SETS."""
    if inputs == "warm":
        return 1
    cache = max(cache_bytes().values(), default=UNKNOWN_CACHE)
    size = sum(spec.nbytes for spec in workload.operands)
    return min(MOST_SETS, 1 + math.ceil(2 * cache / max(1, size)))

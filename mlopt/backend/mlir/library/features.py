"""Which features of a CPU code that was compiled on it may need."""

from __future__ import annotations

import re

from ....core.fingerprint import cpu_flags

USED = re.compile(
    r"pni|ssse3|sse4_[12]|popcnt|abm|movbe|bmi[12]|fma|f16c|gfni|avx\w*|amx\w*"  # x86-64, on top of SSE2
    r"|fp|fphp|asimd\w*|sve\w*|sme\d?|atomics|lrcpc|i8mm|bf16"  # AArch64
)
"""Instruction sets that LLVM draws on for a CPU that has them, by the kernel's names for them."""


def host_features() -> list[str]:
    """Those of this CPU, sorted."""
    return sorted(flag for flag in cpu_flags() if USED.fullmatch(flag))

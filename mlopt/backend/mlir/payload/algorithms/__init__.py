"""Other algorithms for what a program computes: each module finds where it applies, and rewrites the program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .....core.schedule import Schedule
from . import img2col, online_softmax, phases, winograd

Rewrite = Callable[[Any], None]
"""Makes of a prepared module, in place, another one that computes the same. Needs an active context."""

ALGORITHMS = (online_softmax, phases, img2col, winograd)


def rewrites(module: Any) -> Mapping[Schedule, Rewrite]:
    """How a prepared module can be rewritten, by the decisions that choose it; the first decides `algorithm`.

    Each rewrite is given a copy of the module, in which nests have the same tags. Needs an active context.
    """
    return {path: rewrite for algorithm in ALGORITHMS for path, rewrite in algorithm.rewrites(module).items()}

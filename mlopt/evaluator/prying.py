"""Whether a kernel looks at who calls it, or at what others hold, so as to compute only where it is not timed.

Python tells of such looks by audit events (PEP 578). A kernel must look in most of its calls to gain by it; a library
that is loaded by the first one may look too.
"""

from __future__ import annotations

import functools
import sys

LOOKS = ("sys._getframe", "sys._current_frames", "gc.get_objects", "gc.get_referrers", "gc.get_referents")
FRAME_OF_ERROR = ("object.__getattr__", "tb_frame")
"""The event, and the attribute by which an exception leads to whoever called."""

FEWEST = 3
"""Samples with looks, and more than half of all, that are no accident."""


class Prying:
    """What is heard of looks while somebody listens; one a process, since nobody can be kept from hearing again."""

    def __init__(self) -> None:
        self._listening = self._heard = False
        sys.addaudithook(self._hear)

    def listen(self) -> None:
        """From now on."""
        self._listening, self._heard = True, False

    def heard(self) -> bool:
        """Whether there was a look; from now on nobody listens."""
        self._listening = False
        return self._heard

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self._listening and (event in LOOKS or (event, *arguments[1:]) == FRAME_OF_ERROR):
            self._heard = True


@functools.cache
def prying() -> Prying:
    """This process's own."""
    return Prying()

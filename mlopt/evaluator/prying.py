"""Whether a kernel looks at who calls it, or at what others hold, so as to compute only where it is not timed.

Python tells of such looks by audit events (PEP 578). At who calls a kernel must look in most of its calls to gain by
it, and a library that is loaded by the first one may look too. No kernel has a reason to search the memory of others,
nor to change the inside of a function that judges it: once is enough.
"""

from __future__ import annotations

import functools
import sys

LOOKS = ("sys._getframe", "sys._current_frames", "sys._current_exceptions")
ATTRIBUTE_OF_FRAMES = "_frame"
"""How the attributes end by which an exception, a generator or a coroutine leads to whoever called."""

SEARCHES = ("gc.get_objects", "gc.get_referrers", "gc.get_referents")
CHANGES = ("object.__setattr__", "object.__delattr__")
INSIDES = ("__code__", "__defaults__", "__kwdefaults__")
JUDGES = (__name__.partition(".")[0], "numpy", "statistics")
"""The packages whose functions judge."""
FRAMES_OF_C = ("PyEval_GetFrame", "PyThreadState_GetFrame", "PyFrame_")
"""How the names begin by which the interpreter's own library, which is called unheard, gives callers away."""

FEWEST = 3
"""Samples with looks, and more than half of all, that are no accident."""


class Prying:
    """What is heard of looks; one a process, since nobody can be kept from hearing again."""

    def __init__(self) -> None:
        self._listening = self._heard = False
        self.offences = 0
        """How often something was done so far that no kernel has a reason to do."""
        sys.addaudithook(self._hear)

    def listen(self) -> None:
        """From now on a kernel is at work."""
        self._listening, self._heard = True, False

    def heard(self) -> bool:
        """Whether it looked at who calls it; from now on it is not at work."""
        self._listening = False
        return self._heard

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in CHANGES:
            if arguments[1] in INSIDES and _is_of_a_judge(arguments[0]):
                self.offences += 1
                raise PermissionError("a function that judges kernels stays as it is")  # and so it does
        elif event == "ctypes.dlsym":
            self.offences += str(arguments[1]).startswith(FRAMES_OF_C)
        elif self._listening:
            if event in SEARCHES:
                self.offences += 1
            elif event in LOOKS or (event == "object.__getattr__" and str(arguments[1]).endswith(ATTRIBUTE_OF_FRAMES)):
                self._heard = True


def _is_of_a_judge(function: object) -> bool:
    return str(getattr(function, "__module__", "")).partition(".")[0] in JUDGES


@functools.cache
def prying() -> Prying:
    """This process's own."""
    return Prying()

"""Who keeps a study from going on, for its user to know: one that waits for its turn looks like one that hangs."""

from __future__ import annotations

import os
import shlex
import textwrap
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from .core import processes
from .core.errors import printable
from .executor import device

LOOK_SECONDS = 2.0
LOOKS = 5
"""One after the other, each of which finds somebody else taking time: so many are worth a line."""

WIDTH = 100
"""Characters of a command in it."""


class Waiting:
    """Tells who else takes time on this machine while a study, in this block, gets no further; of each once.

    Process `own`, this one unless another is named, takes time for the study, and all below it do.
    """

    def __init__(self, say: Callable[[str], None], own: int | None = None) -> None:
        self._say = say
        self._own = os.getpid() if own is None else own
        self._looks = 0
        self._over = threading.Event()

    def moved(self) -> None:
        """The study got further."""
        self._looks = 0

    def __enter__(self) -> Waiting:
        threading.Thread(target=self._watch, name="waiting", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()

    def _watch(self) -> None:
        told = set()
        while not self._over.wait(LOOK_SECONDS):
            other = self._other()
            self._looks = 0 if other is None else self._looks + 1
            if other is not None and self._looks >= LOOKS and other not in told:
                told.add(other)
                self._say(described(other))

    def _other(self) -> int | None:
        """Who takes time now, and not for the study."""
        holder = device.holder()
        return holder if holder is not None and self._own not in processes.above(holder) else None


def described(holder: int) -> str:
    """Who takes time, and what can be done about it, in a line."""
    of_mlopt = ((pid, asked) for pid in processes.above(holder) if (asked := _asked(processes.command(pid))))
    pid, words = next(of_mlopt, (holder, processes.command(holder)))
    named = printable(textwrap.shorten(shlex.join(words), WIDTH, placeholder=" ..."))
    stopped = next(filter(_stopped, (holder, pid)), None)
    mend = f"kill {pid} would end it" if stopped is None else f"it is stopped, and kill -CONT {stopped} lets it go on"
    return f"waiting for process {pid} ({named}), which takes time on this machine; {mend}"


def _stopped(pid: int) -> bool:
    try:
        return processes.Process.of(pid).still
    except ProcessLookupError:
        return False


def _asked(command: Sequence[str]) -> list[str]:
    """What was asked of mlopt by this command; nothing where it is another program's."""
    for words in (command, command[1:]):  # an interpreter may come before
        if words and Path(words[0]).name == "mlopt":
            return ["mlopt", *words[1:]]
    return ["mlopt", *command[3:]] if list(command[1:3]) == ["-m", "mlopt.cli.main"] else []

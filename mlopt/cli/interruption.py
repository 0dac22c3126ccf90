"""How a command ends before its time: by Ctrl-C, or by SIGTERM, which it heeds as it heeds that."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class Terminated(KeyboardInterrupt):
    """By SIGTERM: who writes what was found on Ctrl-C does so on this, too."""


@contextmanager
def sigterm_heeded() -> Iterator[None]:
    """Within it SIGTERM raises Terminated, if this is the main thread: no other one takes signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)  # None: somebody set it from C


def exit_code(error: KeyboardInterrupt) -> int:
    """What shells know a program by that a signal has ended: 128 and the signal's number."""
    return 128 + (signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT)


def in_words(error: KeyboardInterrupt) -> str:
    """What happened, and what its notes say of going on, in one line."""
    event = "terminated" if isinstance(error, Terminated) else "interrupted"
    return "; ".join([event, *getattr(error, "__notes__", ())])


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated

"""The trackers of a study, as one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .core.trial import Trial
from .protocols import StudyInfo, Tracker

logger = logging.getLogger(__name__)


class Trackers:
    """Tells every tracker; one that fails is told no more until the end, and the study goes on without it."""

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        self._trackers = trackers
        self._started: list[Tracker] = []
        self._sound: list[Tracker] = []

    def start(self, info: StudyInfo) -> None:
        """Raises what a tracker raises: nothing is lost yet, and the user may want to mend it."""
        for tracker in self._trackers:
            self._started.append(tracker)
            tracker.start(info)
        self._sound = list(self._started)

    def baseline(self, name: str, seconds: float) -> None:
        self._tell(self._sound, lambda tracker: tracker.baseline(name, seconds))

    def note(self, text: str) -> None:
        logger.warning(text)
        self._tell(self._sound, lambda tracker: tracker.note(text))

    def log(self, trial: Trial) -> None:
        self._tell(self._sound, lambda tracker: tracker.log(trial))

    def finish(self, result: Mapping[str, Any] | None) -> None:
        """Also those that have failed; the last one first."""
        self._tell(reversed(self._started), lambda tracker: tracker.finish(result))

    def _tell(self, trackers: Iterable[Tracker], message: Callable[[Tracker], None]) -> None:
        for tracker in list(trackers):
            try:
                message(tracker)
            except Exception:
                logger.exception("a tracker failed; trials.jsonl is complete without it")
                self._sound = [other for other in self._sound if other is not tracker]

"""The tracker for a study that is mirrored nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.trial import Trial
from ..protocols import StudyInfo


class NoTracker:
    """Mirrors nothing."""

    def start(self, info: StudyInfo) -> None:
        pass

    def baseline(self, name: str, seconds: float) -> None:
        """Nothing to show."""

    def note(self, text: str) -> None:
        pass

    def log(self, trial: Trial) -> None:
        pass

    def finish(self, result: Mapping[str, Any] | None) -> None:
        pass

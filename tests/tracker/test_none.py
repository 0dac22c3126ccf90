from pathlib import Path

from mlopt.testing.tracker import TrackerContract
from mlopt.tracker.none import NoTracker


class TestNoTracker(TrackerContract):
    def make(self, folder: Path) -> NoTracker:
        return NoTracker()

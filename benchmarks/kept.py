"""Results of a long benchmark, kept as they come, so that what was interrupted goes on where it was."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from report import RESULTS

import mlopt

TOOK = "took seconds"

ASIDE = ("archive", "cli", "compare", "doctor", "envs", "page", "report", "residual", "tracker", "train")
"""Parts of mlopt that no benchmark with kept results measures."""


def minutes(rows: Iterable[Mapping[str, Any]]) -> str:
    """How long rows took that were clocked, in all, as a sentence: also those that were made another time."""
    return f"The rows took {sum(row[TOOK] for row in rows) / 60.0:.1f} minutes."


class Kept:
    """What `benchmarks/results/NAME.jsonl` holds: a line each of a key and a result. Deleted, all is done again."""

    def __init__(self, name: str) -> None:
        RESULTS.mkdir(exist_ok=True)
        self._path = RESULTS / f"{name}.jsonl"
        self._results: dict[str, Any] = {}
        if self._path.exists():
            for line in self._path.read_text().splitlines():
                try:
                    key, result = json.loads(line)
                except ValueError:
                    continue  # the line that an interruption has cut short
                self._results[key] = result

    def __contains__(self, key: str) -> bool:
        return key in self._results

    def __getitem__(self, key: str) -> Any:
        return self._results[key]

    def add(self, key: str, result: Any) -> None:
        self._results[key] = result
        with self._path.open("a") as file:
            file.write(f"\n{json.dumps([key, result])}")  # begins a line, whatever became of the last one

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """What is known under `key`, made now if it is not."""
        if key not in self:
            self.add(key, make())
        return self[key]

    def clocked(self, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """As `once`, of a row that also tells in seconds how long it took to make."""

        def row() -> dict[str, Any]:
            start = time.monotonic()
            made = make()
            return {**made, TOOK: time.monotonic() - start}

        found: dict[str, Any] = self.once(key, row)
        return found


@functools.cache
def version(*without: str) -> str:
    """A few characters that change with any of mlopt's modules that have a part in what is measured.

    Parts named in `without` have none either, or are told apart by somebody else.
    """
    root, aside = Path(mlopt.__file__).parent, {*ASIDE, *without}
    return digest(*(file for file in sorted(root.rglob("*.py")) if file.relative_to(root).parts[0] not in aside))


def digest(*paths: Path) -> str:
    """A few characters that change with what the files hold."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:12]

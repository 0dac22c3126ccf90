"""The helper process of `mlflow.py`: reads a study from standard input and writes it to MLflow.

A line is a JSON list of objects, made in `mlflow.py`. The first object is the study, each following one a trial, the
last one how it ended; where that is missing, the study was killed. On trouble, standard output says what it was.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable


def main() -> None:
    os.nice(10)  # the kernels being timed come first
    try:
        mirror(sys.stdin)
    except Exception as error:
        print(f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}")
        sys.exit(1)


def mirror(lines: Iterable[str]) -> None:
    """Write the study to the store until it is over."""
    from .run import Run  # here, so that a missing or broken MLflow is reported like any other trouble

    batches = map(json.loads, lines)
    run = Run(*next(batches))
    for batch in batches:
        over = "status" in batch[-1]
        run.add(batch[:-1] if over else batch)
        if over:
            return run.close(batch[-1])
    run.close({"status": "KILLED", "result": None})


if __name__ == "__main__":
    main()

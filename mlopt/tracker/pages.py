"""The pages of a study or sweep as artifacts of its run, sent by a process of its own: MLflow takes seconds to load."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .mirror import NAME, Mirror, locked
from .store import environment, locate
from .writer import check_reachable


def attach(folder: Path, names: Sequence[str], description: str = "") -> subprocess.Popen[bytes] | None:
    """Send files and folders in a study's or sweep's `folder` to its run, in the background; None where it has no run.

    `description` names the file, in Markdown, that becomes the run's description; '' leaves that as it is.
    """
    if not (folder / NAME).exists():
        return None
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "mlopt.tracker.pages", str(folder.absolute()), description, *names],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        process_group=0,  # Ctrl-C no longer concerns it
    )


def main() -> None:
    """Send them; on trouble, standard output says what it was."""
    os.nice(10)
    folder, description, *names = sys.argv[1:]
    try:
        with locked(Path(folder)):
            known = Mirror.read(Path(folder))
        assert known is not None  # `attach` has looked
        assert known.run is not None
        text = Path(folder, description).read_text(encoding="utf-8") if description else ""
        _send(known.uri, known.run, [path for name in names if (path := Path(folder, name)).exists()], text)
    except Exception as error:
        print(f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}")
        sys.exit(1)


def _send(uri: str, run: str, paths: Sequence[Path], description: str) -> None:
    check_reachable(uri)
    from mlflow import MlflowClient
    from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

    from .run import TAG_LENGTH, exclusive

    with exclusive(locate(uri).database):
        client = MlflowClient(tracking_uri=uri)
        for path in paths:
            if path.is_dir():
                client.log_artifacts(run, str(path), path.name)
            else:
                client.log_artifact(run, str(path))
        if description:
            client.set_tag(run, MLFLOW_RUN_NOTE, description[:TAG_LENGTH])


if __name__ == "__main__":
    main()

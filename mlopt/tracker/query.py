"""Studies that a query of MLflow finds, as folders like those that studies write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import UserError, printable
from .mirror import Mirror
from .store import client, locate
from .writer import check_reachable

RESULT, TRIALS, CONFIG = "result.json", "trials.jsonl", "config.yaml"
"""Of a study's artifacts, what a comparison reads."""


def fetch(query: str, uri: str | None, into: Path) -> Sequence[Path]:
    """The folders of the ended studies whose runs a query in MLflow's own language finds, in any experiment.

    A study whose folder is on this machine is read there, another one from its artifacts, which are put below `into`.
    Raises UserError for a query that MLflow does not understand, a store that does not answer, and where nothing is
    found.
    """
    store = locate(uri)
    if store.database is not None and not store.database.exists():
        raise UserError(f"no study was mirrored here yet: there is no {store.database}")
    try:
        check_reachable(store.uri)
        mlflow = client(store.uri)
        found = [folder for run in _runs(mlflow, query) if (folder := _folder(mlflow, run, into))]
    except UserError:
        raise
    except Exception as error:  # MLflow's own, of which there are many
        raise UserError(f"MLflow at {store.uri}: {printable(str(error).strip().partition(chr(10))[0])}") from None
    if not found:
        raise UserError(f"the query '{query}' finds no study that has ended")
    return found


def _runs(mlflow: Any, query: str) -> Iterator[Any]:
    experiments = [experiment.experiment_id for experiment in mlflow.search_experiments()]
    token = None
    while True:
        page = mlflow.search_runs(experiments, query, page_token=token)
        yield from page
        if not (token := page.token):
            return


def _folder(mlflow: Any, run: Any, into: Path) -> Path | None:
    """Where a run's study can be read; None of one that left no result, such as the run of a sweep."""
    identity: str = run.info.run_id
    here = Path(run.data.tags.get("directory", into))
    known = Mirror.read(here)
    if known is not None and known.run == identity and (here / RESULT).exists():
        return here
    if not {RESULT, TRIALS, CONFIG} <= {artifact.path for artifact in mlflow.list_artifacts(identity)}:
        return None
    folder = into / identity
    (folder / ".hydra").mkdir(parents=True)
    for name, place in ((RESULT, folder), (TRIALS, folder), (CONFIG, folder / ".hydra")):
        mlflow.download_artifacts(identity, name, str(place))
    return folder

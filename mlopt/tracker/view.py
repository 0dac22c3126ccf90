"""How MLflow's UI shows studies before anybody has set it up.

MLflow opens an experiment on its pages for language models, and its list of runs without a single metric, unless tags
of the experiment and the address say otherwise. What they mean is known to the pages of MLflow 3 alone; another version
shows its defaults.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from urllib.parse import urlencode

_VIEW = "studies"
_KIND = {"workflowType": "machine_learning"}
_COLUMNS = {
    "metrics": ("final_seconds", "speedup_naive", "speedup_torch", "simulated_cost"),
    "params": ("seed",),
    "tags": ("search",),
}
_ANSWER_SECONDS = 30.0

EXPERIMENT = "mlopt"
"""The MLflow experiment that studies go to by default."""

TAGS: Mapping[str, str] = {
    "mlflow.experimentKind": "custom_model_development",
    f"mlflow.sharedViewState.{_VIEW}": json.dumps(
        {"selectedColumns": [f"{kind}.`{name}`" for kind, names in _COLUMNS.items() for name in names]}
    ),
}
"""Of an experiment: that its runs are what to look at, and in which columns."""


def address(server: str) -> str:
    """Where the UI of `server` shows the studies: their table, or the list of experiments where there are none yet."""
    query = urlencode({"experiment_name": EXPERIMENT})
    try:
        with urllib.request.urlopen(
            f"{server}/api/2.0/mlflow/experiments/get-by-name?{query}", timeout=_ANSWER_SECONDS
        ) as answer:
            found = json.load(answer)["experiment"]["experiment_id"]
    except (OSError, ValueError, LookupError):
        return f"{server}/#/experiments?{urlencode(_KIND)}"
    return f"{server}/#/experiments/{found}/runs?{urlencode({'viewStateShareKey': _VIEW, **_KIND})}"

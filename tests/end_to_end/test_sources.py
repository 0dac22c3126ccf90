"""A study in which a hostile model rewrites a Triton kernel: nothing leaks, and every attempt is a status."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlopt.cli.main import main
from mlopt.core import processes
from mlopt.sandbox.confine import lacking
from mlopt.testing.models import Reply, Server, says

pytestmark = [
    pytest.mark.skipif(bool(lacking()), reason="this system cannot confine a process"),
    pytest.mark.usefixtures("own_device"),
]

ATTEMPTS = {
    "environment": ("", "import os\nKEY = os.environ['A_KEY']\n"),
    "socket": ("", "import socket\nsocket.create_connection(('127.0.0.1', 9))\n"),
    "fork": ("@triton.jit\ndef value", "__import__('os').fork()\n@triton.jit\ndef value"),
    "write": ("tl.maximum(a, 0.0)", "open('OUTSIDE', 'w')"),
    "timer": ("", "import time\ntime.perf_counter = lambda: 0.0\n"),
    "reach": ("tl.maximum(a, 0.0)", "tl.core.sys"),
    "memory": ("tl.store(z + at,", "tl.store(z + at + (1 << 50),"),
    "right": ("tl.maximum(a, 0.0)", "tl.where(a > 0.0, a, 0.0)"),
}


def plays(body: Mapping[str, Any], number: int) -> Reply:
    """One attempt after another, and the last one for ever."""
    search, replace = list(ATTEMPTS.values())[min(number, len(ATTEMPTS) - 1)]
    return says(json.dumps({"proposals": [{"edits": [{"search": search, "replace": replace}], "schedule": {}}]}))


def test_nothing_leaks_and_every_attempt_is_a_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "sk-secret")
    monkeypatch.setenv("MLOPT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    server = Server(plays)
    before = {process.pid for process in processes.below(os.getpid())}
    try:
        words = [
            *("backend=triton", "target=h200", "workload=relu", "workload.shape=[1000]", "evaluator=simulation"),
            *("executor=local", "executor.slots=1", "tracker=none", f"budget.trials={len(ATTEMPTS) + 1}"),
            *("search=llm", "search.mode=source", "search.proposals=1", "search.corrections=0", "search.islands=1"),
            *(f"search.endpoint.url={server.url}", "search.endpoint.key_variable=A_KEY", "hydra.run.dir=study"),
        ]
        assert main(words) == 0
    finally:
        server.close()
    trials = [json.loads(line) for line in (tmp_path / "study" / "trials.jsonl").read_text().splitlines()]
    statuses = dict(zip(["given", *ATTEMPTS], [trial["status"] for trial in trials], strict=True))
    assert statuses.pop("memory") in ("crash", "wrong_result")
    refused = dict.fromkeys(("environment", "socket", "fork", "write", "timer", "reach"), "invalid")
    assert statuses == {"given": "ok", **refused, "right": "ok"}
    assert "source" not in trials[0]["schedule"]
    assert "tl.where(a > 0.0, a, 0.0)" in trials[-1]["schedule"]["source"]
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if path.name == "OUTSIDE"]
    assert not [path for path in written if "sk-secret" in path.read_text(errors="replace")]
    assert server.headers[0]["Authorization"] == "Bearer sk-secret"
    assert not [text for text in server.prompts if re.search("sk-secret", text)]
    assert {process.pid for process in processes.below(os.getpid())} <= before

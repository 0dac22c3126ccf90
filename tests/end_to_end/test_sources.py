"""A study in which a hostile model rewrites a Triton kernel: nothing leaks, and every attempt is a status."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlopt.backend.triton.region import Region
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
    "endless": ("    start =", "    for i in range(0, 1 << 40):\n        i += 1\n    start ="),
}


def plays(body: Mapping[str, Any], number: int) -> Reply:
    """One attempt after another, and the last one for ever."""
    search, replace = list(ATTEMPTS.values())[min(number, len(ATTEMPTS) - 1)]
    return says(json.dumps({"proposals": [{"edits": [{"search": search, "replace": replace}], "schedule": {}}]}))


def studied(folder: Path, monkeypatch: pytest.MonkeyPatch, trials: int, *executor: str) -> list[dict[str, Any]]:
    """The trials of a study of so many in an empty folder; of what they try nothing is left when it has ended."""
    monkeypatch.setenv("A_KEY", "sk-secret")
    monkeypatch.setenv("MLOPT_CACHE", str(folder / "cache"))
    monkeypatch.chdir(folder)
    server = Server(plays)
    before = {process.pid for process in processes.below(os.getpid())}
    try:
        words = [
            *("backend=triton", "target=h200", "workload=relu", "workload.shape=[1000]", "evaluator=simulation"),
            *(*executor, "tracker=none", f"budget.trials={trials}", "budget.trial_seconds=10"),
            *("search=llm", "search.mode=source", "search.proposals=1", "search.corrections=0", "search.islands=1"),
            *(f"search.endpoint.url={server.url}", "search.endpoint.key_variable=A_KEY", "hydra.run.dir=study"),
        ]
        assert main(words) == 0
    finally:
        server.close()
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in written if path.name == "OUTSIDE"]
    assert not [path for path in written if "sk-secret" in path.read_text(errors="replace")]
    assert server.headers[0]["Authorization"] == "Bearer sk-secret"
    assert not [text for text in server.prompts if re.search("sk-secret", text)]
    started = {process.pid for process in processes.below(os.getpid())} - before
    assert "executor=inline" in executor or not started  # whose sandboxes' nurseries are this process's own
    return [json.loads(line) for line in (folder / "study" / "trials.jsonl").read_text().splitlines()]


def test_nothing_leaks_and_every_attempt_is_a_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trials = studied(tmp_path, monkeypatch, len(ATTEMPTS) + 1, "executor=local", "executor.slots=1")
    statuses = dict(zip(["given", *ATTEMPTS], [trial["status"] for trial in trials], strict=True))
    assert statuses.pop("memory") in ("crash", "wrong_result")
    refused = dict.fromkeys(("environment", "socket", "fork", "write", "timer", "reach"), "invalid")
    assert statuses == {"given": "ok", **refused, "right": "ok", "endless": "timeout"}
    assert "source" not in trials[0]["schedule"]
    assert "tl.where(a > 0.0, a, 0.0)" in trials[-2]["schedule"]["source"]


def test_nothing_leaks_where_the_rules_of_what_may_be_written_are_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the sandbox is what is left between a program and whatever it reaches for."""
    monkeypatch.setattr(Region, "rewritten", lambda self, text: f"{self.before}{text}{self.after}")
    trials = studied(tmp_path, monkeypatch, 5, "executor=inline")
    statuses = dict(zip(["given", *ATTEMPTS], [trial["status"] for trial in trials], strict=False))
    assert statuses["given"] == "ok"
    assert {statuses[name] for name in ("environment", "socket", "write")} == {"compile_error"}
    assert statuses["fork"] in {"ok", "compile_error", "crash", "wrong_result"}

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from mlopt.cli.ui import ui
from mlopt.core.errors import UserError
from mlopt.tracker.store import environment, locate


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with an empty store where studies put theirs."""
    monkeypatch.chdir(tmp_path)
    database = locate(None).database
    assert database is not None
    database.parent.mkdir()
    database.touch()
    return tmp_path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_without_a_store_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"there is no .*outputs/mlflow\.db"):
        ui([])


def test_a_taken_port_is_named(store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UserError, match=rf"port {port} .*in use.*--port"):
            ui(["--port", str(port)])


@pytest.mark.parametrize("arguments", [["--prot", "1"], ["--port", "many"], ["--port", "0"], ["8080"]])
def test_a_mistake_in_the_call_is_the_users(store: Path, arguments: list[str]) -> None:
    with pytest.raises(UserError, match="--port"):
        ui(arguments)


def test_it_serves_on_loopback_until_ctrl_c_and_leaves_nothing_running(store: Path) -> None:
    port = free_port()
    code = f"import sys; from mlopt.cli.ui import ui; sys.exit(ui(['--port', '{port}']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert re.match(rf"MLflow UI: http://127\.0\.0\.1:{port}/#/experiments", line), process.stderr.read()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stdout.read() + process.stderr.read() == ""
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0

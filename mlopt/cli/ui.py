"""`mlopt ui`: the MLflow UI on the store that studies write to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from itertools import chain
from typing import IO

from ..core.errors import UserError
from ..tracker.store import Store, environment, locate
from ..tracker.view import address
from .parser import Parser

STOP_SECONDS = 5.0


def ui(arguments: list[str]) -> int:
    """Serve the UI until Ctrl-C; its exit code. Raises UserError without a store, or a port to serve it on."""
    call = _parser().parse_args(arguments)
    store = locate(None)
    if store.database is None or not store.database.exists():
        raise UserError(f"no study was mirrored here yet: there is no {store.database}; run a study, or change folder")
    _check_free(call.host, call.port)
    with tempfile.TemporaryFile() as output:
        server = _serve(store, call.host, call.port, output)
        try:
            while not _answers(call.host, call.port) and server.poll() is None:
                time.sleep(0.1)
            if server.poll() is None:
                print(f"MLflow UI: {address(f'http://{call.host}:{call.port}')} (Ctrl-C ends it)", flush=True)
            if server.wait():
                raise UserError(f"the MLflow server ended: {_last_line(output)}")
        except KeyboardInterrupt:
            pass
        finally:
            _stop(server)
    return 0


def _serve(store: Store, host: str, port: int, output: IO[bytes]) -> subprocess.Popen[bytes]:
    options = {
        "--backend-store-uri": store.uri,
        "--default-artifact-root": str(store.artifacts),
        "--host": host,
        "--port": str(port),
        "--workers": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *chain.from_iterable(options.items())],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env={**environment(), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        process_group=0,  # so that it is stopped as a whole, and not by Ctrl-C halfway
    )


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and the workers that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, number)
            server.wait(STOP_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _check_free(host: str, port: int) -> None:
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise UserError(
            f"port {port} of {host} cannot be used ({error.strerror}); choose another with --port"
        ) from error


def _answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def _last_line(output: IO[bytes]) -> str:
    output.seek(0)
    return (output.read().decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]


def _parser() -> Parser:
    parser = Parser("ui", "its options are --port and --host")
    parser.add_argument("--port", type=int, choices=range(1, 65536), metavar="N", default=5000)
    parser.add_argument("--host", metavar="H", default="127.0.0.1", help="the address to listen on (%(default)s)")
    return parser

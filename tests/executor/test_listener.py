"""Who listens at an address, as far as it must be known before Ray is asked to connect."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mlopt.executor.ray import listener

SETTINGS = bytes([0, 0, 6, 4, 0, 0, 0, 0, 0]) + bytes(6)


@contextmanager
def server(answer: bytes) -> Iterator[str]:
    """The address of somebody who says `answer` to the first who speaks with him, and then waits."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(answer)
                while connection.recv(1024):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize("prefix", ["", "ray://"])
def test_a_server_that_begins_as_grpc_does_is_taken(prefix: str) -> None:
    with server(SETTINGS) as address:
        listener.check(prefix + address)


def test_another_server_is_told_from_ray() -> None:
    with server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address, pytest.raises(OSError, match="not Ray"):
        listener.check(address)


def test_one_that_hangs_up_is_told_from_ray() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=lambda: listening.accept()[0].close()).start()
        with pytest.raises(OSError, match=r"not Ray|reset|Broken pipe"):
            listener.check(f"127.0.0.1:{listening.getsockname()[1]}")


def test_one_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "_SECONDS", 0.2)
    with server(b"") as address, pytest.raises(OSError, match="timed out"):
        listener.check(address)


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:port"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        listener.check(address)

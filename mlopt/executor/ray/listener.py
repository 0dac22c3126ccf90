"""Whether somebody at an address speaks as Ray does; Ray itself, asked to connect, would try for minutes."""

from __future__ import annotations

import os
import socket

_SECONDS = 10.0
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME_BYTES, _TYPE, _SETTINGS = 9, 3, 4


def check(address: str) -> None:
    """Raise OSError or ValueError unless a gRPC server answers at [ray://]HOST:PORT within seconds.

    Either end of HTTP/2 begins with a frame of settings (RFC 9113, section 3.4). Where Ray is told to encrypt, it is
    only looked whether anybody listens.
    """
    host, port = address.removeprefix("ray://").rsplit(":", 1)
    with socket.create_connection((host, int(port)), _SECONDS) as connection:
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
            return
        connection.sendall(_PREFACE + bytes([0, 0, 0, _SETTINGS, 0, 0, 0, 0, 0]))
        with connection.makefile("rb") as answer:
            frame = answer.read(_FRAME_BYTES)
    if len(frame) < _FRAME_BYTES or frame[_TYPE] != _SETTINGS:
        raise ConnectionError("who listens there is not Ray")

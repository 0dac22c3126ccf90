from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mlopt.testing.models import Part, Server


@pytest.fixture
def serve() -> Iterator[Callable[[Part], Server]]:
    """Starts servers, which end with the test."""
    servers: list[Server] = []

    def start(part: Part) -> Server:
        servers.append(Server(part))
        return servers[-1]

    yield start
    for server in servers:
        server.close()

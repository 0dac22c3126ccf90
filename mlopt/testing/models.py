"""A server that speaks OpenAI's chat completions over real HTTP, and models that play a part on it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, Mapping[str, str], bytes]
Part = Callable[[Mapping[str, Any], int], Reply]
"""From a request's body and its number to what is sent back."""


def says(text: str, tokens: tuple[int, int] | None = (100, 10), headers: Mapping[str, str] | None = None) -> Reply:
    """A chat completion with this text."""
    usage = {} if tokens is None else {"usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}}
    body = {"choices": [{"message": {"role": "assistant", "content": text}}], **usage}
    return 200, headers or {}, json.dumps(body).encode()


def proposes(*schedules: Mapping[str, Any]) -> Reply:
    """A chat completion that proposes these."""
    return says(json.dumps({"proposals": [{"reason": "a hunch", "schedule": dict(each)} for each in schedules]}))


def fails(status: int, text: str = "no", **headers: str) -> Reply:
    """An error, with header fields given as `retry_after="1"`."""
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, text.encode()


class Server:
    """Plays `part`, and remembers what it was asked."""

    def __init__(self, part: Part) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.drip: float | None = None
        """Seconds between the bytes of an answer."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append(body)
                server.headers.append(dict(self.headers))
                status, headers, content = part(body, len(server.requests) - 1)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                try:
                    if server.drip is None:
                        self.wfile.write(content)
                    else:
                        for byte in content:
                            self.wfile.write(bytes([byte]))
                            self.wfile.flush()
                            time.sleep(server.drip)
                except OSError:  # nobody reads on
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def prompts(self) -> Sequence[str]:
        """The last message of each request."""
        return [request["messages"][-1]["content"] for request in self.requests]

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def closed_port() -> str:
    """An address at which nobody listens."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    http.server_close()
    return f"http://127.0.0.1:{http.server_port}/v1"

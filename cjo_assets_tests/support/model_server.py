"""A language model server on loopback that returns given replies and records the requests."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cjo_assets.language.client import Endpoint

KEY = "sk-not-for-anybodys-eyes"


@dataclass
class ModelServer:
    """Replies of the model, and the requests to it.

    Attributes:
        base_url: where it listens.
        answer: from a request to status and body.
        asked: paths, headers and bodies in their order.
        dripping: whether the body comes byte by byte.
    """

    base_url: str = ""
    answer: Callable[[dict[str, Any]], tuple[int, bytes]] = field(default=lambda _: (200, b""))
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    dripping: bool = False

    @property
    def endpoint(self) -> Endpoint:
        """The address and a key."""
        return Endpoint(self.base_url, KEY)

    def says(self, *texts: str, **more: Any) -> None:
        """Answer with these texts, one after the other, the last one again and again."""
        before = len(self.asked)
        self.answer = lambda _: (200, completion(texts[min(len(self.asked) - before, len(texts)) - 1], **more))


def completion(text: str | None, finish_reason: str = "stop", **usage: Any) -> bytes:
    """Return an answer as such endpoints write it."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    return json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage}).encode()


def given_figures(body: dict[str, Any]) -> dict[str, str]:
    """Return the figures that a request gives, by name, as texts."""
    figures = json.loads(body["messages"][1]["content"])["figures"]
    return {name: figure["text"] for name, figure in figures.items()}


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """Serve on a free port of loopback."""
    model = ModelServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            model.asked.append((self.path, dict(self.headers), body))
            status, content = model.answer(body)
            self.send_response(status)
            if status // 100 == 3:
                self.send_header("Location", f"{model.base_url}/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            # The client may have disconnected: some tests are about impatient clients.
            with suppress(ConnectionError):
                if not model.dripping:
                    self.wfile.write(content)
                for place in range(len(content) if model.dripping else 0):
                    self.wfile.write(content[place : place + 1])
                    self.wfile.flush()
                    time.sleep(0.05)

        def log_message(self, *_: Any) -> None:
            """Suppress the log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    model.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()

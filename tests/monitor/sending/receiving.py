"""A server that takes records as the API does, and that can be slow, fail, refuse, or be down."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """What a server of one monitor got; records with the value "bad" are refused with their whole batch."""

    def __init__(self) -> None:
        self.predictions: dict[str, dict[str, Any]] = {}
        self.truth: dict[str, dict[str, Any]] = {}
        self.batches: dict[str, int] = {}
        self.headers: list[dict[str, str]] = []
        self.status, self.seconds, self.dropping = 200, 0.0, False
        self.url, self.port, self.id = "", 0, "id"
        self._server: ThreadingHTTPServer | None = None

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """The status for a batch."""
        time.sleep(self.seconds)
        self.headers.append({**headers, "path": path})
        name = headers["Idempotency-Key"]
        self.batches[name] = self.batches.get(name, 0) + 1
        records = json.loads(body)
        if any("bad" in record.values() for record in records):
            return 422
        if self.status == 200:
            kept = self.truth if path.endswith("/truth") else self.predictions
            for record in records:
                kept.setdefault(str(record[self.id]), record)
        return self.status

    def start(self) -> "Receiver":
        """Serve on a free port, or on the port of before."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Be down."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._server = None


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take(self.path, dict(self.headers), body)
            if receiver.dropping:  # taken, but the answer never arrives
                self.close_connection = True
                return
            answer = b'{"detail": "so it is"}'
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            if status in (301, 302, 307, 308):
                self.send_header("Location", "http://127.0.0.1:1/stolen")
            with suppress(OSError):  # the sender may have gone
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing on the error stream."""

    return Handler


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A server that is up."""
    receiver = Receiver().start()
    try:
        yield receiver
    finally:
        receiver.stop()


def until(true: Any, seconds: float = 60.0) -> None:
    """Wait for something; fails where it does not come about."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.01)

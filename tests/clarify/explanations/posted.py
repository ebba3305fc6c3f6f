"""A small real server for tests: answers each POST by a function of its body, and keeps what it was asked."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[bytes], bytes]


@dataclass
class Posted:
    """Where the server is, and the headers and bodies that came."""

    url: str
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


@contextmanager
def posting(answer: Answer, content_type: str = "application/json") -> Iterator[Posted]:
    """The server while it runs."""
    posted = Posted("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.headers.append(dict(self.headers))
            posted.bodies.append(body)
            said = answer(body)
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    posted.url = f"http://127.0.0.1:{server.server_address[1]}/invocations"
    try:
        yield posted
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)

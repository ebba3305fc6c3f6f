"""A store of our own, monitors with channels, and web servers on loopback that remember what they were told."""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from evenhand.core.audit import Audit
from evenhand.core.monitor import Alert, Monitor
from evenhand.core.outcome import Drift, Outcome
from evenhand.core.store import Store
from evenhand.monitor.alerts import Reach
from evenhand.stores import open_store

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Receiver:
    """A web server that answers as it is told and keeps what it got."""

    url: str = ""
    paths: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    answering: threading.Event = field(default_factory=threading.Event)

    @property
    def documents(self) -> list[Any]:
        return [json.loads(body) for body in self.bodies]

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def answer(self) -> tuple[int, dict[str, str]]:
        return self.answers.pop(0) if self.answers else (200, {})


def serving(receiver: Receiver) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.paths.append(self.path)
            receiver.bodies.append(body)
            receiver.headers.append(dict(self.headers.items()))
            receiver.answering.wait(30)
            status, headers = receiver.answer()
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            with suppress(ConnectionError):
                self.end_headers()
                self.wfile.write(b"the answer's secret body")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    return server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    made.answering.set()
    server = serving(made)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def reach(receiver: Receiver) -> Reach:
    return Reach(hosts=frozenset({receiver.host}), seconds=2.0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'store.db'}")


def channel(to: str = "webhook", address: str = "https://example.org/hook", **more: Any) -> Alert:
    return Alert.model_validate({"to": to, "address": address, "cooldown": "1h", **more})


def watched(store: Store, *channels: Alert, name: str = "loans") -> Monitor:
    audit = Audit(label="income", positive=("high",), predicted_label="said", facets=("sex",))
    monitor = Monitor(name=name, audit=audit, baseline="first 7", alerts=channels)
    store.put_monitor(monitor)
    return monitor


def drift(about: str = "DI sex=Female", verdict: str = "drift", **more: Any) -> Drift:
    told = {
        "kind": "bias", "about": about, "metric": "DI", "facet": "sex", "group": "Female", "value": 0.7,
        "baseline": 0.9, "distance": 0.2, "limit": 0.1, "rows": 1000, "verdict": verdict, "reading": f"{about} fell.",
    }  # fmt: skip
    return Drift.model_validate({**told, **more})


def fine(about: str = "DI sex=Female", **more: Any) -> Drift:
    return drift(about, "no drift shown", **more)


def window(day: int, *drifts: Drift, rows: int = 1000, monitor: str = "loans") -> Outcome:
    start = FIRST + day * DAY
    status = "drift" if any(each.verdict == "drift" for each in drifts) else "fine"
    return Outcome.model_validate({
        "monitor": monitor, "start": start.isoformat(), "end": (start + DAY).isoformat(), "rows": rows, "labelled": 5,
        "status": status, "drifts": drifts,
    })  # fmt: skip


def after(day: int) -> datetime:
    """When the window of a day is run."""
    return FIRST + (day + 1) * DAY + timedelta(hours=1)


def queued(store: Store) -> list[Any]:
    """Everything that waits, as documents."""
    return [json.loads(each.payload) for each in store.due_deliveries(datetime(2100, 1, 1, tzinfo=UTC), 10_000)]

"""Serving: listen on an address, with the worker that runs monitors beside it."""

import ipaddress
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from evenhand.core.errors import EvenhandError, MissingExtra, SpecError
from evenhand.core.store import Store
from evenhand.server import application
from evenhand.server.settings import LOOPBACK, Settings

Say = Callable[[str], None]

_LOG = logging.getLogger(__name__)
_STOP_SECONDS = 10
_DELIVER_SECONDS = 5.0


@dataclass(frozen=True)
class Place:
    """Where a server listens."""

    host: str = "127.0.0.1"
    port: int = 8787

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def address(self) -> str:
        """The address of its pages."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def check_place(store: Store, place: Place, settings: Settings) -> None:
    """Refuse to be reachable from elsewhere without a key and a name; raises SpecError."""
    if place.loopback:
        return
    keys = store.keys()
    if all(key.revoked for key in keys):
        raise SpecError(
            f"{place.host} can be reached from other machines, and there is no API key; make one with"
            " `evenhand serve --new-key NAME`, or listen on 127.0.0.1."
        )
    if set(settings.hosts) <= set(LOOPBACK):
        raise SpecError(
            f"{place.host} can be reached from other machines; say by which names with --allow-host, such as"
            " --allow-host watch.example.org."
        )


def serve(
    store: Store, home: Path, place: Place, settings: Settings, *, worker: bool = True, say: Say = lambda _: None
) -> None:
    """Listen until stopped; says at which address. Raises SpecError for a place that is not allowed, MissingExtra."""
    try:
        import uvicorn
    except ImportError as error:
        raise MissingExtra("The server", "uvicorn", "server") from error
    check_place(store, place, settings)
    app = application(store, home, settings)
    config = uvicorn.Config(
        app, host=place.host, port=place.port, log_level="warning", access_log=False, proxy_headers=False,
        server_header=False, ws="none", limit_concurrency=512, timeout_keep_alive=30,
        timeout_graceful_shutdown=_STOP_SECONDS, h11_max_incomplete_event_size=65_536,
    )  # fmt: skip
    bound = _bound(place)
    place = Place(place.host, bound.getsockname()[1])
    say(_address(app, place))
    # Uvicorn repeats the signal that stopped it, once it has stopped; the worker has yet to.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    with _beside(store, home, settings, wanted=worker):
        uvicorn.Server(config).run(sockets=[bound])


def _address(app: Any, place: Place) -> str:
    """Where to go: on this machine, with a token that opens one session."""
    if not place.loopback:
        return f"Watching at {place.address}; sign in with an API key. Ctrl-C stops it."
    token = app.state.services.tokens.new()
    return f"Watching at {place.address}/open?token={token} (this address works once). Ctrl-C stops it."


@contextmanager
def _beside(store: Store, home: Path, settings: Settings, *, wanted: bool) -> Iterator[None]:
    """The threads that run monitors and send alerts while the server listens."""
    if not wanted:
        yield
        return
    from evenhand.monitor.jobs import Worker

    stop = threading.Event()
    tasks = (Worker(store, home).work, partial(_deliver, store, settings))
    threads = [threading.Thread(target=task, args=(stop,), daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(_STOP_SECONDS)


def _deliver(store: Store, settings: Settings, stop: threading.Event) -> None:
    """Send alerts that are due, every few seconds; an error of the store is logged and tried again."""
    from evenhand.monitor.alerts import Reach, deliver_due

    reach = Reach(hosts=frozenset(settings.reach), programs=frozenset(settings.programs))
    while not stop.wait(_DELIVER_SECONDS):
        try:
            monitors = {name: store.monitor(name) for name in store.monitors()}
            deliver_due(store, monitors, datetime.now(UTC), reach=reach)
        except EvenhandError as error:
            _LOG.warning("Alerts could not be sent: %s", error)
        except Exception:
            _LOG.exception("Alerts could not be sent")


def _bound(place: Place) -> socket.socket:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((place.host.strip("[]"), place.port))
        bound.listen(2_048)  # who comes before the application is ready waits
    except OSError as error:
        bound.close()
        reason = error.strerror or error
        raise EvenhandError(f"Cannot listen on {place.host}:{place.port}: {reason}; give another --port.") from None
    return bound

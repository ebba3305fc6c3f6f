"""Serving: listen on an address, with the worker that runs monitors in a process beside it."""

import ipaddress
import signal
import socket
import ssl
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evenhand.core.errors import EvenhandError, MissingExtra, SpecError
from evenhand.core.store import Store
from evenhand.server import application
from evenhand.server.arenas import share_arenas
from evenhand.server.settings import LOOPBACK, Settings
from evenhand.server.working import STOP_SECONDS, Errand, beside

Say = Callable[[str], None]


@dataclass(frozen=True)
class Place:
    """Where a server listens."""

    host: str = "127.0.0.1"
    port: int = 8787
    certificate: Path | None = None
    key: Path | None = None

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
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def check_place(store: Store, place: Place, settings: Settings) -> None:
    """Refuse to be reachable from elsewhere without a key and a name; raises SpecError."""
    _check_certificate(place)
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


def _check_certificate(place: Place) -> None:
    if place.certificate is None:
        if place.key is not None:
            raise SpecError("A key for TLS needs its certificate; give --tls-certificate too.")
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(place.certificate, place.key, password="")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = getattr(error, "strerror", None) or error
        raise SpecError(
            f"The certificate {str(place.certificate)!r} and its key cannot be used for TLS: {reason}; give PEM files"
            " of a certificate and its key, without a password."
        ) from None


def serve(
    store: Store, home: Path, place: Place, settings: Settings, *, worker: str | None = None, say: Say = lambda _: None
) -> None:
    """Listen until stopped; says at which address. `worker` is the URL of the store for a worker beside the server.

    Raises SpecError for a place that is not allowed, MissingExtra.
    """
    try:
        import uvicorn
    except ImportError as error:
        raise MissingExtra("The server", "uvicorn", "server") from error
    check_place(store, place, settings)
    share_arenas()
    app = application(store, home, settings)
    # Of headers that proxies send, `application` believes those that the settings name.
    config = uvicorn.Config(
        app, host=place.host, port=place.port, log_level="warning", access_log=False, proxy_headers=False,
        server_header=False, ws="none", limit_concurrency=512, timeout_keep_alive=30,
        timeout_graceful_shutdown=STOP_SECONDS, h11_max_incomplete_event_size=65_536,
        ssl_certfile=place.certificate, ssl_keyfile=place.key,
    )  # fmt: skip
    bound = _bound(place)
    place = replace(place, port=bound.getsockname()[1])
    say(_address(app, place))
    server = uvicorn.Server(config)
    # Uvicorn's own handlers are there only while it runs: a signal may come before, and it repeats the one that stopped
    # it afterwards, when the worker has yet to end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    with nullcontext() if worker is None else beside(_errand(worker, home, settings)):
        server.run(sockets=[bound])


def _errand(store: str, home: Path, settings: Settings) -> Errand:
    kept = settings.retention.model_dump(mode="json")
    return Errand(store, str(home), settings.reach, settings.programs, kept, settings.hunting.model_dump(mode="json"))


def _address(app: Any, place: Place) -> str:
    """Where to go: on this machine, with a token that opens one session."""
    if not place.loopback:
        return f"Watching at {place.address}; sign in with an API key. Ctrl-C stops it."
    token = app.state.services.tokens.new()
    return f"Watching at {place.address}/open?token={token} (this address works once). Ctrl-C stops it."


def _bound(place: Place) -> socket.socket:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    # asyncio turns delaying of small packets (40 ms an answer) off only where the protocol is named.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((place.host.strip("[]"), place.port))
        bound.listen(2_048)  # who comes before the application is ready waits
    except OSError as error:
        bound.close()
        reason = error.strerror or error
        raise EvenhandError(f"Cannot listen on {place.host}:{place.port}: {reason}; give another --port.") from None
    return bound

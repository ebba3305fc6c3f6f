"""A server over a real store: in this process for most tests, behind a socket for some."""

import asyncio
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from evenhand.core.monitor import Monitor
from evenhand.server import application
from evenhand.server.settings import Rates, Settings
from evenhand.stores import open_store

LOANS: dict[str, Any] = {
    "name": "loans",
    "audit": {"label": "repaid", "positive": ["yes"], "facets": ["sex"], "predicted_label": "granted"},
    "baseline": "first 7",
}
# Tests ask faster than people do.
RATES = Rates(key=0, address=0, refused=0)


@dataclass
class House:
    """An application, its store, and a key for each scope."""

    app: FastAPI
    store: Any
    home: Path
    keys: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, *, key: str | None = None, **options: Any) -> httpx.Response:
        """One request; `key` is the name of a scope, or the text of a key."""
        headers = {**({"X-API-Key": self.keys.get(key, key)} if key else {}), **options.pop("headers", {})}
        return asyncio.run(self._asked(method, path, headers, options))

    async def _asked(self, method: str, path: str, headers: dict[str, str], options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, headers=headers, **options)


@contextmanager
def built(
    folder: Path, settings: Settings | None = None, scopes: Sequence[str] = ("read", "submit", "admin")
) -> Iterator[House]:
    store = open_store(f"sqlite:///{folder / 'evenhand.db'}")
    store.put_monitor(Monitor.model_validate(LOANS))
    app = application(store, folder / "records", settings or Settings(rates=RATES))
    house = House(app, store, folder / "records")
    house.keys = {scope: store.add_key(scope, (scope,), None)[1] for scope in scopes}
    try:
        yield house
    finally:
        app.state.services.parsers.close()
        app.state.services.bounties.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with built(tmp_path) as made:
        yield made


@dataclass
class Served:
    address: str
    house: House


@pytest.fixture
def served(house: House) -> Iterator[Served]:
    """The same behind uvicorn on a free port of this machine."""
    with behind_a_socket(house) as found:
        yield found


@contextmanager
def behind_a_socket(house: House) -> Iterator[Served]:
    """An application behind uvicorn."""
    import uvicorn

    config = uvicorn.Config(house.app, port=0, log_level="warning", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(f"http://127.0.0.1:{port}", house)
    finally:
        server.should_exit = True
        thread.join(15)
        with warnings.catch_warnings():
            assert not thread.is_alive()


def records(start: int, number: int) -> list[dict[str, Any]]:
    return [
        {"id": f"r{each}", "time": "2026-11-20T13:00:00Z", "sex": "fm"[each % 2], "granted": "yes", "income": each}
        for each in range(start, start + number)
    ]

"""The pages behind a real server on a port of their own."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import cast

import uvicorn
from fastapi import FastAPI

from evenhand.core.store import Store
from evenhand.server.pages import router
from tests.server.pages.memory import Memory, Sessions


@dataclass
class Served:
    """A server that runs, and what is behind it."""

    address: str
    memory: Memory
    sessions: Sessions
    opened: ExitStack


def application(memory: Memory, sessions: Sessions) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.include_router(router(cast(Store, memory), sessions))
    return app


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """An application on a free port of this machine; its address."""
    config = uvicorn.Config(app, port=0, log_level="warning", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.force_exit = True
        server.should_exit = True
        thread.join(10)


@contextmanager
def serving(memory: Memory) -> Iterator[Served]:
    """The pages over this store."""
    sessions = Sessions(memory)
    with listening(application(memory, sessions)) as address, ExitStack() as opened:
        yield Served(address, memory, sessions, opened)

"""Bodies: the records of a request, whichever way they were sent."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from evenhand.server.parsing import READ, kind_of
from evenhand.server.problems import Refused
from evenhand.server.records import table_of
from evenhand.server.security.gate import too_large
from evenhand.server.services import Services
from evenhand.server.strict_json import strict_json

Table = Callable[[], Any]
UPLOADS = (
    "application/vnd.apache.parquet",
    "application/vnd.apache.arrow.file",
    "application/vnd.apache.arrow.stream",
    "application/x-ndjson",
    "application/octet-stream",
)


async def table_in(request: Request, services: Services) -> Table:
    """What gives the table of PyArrow that a request carries, called in a thread; both raise Refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        content = await whole(request, services.settings.sizes.json_batch)
        return partial(_from_json, content, services)
    if kind in UPLOADS:
        table = await _from_file(request, services)
        return lambda: table
    raise Refused(415, f"Content-Type {kind[:100]!r} is not read here; send application/json, or {READ}.")


async def whole(request: Request, most: int) -> bytes:
    """The body of a request, up to a size; raises Refused."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > most:
            raise too_large(most)
    return bytes(content)


def _from_json(content: bytes, services: Services) -> Any:
    sizes = services.settings.sizes
    return table_of(strict_json(content, depth=sizes.depth), sizes)


async def _from_file(request: Request, services: Services) -> Any:
    """Through a file that only the parser reads."""
    with tempfile.TemporaryDirectory(prefix="evenhand-upload-") as folder:
        path = Path(folder) / "file"
        head = b""
        with path.open("wb") as file:
            async for part in request.stream():
                head = head if len(head) >= 64 else (head + part)[:64]
                await run_in_threadpool(file.write, part)
        return await run_in_threadpool(services.parsers.table, path, kind_of(head))

"""What attacks are sent with: bodies, files, sessions, and the one line that answers them."""

import io
import os
from typing import Any

import httpx
import pyarrow as pa
from pyarrow import ipc, parquet

from tests.server.conftest import House

TO = "/api/monitors/loans/predictions"
JSON = {"Content-Type": "application/json"}
BINARY = {"Content-Type": "application/octet-stream"}
NASTY = [
    "<script>alert(1)</script>",
    "\u202egpj.exe",
    "=cmd|' /C calc'!A0",
    "'; DROP TABLE keys; --",
    "a\u200bb",
    "𝔘",
    "\u0000",
]


def line_of(answer: httpx.Response) -> str:
    detail: str = answer.json()["detail"]
    assert set(answer.json()) == {"detail"}
    assert "\n" not in detail
    assert len(detail) <= 500
    return detail


def session(house: House) -> dict[str, str]:
    signed = house.app.state.services.sessions.signed({"who": "x", "scopes": ["admin"], "key": None})
    return {"Cookie": f"evenhand_session={signed}"}


def parquet_of(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table, sink, **options)
    return sink.getvalue()


def stream_of(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/evenhand-was-here",)

"""HTTP: a model behind a URL is asked in batches that fit, several at once, and answers in the order of the rows."""

import threading
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from evenhand.core.errors import ModelError
from evenhand.models.loaded import LoadedModel
from evenhand.models.remote.cells import Cells, cells_of
from evenhand.models.remote.endpoint import Endpoint
from evenhand.models.remote.http_client import Client, Stopped, TooLarge
from evenhand.models.remote.payloads import Layout
from evenhand.models.remote.replies import Reply, joined, read_reply
from evenhand.models.remote.replying import from_replies

_FEWEST = 1_000  # rows that are not worth spreading over several requests
_SAMPLE = 100  # rows that say how long a row is


def from_endpoint(endpoint: Endpoint, classes: tuple[Any, ...] | None = None) -> LoadedModel:
    """The model behind this URL; nothing is sent before it is asked."""
    known = replace(endpoint, classes=classes) if classes is not None else endpoint
    features = None if known.features is None else tuple(known.features)
    return from_replies(known.shown, _Asking(known, features), known.places, features=features, original=known)


class _Asking:
    """Rows in, one reply for all of them out; remembers how large a request the server takes."""

    def __init__(self, endpoint: Endpoint, features: tuple[str, ...] | None) -> None:
        self._endpoint, self._features = endpoint, features
        self._places, self._payload = endpoint.places, endpoint.payload
        self._client = Client(endpoint)
        self._limit = endpoint.max_payload
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        # Connections and locks stay here; another process opens its own.
        return _Asking, (self._endpoint, self._features)

    def __call__(self, rows: Any) -> Reply:
        name = self._endpoint.shown
        cells = cells_of(rows, self._features, name)
        if cells.height == 0:
            return Reply(None, np.empty(0))
        layout = self._payload.layout(cells.names, len(cells.columns), name)
        spans = self._spans(cells, layout)
        return joined(self._in_order(cells, layout, spans), f"The model {name}")

    def _spans(self, cells: Cells, layout: Layout) -> list[tuple[int, int]]:
        """Rows for one thread to write and send: about as many as fit, fewer where that keeps every thread busy."""
        height, threads = cells.height, self._endpoint.concurrency
        if layout.single:
            most = max(1, -(-height // (4 * threads)))
        else:
            sample = min(height, _SAMPLE)
            fitting = int(self._limit / (len(layout.body(layout.records(cells, 0, sample))) / sample))
            most = max(1, min(fitting, max(_FEWEST, -(-height // threads))))
        return [(first, min(first + most, height)) for first in range(0, height, most)]

    def _in_order(self, cells: Cells, layout: Layout, spans: list[tuple[int, int]]) -> list[Reply]:
        stop = threading.Event()
        if len(spans) == 1:
            return self._span(cells, layout, spans[0], stop)
        pool = ThreadPoolExecutor(min(self._endpoint.concurrency, len(spans)), "evenhand-http")
        done = False
        try:
            futures: list[Future[list[Reply]]] = [pool.submit(self._span, cells, layout, span, stop) for span in spans]
            wait(futures, return_when=FIRST_EXCEPTION)
            failed = [future for future in futures if future.done() and future.exception() is not None]
            if failed:
                failed[0].result()
            done = True
            return [reply for future in futures for reply in future.result()]
        finally:
            stop.set()
            # After a failure, or Ctrl-C, nobody waits for requests that are still under way.
            pool.shutdown(wait=done, cancel_futures=True)

    def _span(self, cells: Cells, layout: Layout, span: tuple[int, int], stop: threading.Event) -> list[Reply]:
        first, last = span
        return self._sent(layout, layout.records(cells, first, last), first, stop)

    def _sent(self, layout: Layout, records: list[str], first: int, stop: threading.Event) -> list[Reply]:
        """Replies to these records, in as many requests as their size asks for."""
        if stop.is_set():
            raise Stopped
        body = layout.body(records) if len(records) == 1 or not layout.single else b""
        if len(records) > 1 and (layout.single or len(body) > self._limit):
            parts = len(records) if layout.single else max(2, -(-len(body) // self._limit))
            return self._parts(layout, records, first, min(parts, len(records)), stop)
        where = f"row {first + 1:,}" if len(records) == 1 else f"rows {first + 1:,} to {first + len(records):,}"
        if len(body) > self._endpoint.max_payload:
            raise ModelError(
                f"The model {self._endpoint.shown} is given a row of {len(body):,} bytes ({where}), and max_payload is"
                f" {self._endpoint.max_payload:,}."
            )
        try:
            answer = self._client.post(body, where, divisible=len(records) > 1, stop=stop)
        except TooLarge as refused:
            if len(records) == 1:
                raise ModelError(
                    f"The model {self._endpoint.shown} takes not even one row ({where}, {len(body):,} bytes): {refused}"
                ) from refused
            with self._lock:
                self._limit = min(self._limit, max(len(body) // 2, 1))
            return self._parts(layout, records, first, 2, stop)
        source = f"The model {self._endpoint.shown} answered {where} wrongly"
        return [read_reply(answer.body, answer.content_type, self._places, len(records), source)]

    def _parts(self, layout: Layout, records: list[str], first: int, parts: int, stop: threading.Event) -> list[Reply]:
        bounds = [len(records) * part // parts for part in range(parts + 1)]
        replies: list[Reply] = []
        for start, end in pairwise(bounds):
            replies += self._sent(layout, records[start:end], first + start, stop)
        return replies

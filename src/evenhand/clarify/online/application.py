"""The application: requests wait in a bounded queue, are answered by worker threads, and are dropped in time."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from evenhand.clarify.online.explainer import Explainer
from evenhand.clarify.online.job import Job
from evenhand.clarify.online.memory_shares import MEGABYTE, Held, Shares
from evenhand.clarify.online.online_config import ContentType, OnlineConfig
from evenhand.clarify.online.refusals import Dropped, Refusal
from evenhand.core.errors import MissingExtra, SpecError
from evenhand.core.visible import visible
from evenhand.explaining.request import memory_of

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

HEADER = "x-amzn-sagemaker-enable-explanations"
_KINDS: dict[str, ContentType] = {
    "text/csv": "text/csv",
    "application/jsonlines": "application/jsonlines",
    "application/x-jsonlines": "application/jsonlines",
}
_LOG = logging.getLogger("evenhand.clarify.online")


def explainer_app(
    config: OnlineConfig,
    model: Any,
    *,
    memory: str | int = "512MB",
    queue: int = 16,
    concurrency: int = 1,
    timeout: float = 60,
) -> "Starlette":
    """The ASGI application that answers POST /invocations and GET /ping as an explaining endpoint does.

    `model` is anything `load_model` takes; a URL is sent each request as it came. `memory` bounds what requests may
    hold above the interpreter and the model; `queue` how many wait beside the `concurrency` that are worked on, others
    get 429; `timeout` is seconds for one request from its arrival. Raises EvenhandError where config, baseline and
    model do not fit together, MissingExtra without starlette.
    """
    try:
        from starlette.applications import Starlette
        from starlette.responses import Response
        from starlette.routing import Route
    except ImportError as error:
        raise MissingExtra("The online explainer", "starlette", "online") from error
    if queue < 0 or not 0 < timeout < float("inf"):
        raise SpecError(f"queue={queue!r} must be from 0 up and timeout={timeout!r} a number of seconds above 0.")
    shares = Shares(memory_of(memory), concurrency)
    explainer = Explainer(config, model, shares, timeout)
    body = min(config.inference.max_payload_mb * MEGABYTE, shares.held)
    invocations = Invocations(explainer, Held(shares.held), places=queue + concurrency, body=body, timeout=timeout)
    workers = ThreadPoolExecutor(concurrency, "evenhand-explainer")
    invocations.workers = workers

    async def ping(_: "Request") -> Response:
        return Response(b"\n", media_type="text/plain")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        invocations.close()

    routes = [Route("/ping", ping, methods=["GET"]), Route("/invocations", invocations, methods=["POST"])]
    return Starlette(routes=routes, lifespan=lifespan)


class Invocations:
    """POST /invocations: admitted or refused, read within limits, worked on in a thread, answered or dropped."""

    workers: ThreadPoolExecutor

    def __init__(self, explainer: Explainer, held: Held, *, places: int, body: int, timeout: float) -> None:
        self._explainer, self._held = explainer, held
        self._places, self._body, self._timeout = places, body, timeout
        self._jobs: set[int] = set()
        self._running: dict[int, Job] = {}

    def close(self) -> None:
        """Drop all work."""
        for job in list(self._running.values()):
            job.stop.set()
        self.workers.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one request."""
        from starlette.requests import Request
        from starlette.responses import Response

        ticket = _Ticket(self._held, Job.within(self._timeout))
        try:
            status, content, headers = await self._status(Request(scope, receive), ticket)
            response = Response(content, status, headers, "application/json")
            try:
                await asyncio.wait_for(response(scope, receive, send), self._timeout)
            except TimeoutError:
                _LOG.warning("An answer was not taken in time and is dropped.")
        finally:
            self._running.pop(id(ticket), None)
            ticket.close()

    async def _status(self, request: "Request", ticket: "_Ticket") -> tuple[int, bytes, dict[str, str]]:
        try:
            return 200, await self._answered(request, ticket), {}
        except Refusal as refusal:
            retry = {} if refusal.retry_after is None else {"retry-after": str(refusal.retry_after)}
            # What is left of the body is not read, so the connection cannot serve another request.
            early = {"connection": "close"} if not ticket.read else {}
            return refusal.status, _error(refusal), retry | early
        except Exception:
            _LOG.exception("A request failed in a way that was not foreseen.")
            return 500, _error(Refusal(500, "The explainer failed; its log says why.")), {}

    async def _answered(self, request: "Request", ticket: "_Ticket") -> bytes:
        if len(self._running) >= self._places:
            raise Refusal(429, "Too many requests wait already; try again later.", retry_after=1)
        self._running[id(ticket)] = ticket.job
        kind = request.headers.get("content-type", "text/csv").partition(";")[0].strip().lower()
        if kind not in _KINDS:
            raise Refusal(415, f"Content-Type {visible(kind[:64])!r} is not one of text/csv, application/jsonlines.")
        try:
            await asyncio.wait_for(self._read(request, ticket), ticket.job.left)
        except TimeoutError:
            raise Refusal(408, "The request's body did not arrive in time.") from None
        return await self._worked(request, _KINDS[kind], ticket)

    async def _read(self, request: "Request", ticket: "_Ticket") -> None:
        """The body into the ticket, never more of it than allowed."""
        from starlette.requests import ClientDisconnect

        said = request.headers.get("content-length", "0")
        if said.isdigit() and int(said[:20]) > self._body:
            raise self._too_large()
        size = 0
        try:
            async for part in request.stream():
                size += len(part)
                if size > self._body:
                    raise self._too_large()
                ticket.take(len(part))
                ticket.parts.append(part)
        except ClientDisconnect:
            raise Refusal(400, "The client went away.") from None
        ticket.read = True

    def _too_large(self) -> Refusal:
        return Refusal(413, f"The request's body has more than {self._body:,} bytes (MaxPayloadInMB, or --memory).")

    async def _worked(self, request: "Request", kind: ContentType, ticket: "_Ticket") -> bytes:
        job, enable = ticket.job, request.headers.get(HEADER)

        def work() -> bytes | Exception:
            job.started = True
            try:
                job.check()
                return self._explainer.answer(ticket.body(), kind, enable, job)
            except (Refusal, Dropped, MemoryError) as error:
                return _bare(error)
            except Exception:
                _LOG.exception("A request failed in a way that was not foreseen.")
                return Refusal(500, "The explainer failed; its log says why.")

        loop = asyncio.get_running_loop()
        future = self.workers.submit(work)
        # A thread cannot be ended from outside: its bytes stay counted until it notices.
        ticket.works()
        future.add_done_callback(lambda _: _call(loop, ticket.worked))
        answer = asyncio.ensure_future(asyncio.wrap_future(future))
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            waited: set[asyncio.Future[Any]] = {answer, gone}
            await asyncio.wait(waited, timeout=job.left, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise self._late(job, gone.done())
            found = answer.result()
        finally:
            gone.cancel()
            if not answer.done():
                job.stop.set()
                answer.cancel()
        if isinstance(found, Dropped):
            raise self._late(job, gone.done())
        if isinstance(found, MemoryError):
            raise Refusal(503, "There is no memory for this request now.", retry_after=1)
        if isinstance(found, Exception):
            raise found
        ticket.take(len(found))
        return found

    def _late(self, job: Job, gone: bool) -> Refusal:
        if gone:
            return Refusal(400, "The client went away.")
        if not job.started:
            return Refusal(503, f"The request waited {self._timeout:g} s for its turn.", retry_after=1)
        return Refusal(504, f"The request was not answered within {self._timeout:g} s; its work is dropped.")


class _Ticket:
    """What one request holds, given back when it is answered and its work has ended."""

    def __init__(self, held: Held, job: Job) -> None:
        self._held, self.job = held, job
        self._bytes = 0
        self._users = 1
        self.read = False
        self.parts: list[bytes] = []

    def body(self) -> bytes:
        """The whole body, once."""
        whole = b"".join(self.parts)
        self.parts.clear()
        return whole

    def take(self, count: int) -> None:
        self._held.take(count)
        self._bytes += count

    def works(self) -> None:
        self._users += 1

    def worked(self) -> None:
        self.close()

    def close(self) -> None:
        self._users -= 1
        if self._users == 0:
            self._held.give(self._bytes)
            self._bytes = 0
            self.parts.clear()


def _bare(error: Exception) -> Exception:
    """The error without its frames, which would keep the body in memory until the next collection."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _call(loop: asyncio.AbstractEventLoop, function: Any) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(function)


async def _disconnected(request: "Request") -> None:
    """Ends when the client goes away."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _error(refusal: Refusal) -> bytes:
    """One line of JSON."""
    return json.dumps({"error": refusal.status, "message": visible(str(refusal))}).encode() + b"\n"

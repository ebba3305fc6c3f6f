"""Capturing: ASGI middleware and a decorator that hand what a model answered to a Sender."""

import functools
import inspect
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar, cast

from evenhand.monitor.sending.sender import Record, Sender

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Records = Record | Iterable[Record] | None
Given = ParamSpec("Given")
Answered = TypeVar("Answered")

MOST_BYTES = 1_000_000


def joined(asked: bytes, answered: bytes) -> list[Record]:
    """The records of a JSON request and its JSON answer: an object and an object, or lists of as many.

    Answers that are no objects become the column `prediction`. Raises ValueError for other shapes.
    """
    given, found = json.loads(asked), json.loads(answered)
    rows = given if isinstance(given, list) else [given]
    answers = found if isinstance(given, list) and isinstance(found, list) else [found]
    if len(rows) != len(answers) or not all(isinstance(row, Mapping) for row in rows):
        raise ValueError("The request and its answer are no objects, or lists of as many; give `record`.")
    named = [answer if isinstance(answer, Mapping) else {"prediction": answer} for answer in answers]
    return [{**row, **answer} for row, answer in zip(rows, named, strict=True)]


class Capturing:
    """ASGI middleware: what was asked and answered goes to the sender, unread, after the answer has left.

    Only POSTs to `paths` (by default all) that were answered with 2xx are taken, and bodies up to `most_bytes`.
    `record(request_body, response_body)` makes the records in the background; by default both are JSON objects, or
    lists of them. Bodies pass through as they are; nothing that goes wrong here reaches the service.
    """

    def __init__(
        self, app: App, sender: Sender, *, paths: Collection[str] | None = None,
        record: Callable[[bytes, bytes], Records] = joined, most_bytes: int = MOST_BYTES,
    ) -> None:  # fmt: skip
        self._app, self._sender, self._record, self._most = app, sender, record, most_bytes
        self._paths = None if paths is None else frozenset([paths] if isinstance(paths, str) else paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as the application does."""
        if scope.get("type") != "http" or scope.get("method") != "POST" or not self._wanted(scope):
            await self._app(scope, receive, send)
            return
        asked, answered = _Copy(self._most), _Copy(self._most)

        async def receiving() -> Message:
            message = await receive()
            asked.take(message)
            return message

        async def sending(message: Message) -> None:
            await send(message)
            answered.take(message)

        await self._app(scope, receiving, sending)
        with suppress(Exception):
            self._hand_over(asked, answered)

    def _wanted(self, scope: Scope) -> bool:
        return self._paths is None or scope.get("path") in self._paths

    def _hand_over(self, asked: "_Copy", answered: "_Copy") -> None:
        if not 200 <= answered.status < 300 or not answered.ended:
            return
        if asked.overflowed or answered.overflowed:
            self._sender.unreadable()
            return
        question, answer, record = bytes(asked.body), bytes(answered.body), self._record
        self._sender.send_later(lambda: record(question, answer))


class _Copy:
    """What passed in one direction, up to a size."""

    def __init__(self, most: int) -> None:
        self.body, self.status, self.ended, self.overflowed = bytearray(), 0, False, False
        self._most = most

    def take(self, message: Message) -> None:
        """Note a message; never raises."""
        with suppress(Exception):
            if message["type"] == "http.response.start":
                self.status = int(message["status"])
                return
            part = message.get("body", b"")
            if len(self.body) + len(part) > self._most:
                self.overflowed, self.body = True, bytearray()
            elif not self.overflowed:
                self.body += part
            self.ended = not message.get("more_body", False)


def captured(
    sender: Sender, record: Callable[..., Records] | None = None
) -> Callable[[Callable[Given, Answered]], Callable[Given, Answered]]:
    """Decorate a function, plain or async, so that what it was given and answered goes to the sender.

    `record(answer, *given)` makes the record from the function's own arguments; by default the first argument is a
    mapping of columns and the answer a mapping too, or else the column `prediction`. What goes wrong here never reaches
    the function's caller.
    """
    make = record or _columns

    def decorated(function: Callable[Given, Answered]) -> Callable[Given, Answered]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def waiting(*given: Given.args, **named: Given.kwargs) -> Any:
                answer = await function(*given, **named)
                _hand(sender, make, answer, given, named)
                return answer

            return cast("Callable[Given, Answered]", waiting)

        @functools.wraps(function)
        def plain(*given: Given.args, **named: Given.kwargs) -> Answered:
            answer = function(*given, **named)
            _hand(sender, make, answer, given, named)
            return answer

        return plain

    return decorated


def _columns(answer: Any, given: Mapping[str, Any], *_: Any, **__: Any) -> Record:
    return {**given, **(answer if isinstance(answer, Mapping) else {"prediction": answer})}


def _hand(
    sender: Sender, make: Callable[..., Records], answer: Any, given: tuple[Any, ...], named: Mapping[str, Any]
) -> None:
    """Make the record at once, since the caller may change what it gave; hand it over."""
    try:
        found = make(answer, *given, **named)
        made = [found] if isinstance(found, Mapping) else list(found or ())
    except Exception:
        sender.unreadable()
        return
    for each in made:
        sender.send(each)

"""Posting to an address: guarded, without redirects, within a time; of the answer only the status is looked at."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from socket import SHUT_RDWR, socket
from typing import Any
from urllib.parse import SplitResult

from evenhand.core.monitor import Alert
from evenhand.monitor.alerts.addresses import NotDelivered, Reach, connected, opened, port_of, secret, url

MOST_BYTES = 1_000_000
LONGEST_WAIT = 86_400.0  # seconds; an answer cannot put a message off for longer
_AGAIN = (408, 425, 429)


def post(
    channel: Alert, document: Mapping[str, Any] | bytes, reach: Reach, headers: Mapping[str, str] | None = None
) -> None:
    """Post JSON to a channel's address; raises NotDelivered where the answer is not 2xx."""
    body = document if isinstance(document, bytes) else encoded(document)
    if len(body) > MOST_BYTES:
        raise NotDelivered(f"The message has {len(body)} bytes; at most {MOST_BYTES} are sent.", again=False)
    parts = url(opened(channel.address, reach))
    sent = {"Content-Type": "application/json", "User-Agent": "evenhand", **(headers or {})}
    authorization = secret(channel.options, "authorization", reach)
    if authorization is not None:
        sent["Authorization"] = authorization
    _judge(*_exchanged(parts, body, sent, reach))


def encoded(document: Mapping[str, Any]) -> bytes:
    """Strict JSON; infinities must have been written as text before."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode(errors="replace")


def _exchanged(parts: SplitResult, body: bytes, headers: Mapping[str, str], reach: Reach) -> tuple[int, str | None]:
    """The status of the answer and its Retry-After."""
    host, port = str(parts.hostname), port_of(parts)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    made = connected(host, port, reach)
    with limited(made, reach.seconds) as ran_out:
        try:
            if parts.scheme == "https":
                made = ssl.create_default_context().wrap_socket(made, server_hostname=host)
            connection = HTTPConnection(host, port)
            connection.sock = made
            connection.request("POST", target, body=body, headers=dict(headers))
            answer: HTTPResponse = connection.getresponse()
            found = answer.status, answer.getheader("Retry-After")
            answer.close()
            if ran_out():  # the end of a connection also ends headers, so that half an answer looks whole
                raise TimeoutError
            return found
        except ssl.SSLCertVerificationError:
            raise NotDelivered("The host's certificate is not valid for it.") from None
        except (OSError, HTTPException, ValueError):
            reason = "took too long" if ran_out() else "did not answer as a web server does"
            raise NotDelivered(f"The host {reason}.") from None
        finally:
            made.close()


@contextmanager
def limited(made: socket, seconds: float) -> Iterator[Callable[[], bool]]:
    """Ends a conversation after a time, however slowly single bytes trickle in; gives whether it did."""
    over = threading.Event()
    held = made.dup()  # TLS detaches the socket that it wraps

    def end() -> None:
        over.set()
        with suppress(OSError):
            held.shutdown(SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield over.is_set
    finally:
        timer.cancel()
        held.close()


def _judge(status: int, wait: str | None) -> None:
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise NotDelivered(f"The host answered {status}, a redirect, which is not followed.", again=False)
    again = status >= 500 or status in _AGAIN
    raise NotDelivered(f"The host answered {status}.", again=again, after=waited(wait, datetime.now(UTC)))


def waited(text: str | None, now: datetime) -> float | None:
    """The seconds a Retry-After header asks for, given as a number or a date; None where it says nothing sensible."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return min(float(text.strip()[:9]), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max(0.0, (at - now).total_seconds()), LONGEST_WAIT)

"""The client: it has every operation of the API, tries again where that is safe, and says what went wrong."""

import json
import re
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

import evenhand as eh
from evenhand.client import Client, Refusal
from evenhand.core.errors import DataError, SpecError
from evenhand.core.monitor import Monitor
from evenhand.monitor.jobs import Worker
from tests.bounty.opened import WRONGED, answers, open_bounty
from tests.server.conftest import LOANS, Served, records

# A browser's way in and out, which needs cookies.
BROWSERS = {("POST", "/api/session"), ("DELETE", "/api/session"), ("GET", "/open")}


class Recording(httpx.HTTPTransport):
    """Notes what was asked of a real server."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((request.method, request.url.path))
        return super().handle_request(request)


def test_the_client_has_every_operation_of_the_document(served: Served) -> None:
    transport = Recording()
    with Client(served.address, key=served.house.keys["admin"], transport=transport) as client:
        everything(client, served)
    paths: dict[str, Any] = httpx.get(f"{served.address}/api/openapi.json").json()["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    shapes = {each: re.compile(re.sub(r"\\{[a-z]+\\}", "[^/]+", re.escape(each[1]))) for each in described}
    asked = {
        # The one with the fewest parameters: /api/monitors/x/outcome is no other's.
        min((each for each, shape in shapes.items() if each[0] == method and shape.fullmatch(path)), key=str)
        for method, path in transport.seen
    }
    assert described - asked == BROWSERS


def everything(client: Client, served: Served) -> None:
    """Each method once, for what it gives back."""
    house = served.house
    assert client.alive()
    assert client.ready()
    assert client.who() == {"name": "key admin", "scopes": ["admin"]}
    _monitors(client)
    assert client.capture("loans", records(0, 40), batch="b") == {"accepted": 40, "duplicates": 0}
    assert client.truth("loans", [{"id": "r1", "repaid": "yes"}]) == {"accepted": 1, "duplicates": 0}
    number = client.run("loans", "2026-11-20")
    assert [each["id"] for each in client.jobs(states=("waiting",))] == [number]
    Worker(house.store, house.home).work_once()
    assert client.wait(number)["state"] == "done"
    (outcome,) = client.outcomes("loans")
    start = datetime(2026, 11, 20, tzinfo=UTC)
    assert client.outcome("loans", start, start + timedelta(days=1)).rows == outcome.rows == 40
    client.cancel(client.run("loans", "2026-11-19"))
    assert [each["state"] for each in client.jobs()] == ["cancelled", "done"]
    _alerts(client, house.store)
    _reports(client)
    _bounties(client, served)
    made, text = client.make_key("reader", ("read",))
    with Client(served.address, key=text) as reader:
        assert reader.who() == {"name": "key reader", "scopes": ["read"]}
    client.revoke_key(made)
    known = client.keys()
    assert [each["revoked"] for each in known if each["id"] == made] == [True]
    assert client.log(most=1)[0]["what"] == "revoked a key"
    assert "evenhand_" in client.metrics()


def _bounties(client: Client, served: Served) -> None:
    house = served.house
    open_bounty(house.store, house.home, "loans-b")
    assert client.bounties() == ["loans-b"]
    assert client.bounty("loans-b")["version"] == 0
    assert client.join("loans-b", "owners") is None
    assert [each["team"] for each in client.teams("loans-b")] == ["owners"]
    with tempfile.TemporaryDirectory() as folder:
        assert [file.name for file in client.download("loans-b", folder)] == ["public.parquet", "hidden.parquet"]
        assert client.submit("loans-b", WRONGED, predictions=answers(house.home, "loans-b"))["number"] == 1
        assert client.submission("loans-b", 1)["state"] == "waiting"
        assert [each["number"] for each in client.submissions("loans-b")] == [1]
        assert client.contest("loans-b")["left"]["waiting"] == 1
        assert [each["kind"] for each in client.export("loans-b")] == ["bounty", "team", "submission", "contest"]
        assert client.model("loans-b", f"{folder}/model.zip", version=0).is_file()
    assert client.end("loans-b")["ended"] is not None
    (waiting,) = client.jobs(states=("waiting",))
    client.cancel(waiting["id"])


def _monitors(client: Client) -> None:
    other = Monitor.model_validate({**LOANS, "name": "cards"})
    client.put_monitor(other)
    assert client.monitor("cards") == other
    assert client.monitors() == ["cards", "loans"]
    client.remove_monitor("cards")
    assert client.monitors() == ["loans"]


def _alerts(client: Client, store: Any) -> None:
    alert = store.raise_alert("loans", "bias", "DPPL sex=f", "Women are granted less.", datetime.now(UTC))
    client.acknowledge(alert.id)
    assert [each["id"] for each in client.alerts("loans", states=("acknowledged",))] == [alert.id]
    client.snooze(alert.id, datetime.now(UTC) + timedelta(days=1))
    assert client.alerts(states=("open", "acknowledged")) == []


def _reports(client: Client) -> None:
    report = eh.run(eh.Audit(label="y", facets=("s",), positive=(1,)), {"y": [0, 1] * 50, "s": ["a", "b"] * 50})
    first, second = (client.put_report("p", "n", report) for _ in range(2))
    assert client.report(first) == report
    assert [each["number"] for each in client.reports("p")] == [second, first]
    assert client.compare(first, second)["same_data"] is True
    client.put_baseline("loans", report)
    assert client.monitor("loans").baseline.endswith("report.json")


Said = tuple[int, dict[str, str], Any]


@contextmanager
def scripted(*answers: Said | None) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers in turn; None hangs up without one, after reading the request."""
    left, asked = deque(answers), list[str]()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            asked.append(f"{self.command} {self.path}")
            said = left.popleft()
            if said is None:
                self.close_connection = True
                return
            status, headers, value = said
            body = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            for name, text in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do  # noqa: N815

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


BUSY: Said = (429, {"Retry-After": "0"}, {"detail": "Too many requests; wait and try again."})
AWAY: Said = (502, {}, b"<html>Bad gateway</html>")


@pytest.mark.parametrize("first", [BUSY, AWAY, None, (503, {}, {"detail": "Not now."})])
def test_what_is_safe_to_repeat_is_tried_again(first: Said | None) -> None:
    taken: Said = (200, {}, {"accepted": 1, "duplicates": 0})
    with scripted(first, first, taken) as (address, asked), Client(address, key="evenhand_k") as client:
        assert client.capture("loans", {"id": "a"})["accepted"] == 1
    assert asked == ["POST /api/monitors/loans/predictions"] * 3


@pytest.mark.parametrize("first", [AWAY, None])
def test_what_would_be_done_twice_is_not_tried_again(first: Said | None) -> None:
    with scripted(first, (201, {}, {})) as (address, asked), Client(address, key="evenhand_k") as client:
        with pytest.raises((Refusal, DataError), match=r"502 Bad Gateway|does not answer"):
            client.make_key("scorer", ("submit",))
        assert len(asked) == 1
    made: Said = (201, {}, {"key": {"id": 3}, "text": "evenhand_t"})
    with scripted(BUSY, made) as (address, asked), Client(address, key="evenhand_k") as client:
        assert client.make_key("scorer", ("submit",)) == (3, "evenhand_t")


def test_it_gives_up_and_says_why() -> None:
    with scripted(BUSY, BUSY) as (address, asked), Client(address, key="evenhand_k", retries=1) as client:
        with pytest.raises(Refusal, match=r"^Too many requests; wait and try again\.$") as refused:
            client.monitors()
        assert (refused.value.status, len(asked)) == (429, 2)
    with scripted((404, {}, {"detail": "No monitor 'x'."})) as (address, asked), Client(address, key="k") as client:
        with pytest.raises(Refusal, match="No monitor 'x'") as refused:
            client.monitor("x")
        assert (refused.value.status, len(asked)) == (404, 1)
    with (
        scripted((200, {}, b"<html>")) as (address, _),
        Client(address, key="k") as client,
        pytest.raises(DataError, match="is no server of evenhand; check the address"),
    ):
        client.monitors()


def test_a_key_is_sent_to_nobody_else() -> None:
    with scripted((200, {}, [])) as (elsewhere, asked):
        moved: Said = (307, {"Location": f"{elsewhere}/api/monitors"}, b"")
        with (
            scripted(moved) as (address, _),
            Client(address, key="evenhand_k") as client,
            pytest.raises(Refusal, match="The server answered 307 Temporary Redirect, and no more"),
        ):
            client.monitors()
        assert asked == []


def test_a_store_that_is_away_is_no_error() -> None:
    with scripted(*[(503, {}, {"detail": "The store does not answer."})] * 2) as (address, _):
        assert Client(address, key="k", retries=1).ready() is False


def test_addresses_and_keys_are_checked() -> None:
    with pytest.raises(SpecError, match=r"'localhost:8787' is no address of a server; write it as http://127"):
        Client("localhost:8787", key="evenhand_k")
    with pytest.raises(SpecError, match="holds signs that no key has; copy it again"):
        Client(key="evenhand_k\n")

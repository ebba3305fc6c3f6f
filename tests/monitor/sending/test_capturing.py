"""Middleware and decorator hand over what was asked and answered, and change nothing about either."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from evenhand.monitor.sending import Bounds, Capturing, Counts, Sender, captured
from tests.monitor.sending.receiving import Receiver, receiving

QUICK = Bounds(seconds=0.02, timeout=2.0)


async def scored(request: Request) -> Response:
    given = await request.json()
    many = given if isinstance(given, list) else [given]
    answers = [{"score": row["age"] / 100} for row in many]
    return JSONResponse(answers if isinstance(given, list) else answers[0])


async def plain(request: Request) -> Response:
    return JSONResponse(0.5 if isinstance(await request.json(), dict) else "no")


async def streamed(request: Request) -> Response:
    body = await request.body()

    async def parts() -> Any:
        for part in (b'{"sc', b'ore": ', b"0.25}"):
            yield part

    return StreamingResponse(parts(), media_type="application/json", headers={"x-size": str(len(body))})


async def failing(_: Request) -> Response:
    raise RuntimeError("the model broke")


async def unknown(_: Request) -> Response:
    return JSONResponse({"detail": "no"}, status_code=404)


APP = Starlette(
    routes=[
        Route("/score", scored, methods=["POST", "GET"]),
        Route("/plain", plain, methods=["POST"]),
        Route("/stream", streamed, methods=["POST"]),
        Route("/fail", failing, methods=["POST"]),
        Route("/unknown", unknown, methods=["POST"]),
    ]
)


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def sender(server: Receiver) -> Iterator[Sender]:
    made = Sender(server.url, "key", "loans", bounds=QUICK)
    yield made
    made.close()


def post(app: Any, path: str, content: bytes) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            return await client.post(path, content=content)

    return asyncio.run(ask())


def test_one_and_many_are_captured(server: Receiver, sender: Sender) -> None:
    app = Capturing(APP, sender, paths=["/score"])
    assert post(app, "/score", b'{"id": "a", "age": 40}').json() == {"score": 0.4}
    assert post(app, "/score", b'[{"id": "b", "age": 20}, {"age": 30}]').json() == [{"score": 0.2}, {"score": 0.3}]
    assert post(app, "/plain", b'{"id": "not wanted"}').json() == 0.5
    assert sender.close() == Counts(given=3, delivered=3)
    assert sorted((taken["age"], taken["score"]) for taken in server.predictions.values()) == [
        (20, 0.2),
        (30, 0.3),
        (40, 0.4),
    ]
    assert {"a", "b"} < set(server.predictions)
    assert all("time" in taken for taken in server.predictions.values())


def test_answers_that_are_values_become_a_column(server: Receiver, sender: Sender) -> None:
    post(Capturing(APP, sender), "/plain", b'{"id": "a", "age": 40}')
    sender.close()
    assert server.predictions["a"]["prediction"] == 0.5


def test_streams_pass_through_as_they_are(server: Receiver, sender: Sender) -> None:
    found = post(Capturing(APP, sender), "/stream", b'{"id": "a"}')
    assert (found.content, found.headers["x-size"]) == (b'{"score": 0.25}', "11")
    sender.close()
    assert server.predictions["a"]["score"] == 0.25


def test_failures_of_the_service_stay_its_own(sender: Sender) -> None:
    app = Capturing(APP, sender)
    with pytest.raises(RuntimeError, match="the model broke"):
        post(app, "/fail", b'{"id": "a"}')
    assert post(app, "/unknown", b'{"id": "a"}').status_code == 404
    assert sender.close() == Counts()


@pytest.mark.parametrize("body", [b"no json", b"[1, 2]", b"\xff\xfe", b"{}" * 2, b"[" * 100_000])
def test_bodies_that_are_no_records_are_counted_and_served(sender: Sender, body: bytes) -> None:
    app = Capturing(APP, sender)
    assert post(app, "/stream", body).status_code == 200
    assert sender.close() == Counts(given=1, unreadable=1)


def test_bodies_beyond_the_limit_are_served_and_counted(sender: Sender) -> None:
    app = Capturing(APP, sender, most_bytes=1_000)
    body = json.dumps({"age": 40, "text": "x" * 2_000}).encode()
    assert post(app, "/score", body).json() == {"score": 0.4}
    assert sender.close() == Counts(given=1, unreadable=1)


def test_a_record_of_ones_own(server: Receiver, sender: Sender) -> None:
    def record(asked: bytes, answered: bytes) -> dict[str, Any]:
        return {"id": "own", "age": json.loads(asked)["age"], "granted": json.loads(answered)["score"] >= 0.4}

    post(Capturing(APP, sender, record=record), "/score", b'{"age": 40, "name": "Ada"}')
    post(Capturing(APP, sender, record=lambda *_: 1 / 0), "/score", b'{"age": 40}')  # type: ignore[arg-type]
    assert sender.close() == Counts(given=2, delivered=1, unreadable=1)
    taken = server.predictions["own"]
    assert (taken["age"], taken["granted"], "name" in taken) == (40, True, False)


def test_other_scopes_pass() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    given = ({"type": "lifespan"}, object(), object())
    asyncio.run(Capturing(app, Sender("http://127.0.0.1:1", "key", "loans"))(*given))  # type: ignore[arg-type]
    assert seen == [given]


def test_a_server_that_hangs_slows_no_request(server: Receiver) -> None:
    server.seconds = 3.0
    sender = Sender(server.url, "key", "loans", bounds=QUICK)
    app = Capturing(APP, sender)

    async def ask(app: Any) -> float:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            await client.post("/score", content=b'{"age": 40}')
            started = time.perf_counter()
            for _ in range(200):
                await client.post("/score", content=b'{"age": 40}')
            return (time.perf_counter() - started) / 200

    bare = min(asyncio.run(ask(APP)) for _ in range(3))
    assert min(asyncio.run(ask(app)) for _ in range(3)) < 1.5 * bare + 2e-3
    sender.close(timeout=0.1)


def test_functions_are_captured_and_stay_themselves(server: Receiver, sender: Sender) -> None:
    @captured(sender)
    def predict(row: dict[str, Any]) -> dict[str, float]:
        """Predict."""
        return {"score": row["age"] / 100}

    @captured(sender, lambda answer, row, *, model: {**row, "granted": answer, "model": model})
    async def decide(row: dict[str, Any], *, model: str) -> bool:
        return bool(row["age"] >= len(model) * 20)

    @captured(
        sender, lambda answers, rows: [{**row, "score": answer} for row, answer in zip(rows, answers, strict=True)]
    )
    def many(rows: list[dict[str, Any]]) -> list[float]:
        return [0.5 for _ in rows]

    row = {"id": "a", "age": 40}
    assert predict(row) == {"score": 0.4}
    row["age"] = 0  # what the service does later is not what was predicted
    assert predict.__doc__ == "Predict."
    assert asyncio.run(decide({"id": "b", "age": 20}, model="v2")) is False
    assert many([{"id": "c"}, {"id": "d"}]) == [0.5, 0.5]
    assert sender.close() == Counts(given=4, delivered=4)
    assert server.predictions["a"]["age"] == 40
    assert (server.predictions["b"]["granted"], server.predictions["b"]["model"]) == (False, "v2")


def test_a_record_that_fails_is_counted_and_the_answer_returned(sender: Sender) -> None:
    @captured(sender)
    def predict(row: Any) -> float:
        return float(row) / 14

    assert predict(7) == 0.5

    @captured(sender)
    def broken(row: Any) -> float:
        raise KeyError(row)

    with pytest.raises(KeyError):
        broken("age")
    assert sender.close() == Counts(given=1, unreadable=1)

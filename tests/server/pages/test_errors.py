"""Errors as pages: plain words for people, and the answers of the API for programs."""

import logging
from collections.abc import Iterator
from typing import cast

import httpx
import pytest
from fastapi import FastAPI

from evenhand.core.store import Store
from evenhand.server.pages import errors, router
from evenhand.server.problems import Refused
from tests.server.pages.memory import Sessions
from tests.server.pages.months import a_month
from tests.server.pages.serving import listening

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Broken(Sessions):
    """A way in that is broken, as told."""

    reason: Exception | None = None

    def sign_in(self, request: object, response: object, key: str) -> bool:  # noqa: ARG002
        assert self.reason is not None
        raise self.reason


@pytest.fixture
def sessions() -> Broken:
    return Broken(a_month())


@pytest.fixture
def client(sessions: Broken) -> Iterator[httpx.Client]:
    app = FastAPI(openapi_url=None)

    @app.post("/api/only-sent")
    def only_sent() -> None:
        return None

    app.include_router(router(cast(Store, sessions.memory), sessions))
    cookies = {"session": sessions.begin("ann", "read")}
    with listening(app) as address, httpx.Client(base_url=address, headers=BROWSER, cookies=cookies) as opened:
        yield opened


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/nowhere", 404, "There is no page at /nowhere."),
        ("/monitors", 404, "There is no page at /monitors."),
        ("/%3Cscript%3Ealert(1)%3C/script%3E", 404, "&lt;script&gt;"),
        ("/settings", 403, "This needs the scope"),
        ("/reports/x", 400, "That makes no sense here"),
    ],
)
def test_people_get_pages_with_a_way_on(client: httpx.Client, path: str, status: int, said: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert said in answer.text and 'href="/">To the overview</a>' in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("path", ["/api/nowhere", "/nowhere", "/api/only-sent"])
def test_programs_get_no_pages(client: httpx.Client, path: str) -> None:
    answer = client.get(path, headers={"accept": "application/json"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.status_code == (405 if path == "/api/only-sent" else 404)
    assert client.get("/api/nowhere").headers["content-type"] == "application/json"


def signed_in(client: httpx.Client) -> httpx.Response:
    client.cookies.clear()
    client.get("/sign-in")
    return client.post("/sign-in", data={"token": client.cookies["door"], "key": "x"})


def test_what_is_refused_below_is_a_page_that_says_when_to_come_back(client: httpx.Client, sessions: Broken) -> None:
    sessions.reason = Refused(429, "Too many wrong keys; wait.", {"Retry-After": "60"})
    answer = signed_in(client)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"
    assert "Too many wrong keys; wait." in answer.text


def test_what_breaks_is_logged_and_shows_no_insides(
    client: httpx.Client, sessions: Broken, caplog: pytest.LogCaptureFixture
) -> None:
    sessions.reason = RuntimeError("insides at /etc/secret")
    with caplog.at_level(logging.ERROR):
        answer = signed_in(client)
    text = answer.text
    assert answer.status_code == 500
    assert "Something broke here" in text and "insides" not in text
    assert "insides at /etc/secret" in caplog.text


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 414, 429, 500])
def test_every_status_has_words_and_a_way_on(status: int) -> None:
    text = bytes(errors.sorry(status, "It is larger than 1,000 bytes.").body).decode()
    assert "It is larger than 1,000 bytes." in text
    assert ('href="/sign-in">Sign in</a>' in text) == (status == 401)
    assert f'<h1 dir="auto">{status}' not in text

"""Pages over a year of a real store: each is made in little time, and is light enough for a phone on a train."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from evenhand.server.pages import router
from tests.server.pages.a_year import ALERTS, COMPARISONS, MONITORS, a_year
from tests.server.pages.memory import Memory, Sessions
from tests.server.pages.serving import listening

pytestmark = pytest.mark.slow
WINDOW = "start=2026-11-19T00:00:00%2B00:00&end=2026-11-20T00:00:00%2B00:00"
MOST_SECONDS, MOST_BYTES = 0.6, 200_000  # three times what is promised: machines that test are busy
PAGES = {
    "overview": "/",
    "monitor": "/monitors/loans00",
    "monitor, next lines": "/monitors/loans00?past=12",
    "monitor, a quarter": "/monitors/loans00?windows=90",
    "window": f"/monitors/loans00/window?{WINDOW}",
    "reports": "/reports",
    "history": "/reports/1/history",
    "comparison": "/reports/compare?earlier=1&later=2",
    "alerts": "/alerts",
    "alerts, the last": "/alerts?skip=400",
    "jobs": "/jobs",
    "settings": "/settings",
    "log": "/log",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: Any) -> Iterator[httpx.Client]:
    folder: Path = tmp_path_factory.mktemp("year")
    store, sessions, app = a_year(folder), Sessions(Memory()), FastAPI(openapi_url=None)
    app.include_router(router(store, sessions))
    cookies = {"session": sessions.begin("ann", "admin")}
    with listening(app) as address, httpx.Client(base_url=address, cookies=cookies, timeout=60) as opened:
        yield opened


def seconds(client: httpx.Client, path: str) -> float:
    """The processor time of a page, the best of three."""
    found = []
    for _ in range(3):
        began = time.process_time()
        assert client.get(path).status_code == 200
        found.append(time.process_time() - began)
    return min(found)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_made_soon_and_is_light(client: httpx.Client, name: str) -> None:
    taken, size = seconds(client, PAGES[name]), len(client.get(PAGES[name]).content)
    print(f"{name}: {taken * 1000:.0f} ms, {size / 1000:.0f} kB")  # noqa: T201 - for who measures
    assert (taken < MOST_SECONDS, size < MOST_BYTES) == (True, True), (taken, size)


def test_a_whole_year_of_windows_is_light_too(client: httpx.Client) -> None:
    path = "/monitors/loans00?windows=365"
    assert len(client.get(path).content) < MOST_BYTES
    # Reading 365 outcomes of sixty comparisons takes most of it.
    assert seconds(client, path) < 5 * MOST_SECONDS


def test_nothing_is_left_out(client: httpx.Client) -> None:
    """Light pages say what they do not show, and lead to it."""
    assert client.get("/").text.count('<div class="card">') == MONITORS
    assert f"of {COMPARISONS}, what drifted latest first" in client.get("/monitors/loans00").text
    numbers = [
        int(part.split('"')[0])
        for skip in range(0, ALERTS, 100)
        for part in client.get(f"/alerts?skip={skip}").text.split('id="alert-')[1:]
    ]
    assert sorted(numbers) == list(range(1, ALERTS + 1))
    assert f"The next 100 of {ALERTS} alerts" in client.get("/alerts").text
    assert "The next" not in client.get("/alerts?skip=400").text

"""Hostile names: kept exactly, shown with what hides spelled out, and never a path, a header or markup."""

import json
import re
import socket
from urllib.parse import urlsplit

import pytest

from evenhand.core.monitor import Monitor
from evenhand.monitor.running import run_window
from evenhand.monitor.schedule import window_of
from tests.server.conftest import LOANS, House, Served, records
from tests.server.hostile.sending import JSON, NASTY, TO, line_of, session


def test_names_of_every_kind_are_kept_exactly(house: House) -> None:
    rows = [{**record, name: name} for record in records(0, 3) for name in NASTY[:-1]]
    for number, row in enumerate(rows):
        row["id"] = f"{number} {NASTY[number % 6]}"
    answer = house.ask("POST", TO, key="submit", json=rows)
    assert (answer.status_code, answer.json()["accepted"]) == (200, len(rows))
    key = house.ask("POST", "/api/keys", key="admin", json={"name": NASTY[0] + NASTY[1], "scopes": ["read"]}).json()
    page = house.ask("GET", "/settings", headers=session(house))
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "\u202e" not in page.text
    assert key["key"]["name"] == NASTY[0] + NASTY[1]


@pytest.mark.parametrize(
    "name",
    ["..", "%2e%2e", "..%2f..%2fetc", "%2fetc%2fpasswd", "a%00b", "loans%2f..", "-x", "x" * 65, "l\u00f6ans", "%ff"],
)
def test_names_that_are_paths_reach_nothing(house: House, name: str) -> None:
    for path in (f"/api/monitors/{name}/predictions", f"/api/monitors/{name}/truth"):
        assert house.ask("POST", path, key="submit", json=records(0, 1)).status_code in (404, 405, 422)
    assert house.ask("PUT", f"/api/monitors/{name}", key="admin", json={**LOANS, "name": name}).status_code in (
        404,
        405,
        422,
    )
    assert {place.name for place in house.home.iterdir()} <= {".secret", "loans"}


@pytest.mark.parametrize("number", ["0", "-1", "1e3", "99999999999999999999", "x", "1%00", "%2e%2e"])
def test_numbers_that_are_none_are_refused(house: House, number: str) -> None:
    for place in ("reports", "jobs"):
        assert house.ask("GET", f"/api/{place}/{number}", key="read").status_code in (404, 422)


@pytest.mark.parametrize("name", ["", "a%00b", "a%0ab", "x" * 201])
def test_texts_are_one_line(house: House, name: str) -> None:
    answer = house.ask("POST", f"/api/reports?project={name}&name=b", key="submit", content=b"{}", headers=JSON)
    assert answer.status_code == 422
    line_of(answer)


TARGETS = [
    "/../../../etc/passwd", "//etc/passwd", "//proc/self/root/etc/passwd", "/static/../../../../../etc/passwd",
    "/static/..%2f..%2f..%2f..%2fetc%2fpasswd", "/static/%2e%2e/%2e%2e/etc/passwd", "/static//etc/passwd",
    "/static/..\\..\\etc\\passwd", "/%2e%2e/%2e%2e/etc/passwd", "/#/../../etc/passwd", "/static/a%00.css",
    "/reports/../../etc/passwd", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "/api//keys",
    "/api/monitors/loans/../../keys", "/metrics/../api/keys", "/reports/1%0d%0aX-Injected:%201",
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_no_target_leads_out(served: Served, target: str) -> None:
    """As bytes on a socket, because clients tidy such paths up before they send them."""
    place = urlsplit(served.address)
    with socket.create_connection((place.hostname, place.port), timeout=10) as made:
        made.sendall(f"GET {target} HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: made.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(head.split()[1]) in (303, 400, 401, 404, 422), head
    assert b"root:" not in body
    assert b"X-Injected" not in head


def test_categories_of_every_kind_go_through_to_the_pages(house: House) -> None:
    """Captured, counted, reported and shown: nothing of it is markup, and nothing hides, on any page or in any file."""
    house.store.put_monitor(Monitor.model_validate({**LOANS, "baseline": "first 1"}))
    names = [name for name in NASTY[:-1] for _ in range(40)]
    for day in ("2026-11-19", "2026-11-20"):
        rows = [
            {"id": f"{day} {n}", "time": f"{day}T13:00:00Z", "sex": name, "granted": ("yes", "no")[n % 2], name: n}
            for n, name in enumerate(names)
        ]
        assert house.ask("POST", TO, key="submit", json=rows).status_code == 200
        monitor = house.store.monitor("loans")
        outcome = run_window(monitor, window_of(day, monitor.windows), house.store, house.home)
    assert outcome.report is not None
    number = house.store.put_report(NASTY[0], NASTY[1], outcome.report)
    ends = f"start={outcome.start}&end={outcome.end}".replace("+", "%2B")
    for path in ("/", "/monitors/loans", f"/monitors/loans/window?{ends}", f"/monitors/loans/window/report?{ends}",
                 "/reports", f"/reports/{number}", "/alerts", "/jobs", "/log", "/metrics"):  # fmt: skip
        page = house.ask("GET", path, headers=session(house))
        assert page.status_code == 200, path
        if path == "/metrics":
            assert page.headers["content-type"].startswith("text/plain"), path
            assert page.headers["x-content-type-options"] == "nosniff", path
        else:
            assert "<script>alert" not in page.text, path
        # What programs read of a report is within it, exactly.
        shown = re.sub(r'<script[^>]* type="application/json"[^>]*>[^<]*</script>', "", page.text)
        assert not {"\u202e", "\u200b"} & set(shown), path
        assert "default-src 'none'" in page.headers["content-security-policy"], path
    kept = house.ask("GET", f"/api/reports/{number}", key="read").json()
    assert {NASTY[0], NASTY[1], NASTY[2], NASTY[4]} <= {value for group in groups(kept) for value in group}


def groups(report: dict[str, object]) -> list[list[str]]:
    """The names of groups in a report, byte for byte."""
    text = json.dumps(report, ensure_ascii=False)
    return [[name for name in NASTY if json.dumps(name, ensure_ascii=False)[1:-1] in text]]

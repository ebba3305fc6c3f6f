"""Requests that a browser of ours would not send: forged forms, other origins, scopes, places, strange values."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.core.monitor import Alert
from evenhand.server.pages import signs
from evenhand.server.pages.shell import POLICY
from evenhand.server.pages.visitors import Scope, local
from tests.server.pages.looking import PAGES
from tests.server.pages.months import a_month
from tests.server.pages.serving import Served, serving

FORMS = {
    "/alerts/4/acknowledge": {},
    "/alerts/4/snooze": {"length": "1d"},
    "/jobs/3/cancel": {},
    "/settings/keys": {"name": "evil", "scopes": "admin"},
    "/settings/keys/1/revoke": {},
    "/settings/keep/loans": {"keep": "1d"},
    "/sign-out": {},
}


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(a_month()) as running:
        yield running


def client(served: Served, *scopes: Scope) -> tuple[httpx.Client, str]:
    """Somebody signed in, and the token of their forms."""
    session = served.sessions.begin("ann", *scopes)
    opened = served.opened.enter_context(httpx.Client(base_url=served.address, cookies={"session": session}))
    return opened, served.sessions.open[session].token


def state(served: Served) -> str:
    memory = served.memory
    return repr((memory.raised, memory.work, memory.ring, memory.watched, memory.notes, sorted(served.sessions.open)))


@pytest.mark.parametrize("path", sorted(FORMS))
def test_a_forged_form_changes_nothing(served: Served, path: str) -> None:
    ann, token = client(served, "admin")
    _, other = client(served, "admin")
    before = state(served)
    forged = [({}, ""), ({}, other), ({"origin": "https://evil.example"}, token), ({"origin": "null"}, token)]
    for headers, sent in forged:
        answer = ann.post(path, data={**FORMS[path], "token": sent}, headers=headers)
        assert answer.status_code == 403
        assert "was not sent from one of our pages" in answer.text
    assert state(served) == before
    assert ann.post(path, data={**FORMS[path], "token": token}).status_code in (200, 303)
    assert state(served) != before


@pytest.mark.parametrize("path", sorted(set(FORMS) - {"/sign-out"}))
def test_who_may_only_read_changes_nothing(served: Served, path: str) -> None:
    ann, token = client(served, "read")
    before = state(served)
    answer = ann.post(path, data={**FORMS[path], "token": token})
    assert (answer.status_code, state(served)) == (403, before)
    assert "This needs the scope" in answer.text


@pytest.mark.parametrize("path", sorted(set(PAGES.values()) - {"/sign-in"}))
def test_strangers_see_the_way_in_alone(served: Served, path: str) -> None:
    answer = httpx.get(served.address + path)
    assert answer.status_code == 303
    assert urlsplit(answer.headers["location"]).path == "/sign-in"
    assert httpx.get(served.address + path, headers={"HX-Request": "true"}).status_code == 401


@pytest.mark.parametrize("path", ["/settings", "/log"])
def test_settings_and_log_are_for_administrators(served: Served, path: str) -> None:
    ann, _ = client(served, "read", "submit")
    assert ann.get(path).status_code == 403


@pytest.mark.parametrize("path", sorted({*PAGES.values(), "/jobs/table", "/static/htmx.js", "/static/evenhand.css"}))
def test_every_answer_carries_the_policy(served: Served, path: str) -> None:
    ann, _ = client(served, "admin")
    headers = ann.get(path).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/monitors/nothing", 404, "There is no monitor"),
        ("/monitors/loans/window?start=x&end=y", 400, "is no time; write 2026-11-20"),
        ("/monitors/loans/window?start=2020-01-01&end=2020-01-02", 404, "has no outcome of a window"),
        ("/monitors/loans/window", 400, "start: Field required"),
        ("/monitors/loans?kind=evil", 400, "kind: Input should be"),
        ("/monitors/loans?windows=99999999999999999999", 200, "loans"),
        ("/monitors/%3Cscript%3E", 404, "There is no monitor"),
        ("/reports/99", 404, "There is no report 99"),
        ("/reports/x", 400, "number: Input should be a valid integer"),
        ("/reports/99999999999999999999999/history", 404, "There is no report"),
        ("/static/..%2fNOTICE", 404, ""),
        ("/static/NOTICE", 404, "There is no file"),
    ],
)
def test_what_makes_no_sense_is_said(served: Served, path: str, status: int, said: str) -> None:
    ann, _ = client(served, "admin")
    answer = ann.get(path)
    assert answer.status_code == status
    assert said in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        ("/alerts/4/snooze", {"length": "yes"}, "is no length of time; write 90m, 1h, 7d or 2w."),
        ("/settings/keys", {"name": "", "scopes": "read"}, "A key needs a name of 1 to 100 characters"),
        ("/settings/keys", {"name": "a"}, "A key needs at least one scope of read, submit, admin"),
        ("/settings/keys", {"name": "a", "scopes": "root"}, "A key needs at least one scope of read, submit, admin"),
        ("/settings/keep/loans", {"keep": "long"}, "is no length of time; write 90m, 1h, 7d or 2w."),
    ],
)
def test_forms_that_make_no_sense_change_nothing(served: Served, path: str, fields: dict[str, str], said: str) -> None:
    ann, token = client(served, "admin")
    before = state(served)
    answer = ann.post(path, data={**fields, "token": token})
    assert (answer.status_code, state(served)) == (400, before)
    assert said in answer.text


def test_files_with_their_digest_are_kept_by_browsers(served: Served) -> None:
    ann, _ = client(served, "read")
    page = ann.get("/").text
    named = [part.split('"')[0] for part in page.split('"/static/')[1:]]
    assert sorted(each.split("?")[0] for each in named) == ["evenhand.css", "htmx.js"]
    for each in named:
        assert "immutable" in ann.get(f"/static/{each}").headers["cache-control"]
        assert ann.get(f"/static/{each.split('?')[0]}?v=old").headers["cache-control"] == "no-cache"


@given(st.text() | st.text("/\\.:?#@ evil%\t\n"))
def test_after_signing_in_one_never_leaves_the_server(place: str) -> None:
    found = local(place)
    assert found.startswith("/") and not found.startswith(("//", "/\\"))
    assert urlsplit(f"http://here{found}").netloc == "here"
    assert found in ("/", place)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://hooks.example.org/services/T0/secret?k=1", "https://hooks.example.org/…"),
        ("https://user:secret@example.org/x", "https://example.org/…"),
        ("http://[broken", "a URL that cannot be read"),
        ("env:EVENHAND_HOOK", "env:EVENHAND_HOOK"),
        ("team@example.org", "team@example.org"),
        ("", "–"),
    ],
)
def test_addresses_are_shown_without_what_could_be_secret(address: str, shown: str) -> None:
    assert signs.address(Alert(to="webhook", address=address)) == shown

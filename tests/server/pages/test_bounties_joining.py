"""Joining from a browser: strangers with an invitation get a key and a session, sessions with a key enter with it."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.bounty.opened import INVITATION
from tests.renderers.chromium import chromium
from tests.server.pages.looking import axe
from tests.server.pages.test_bounties import Place, placed, token, words


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with placed(tmp_path_factory.mktemp("joining"), title="Who is wronged?") as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def faults(page: Page) -> Any:
    page.evaluate(axe())
    return page.evaluate("axe.run().then(result => result.violations.map(each => each.id))")


def joining(client: httpx.Client, place: Place, **form: str) -> httpx.Response:
    seal = token(client.get("/bounties/loans/join").text)
    return client.post("/bounties/loans/join", data={"token": seal, **form}, headers={"origin": place.address})


def test_a_stranger_with_the_invitation_joins_and_hands_in_from_there(place: Place, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 900, "height": 900})
    try:
        page = context.new_page()
        page.goto(place.address + "/bounties/loans/join")
        assert page.locator("h1").inner_text() == "Join Who is wronged?"
        assert "region" not in page.content(), "strangers see nothing of the rules"
        assert faults(page) == []
        page.get_by_label("Team").fill("Early birds")
        assert not page.evaluate("document.querySelector('form').checkValidity()")
        page.get_by_label("Team").fill("Early-birds")
        page.get_by_label("Invitation").fill(INVITATION)
        page.get_by_role("button", name="Join").click()
        page.locator("h1", has_text="Early-birds is in Who is wronged?").wait_for()
        key = page.get_by_label("The new key").input_value()
        assert faults(page) == []
        page.get_by_role("link", name="To the bounty").click()
        page.get_by_role("heading", name="Hand in from here, as Early-birds").wait_for()
        page.goto(place.address + "/")
        page.locator("h1", has_text="Bounties").wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.locator("h1", has_text="Sign in").wait_for()
    finally:
        context.close()
    with httpx.Client(base_url=place.address, headers={"X-API-Key": key}) as client:
        assert client.get("/api/bounties/loans/submissions").json() == []


def test_a_wrong_invitation_a_taken_name_and_no_name_are_said_on_the_form(place: Place) -> None:
    with httpx.Client(base_url=place.address, timeout=60) as client:
        wrong = joining(client, place, team="X", invitation="guess")
        assert wrong.status_code == 403 and "▲ This is not the invitation of the bounty" in words(wrong.text)
        none = joining(client, place, team="X")
        assert none.status_code == 401 and "or the invitation of the bounty" in words(none.text)
        assert 'value="X"' in none.text
        taken = joining(client, place, team="a", invitation=INVITATION)
        assert taken.status_code == 409 and "The team &#39;A&#39; is in" in taken.text
        named = joining(client, place, team="<b>", invitation=INVITATION)
        assert named.status_code == 422 and "&lt;b&gt;" in named.text
        assert "A team's name has up to 64 letters" in words(named.text).replace("&#39;", "'")
        # Neither a form of another site nor one that is too old.
        form = {"team": "X", "invitation": INVITATION, "token": "x"}
        assert client.post("/bounties/loans/join", data=form).status_code == 403
        assert client.get("/bounties/none/join").status_code == 404
    assert "X" not in [team.name for team in place.hunt.house.store.teams("loans")]


def test_a_session_with_a_key_that_may_hunt_enters_with_it(place: Place) -> None:
    with place.client("submit") as client:
        page = client.get("/bounties/loans/join").text
        assert "Invitation" not in page
        entered = joining(client, place, team="Submitters")
        assert (entered.status_code, entered.headers["location"]) == (303, "/bounties/loans#mine")
        assert "Hand in from here, as Submitters" in words(client.get("/bounties/loans").text)
    with place.client("read") as client:
        assert "join as a team" in words(client.get("/bounties/loans").text)
        made = joining(client, place, team="Readers", invitation=INVITATION)
        assert made.status_code == 200 and "This browser is signed in with it" not in made.text
        assert re.search(r'id="made" class="secret" readonly value="([^"]{20,})"', made.text)

"""Pages of bounties behind a real server, over a real store, in a real browser: the answer, live, and who sees what."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from evenhand.bounty.contest.facts import Contest, Left, Moment
from evenhand.bounty.judging.running import folder_of
from evenhand.core.bounty import Bounty, Submission, Verdict
from evenhand.core.loss import Loss
from evenhand.renderers.heat_map import Cell, heat_map
from evenhand.renderers.steps import Stair, Step, steps
from evenhand.server.pages.bounties_words import answer, apart, plain_rules, remains
from evenhand.server.pages.shell import POLICY
from tests.bounty.opened import WRONGED, answers
from tests.renderers.chromium import Visit, chromium
from tests.renderers.test_browser import OPEN_ALL, PALE, SPILLED
from tests.server.hunters import Hunt, hunting
from tests.server.pages.looking import DARK, LIGHT, PHONE, PLAIN, Look, axe
from tests.server.pages.serving import listening
from tests.server.pages.test_looks import SILENT, heard

EVIL = "<script>window.evil=1</script><img src=x onerror=alert(1)>\"'&"


@dataclass
class Place:
    """A server that listens, and the bounty behind it."""

    address: str
    hunt: Hunt

    def key(self, who: str) -> str:
        return self.hunt.teams.get(who) or self.hunt.house.keys[who]

    @contextmanager
    def client(self, who: str) -> Iterator[httpx.Client]:
        """A browser without script that is signed in with a key."""
        with httpx.Client(base_url=self.address, follow_redirects=False, timeout=60) as opened:
            form = {"token": token(opened.get("/sign-in").text), "key": self.key(who), "next": "/bounties"}
            assert opened.post("/sign-in", data=form, headers={"origin": self.address}).status_code == 303
            yield opened

    def page(self, who: str, path: str = "/bounties/loans") -> str:
        with self.client(who) as opened:
            found = opened.get(path)
        assert found.status_code == 200, found.text
        return found.text


def token(text: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', text)
    assert found is not None
    return found[1]


def elsewhere(work: Callable[..., Any], *given: Any) -> Any:
    """Do something in a thread of its own: in that of a browser of tests an event loop runs already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work, *given).result()


@contextmanager
def placed(folder: Path, **rules: Any) -> Iterator[Place]:
    settled = {"facets": ("region", "age@30,50"), **rules}
    with ExitStack() as opened:
        hunt = elsewhere(opened.enter_context, hunting(folder, **settled))
        address = opened.enter_context(listening(hunt.house.app))
        yield Place(address, hunt)
        hunt.house.app.state.services.bounties.close()


def hunted(hunt: Hunt) -> None:
    """One find of A, one refusal each, and one submission that waits."""
    hunt.hand_in(team="A")
    hunt.hand_in("age<40", team="B", content=answers(hunt.house.home, better=False))
    hunt.hand_in("age<19 & code=x & region=west", team="A")
    hunt.judge()
    hunt.hand_in("age<50", team="B", content=answers(hunt.house.home, better=False, seed=2))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with placed(tmp_path_factory.mktemp("bounty"), title=f"Loans {EVIL}", about=f"First line {EVIL}\nsecond") as found:
        elsewhere(hunted, found.hunt)
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@contextmanager
def looking(browser: Browser, place: Place, who: str, path: str, look: Look = LIGHT) -> Iterator[Visit]:
    context = browser.new_context(
        viewport={"width": look.width, "height": 900}, color_scheme=look.scheme, java_script_enabled=look.script
    )
    try:
        visit = Visit(context.new_page())
        visit.watch()
        page = visit.page
        page.goto(place.address + "/sign-in?next=/bounties")
        page.get_by_label("API key").fill(place.key(who))
        page.keyboard.press("Enter")
        page.locator("h1", has_text="Bounties").wait_for()
        page.goto(place.address + path)
        yield visit
    finally:
        context.close()


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_the_answer_comes_first(place: Place) -> None:
    text = place.page("read")
    main = text.split("<main")[1]
    said = re.search(r"<h2[^>]*>(.*?)</h2>", main, re.DOTALL)
    assert said is not None
    assert re.fullmatch(
        r"● One group was found for whom the model was wrong more often than need be; its error fell from 0\.\d+ to"
        r" 0\.\d+\.",
        words(said[1]),
    )
    assert "998 of 1,000 submissions and 19 of 20 finds remain. 1 submission waits." in words(main)
    assert "region=north &amp; age&lt;30" in text


def test_who_sees_what(place: Place) -> None:
    team, other, reader, owner = (place.page(who) for who in ("A", "B", "read", "admin"))
    told = "Not proven"
    assert told in other and told in owner
    assert told not in team and told not in reader, "why a submission was refused is its team's and the owner's"
    assert "Your team, " in team and "Your team, " not in reader
    for part in (">The bar", "Rulings", "Rows that differ", "End this bounty", "/api/bounties/loans/export"):
        assert part in owner
        assert all(part not in each for each in (team, other, reader)), part
    assert 'enctype="multipart/form-data"' in team and 'enctype="multipart/form-data"' not in reader
    assert "age&lt;40" not in team + reader, "a group that was not accepted is its team's"
    assert "age&lt;40" in owner


def test_hostile_texts_are_texts(place: Place) -> None:
    for path in ("/bounties", "/bounties/loans", "/bounties/loans/end"):
        text = place.page("admin", path)
        assert "window.evil=1" in text or path.endswith("/end")
        assert "<script>window" not in text and "<img" not in text


def test_a_page_that_is_not_there_is_said(place: Place) -> None:
    with place.client("read") as opened:
        answers_ = {
            path: opened.get(path) for path in ("/bounties/nothing", "/bounties/nothing/live", "/bounties/%3Cb%3E")
        }
        assert {each.status_code for each in answers_.values()} == {404}
        assert opened.get("/bounties/loans/end").status_code == 403
        assert opened.get("/bounties/loans").headers["content-security-policy"] == POLICY
    assert httpx.get(place.address + "/bounties/loans").status_code == 303


def test_hunters_who_may_nothing_else_are_led_to_the_bounties(place: Place) -> None:
    with place.client("A") as opened:
        assert opened.get("/").headers["location"] == "/bounties"
        assert opened.get("/jobs").status_code == 403
    assert 'href="/jobs"' not in place.page("A") and 'href="/bounties"' in place.page("A")


def test_looking_again_costs_nothing_while_nothing_changes(place: Place) -> None:
    text = place.page("read")
    seen = re.search(r"/live\?seen=(\w+)", text)
    assert seen is not None
    with place.client("read") as opened:
        same = opened.get(f"/bounties/loans/live?seen={seen[1]}")
        assert (same.status_code, same.content) == (204, b"")
        other = opened.get("/bounties/loans/live?seen=earlier")
    assert other.status_code == 200 and other.text.lstrip().startswith('<div id="live"') and "<html" not in other.text


@pytest.mark.parametrize(
    ("fields", "file", "status", "said"),
    [
        ({"group": WRONGED}, None, 422, "There is no file"),
        ({"group": ""}, b"x", 422, "There is no group"),
        ({"group": "shoe=4"}, b"x", 422, "shoe"),
        ({"group": WRONGED, "kind": "code"}, b"x", 422, "takes no code"),
        ({"group": WRONGED, "kind": "evil"}, b"x", 422, "kind"),
        ({"group": WRONGED, "token": "forged"}, b"x", 403, "was not sent from one of our pages"),
    ],
)
def test_a_form_that_makes_no_sense_hands_nothing_in(
    place: Place, fields: dict[str, str], file: bytes | None, status: int, said: str
) -> None:
    before = len(place.hunt.house.store.handed_in("loans"))
    with place.client("A") as opened:
        sent = {"token": token(opened.get("/bounties/loans").text), "kind": "predictions", **fields}
        given_ = {"file": ("p.parquet", file)} if file is not None else {"other": ("", b"")}
        answered = opened.post(
            "/bounties/loans/submissions", data=sent, files=given_, headers={"origin": place.address}
        )
    assert (answered.status_code, len(place.hunt.house.store.handed_in("loans"))) == (status, before)
    assert said in answered.text


def test_who_has_no_team_hands_nothing_in(place: Place) -> None:
    for who, status in (("read", 403), ("hunt", 403)):
        with place.client(who) as opened:
            sent = {"token": token(opened.get("/bounties").text), "group": WRONGED, "kind": "predictions"}
            answered = opened.post(
                "/bounties/loans/submissions", data=sent, files={"file": ("p.parquet", b"x")},
                headers={"origin": place.address},
            )  # fmt: skip
        assert answered.status_code == status


@pytest.mark.browser
@pytest.mark.parametrize(
    "look",
    [LIGHT, pytest.param(DARK, marks=pytest.mark.slow), pytest.param(PHONE, marks=pytest.mark.slow)],
    ids=["light", "dark", "phone"],
)
@pytest.mark.parametrize("who", ["admin", "A"])
def test_the_pages_fit_and_stand_out(browser: Browser, place: Place, who: str, look: Look) -> None:
    paths = ["/bounties", "/bounties/loans", *(["/bounties/loans/end"] if who == "admin" else [])]
    for path in paths:
        with looking(browser, place, who, path, look) as visit:
            visit.page.evaluate(OPEN_ALL)
            assert visit.page.evaluate("document.documentElement.scrollWidth") == look.width, path
            assert visit.page.evaluate(SPILLED) == []
            heard(visit.page)
            visit.page.evaluate(axe())
            found = visit.page.evaluate("axe.run().then(result => result.violations)")
            assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []
            visit.page.evaluate(SILENT)
            assert visit.page.evaluate(PALE) == []
            assert (visit.dialogs, visit.stopped, visit.messages) == ([], [], [])
            assert visit.page.evaluate("window.evil === undefined")
            assert all(request.startswith((place.address, "data:")) for request in visit.requests)


def wait_for(page: Page, text: str) -> None:
    page.get_by_text(text).first.wait_for(timeout=20_000)


@pytest.mark.browser
def test_a_contest_is_seen_as_it_goes_on_and_ends(browser: Browser, tmp_path: Path) -> None:
    with placed(tmp_path) as place:
        file = tmp_path / "better.parquet"
        file.write_bytes(place.hunt.better())
        with (
            looking(browser, place, "admin", "/bounties/loans") as owner,
            looking(browser, place, "A", "/bounties/loans", PLAIN) as team,
        ):
            wait_for(owner.page, "Nobody has proven the model wrong yet")
            owner.page.evaluate("document.querySelector('#answer-title').mine = true")
            team.page.get_by_label("Group").fill(WRONGED)
            team.page.get_by_label("File").set_input_files(file)
            team.page.get_by_role("button", name="Hand in").click()
            assert team.page.url.endswith("/bounties/loans#mine")
            assert "waiting" in team.page.locator("#own-1").inner_text()
            wait_for(owner.page, "1 submission waits.")
            elsewhere(place.hunt.judge)
            wait_for(owner.page, "One group was found for whom the model was wrong more often than need be")
            assert owner.page.evaluate("document.querySelector('#answer-title').mine") is True, "it was not loaded anew"
            time.sleep(0.6)
            team.page.get_by_role("link", name="look again").click()
            assert "accepted" in team.page.locator("#own-1").inner_text()
            owner.page.get_by_role("link", name="End this bounty").click()
            owner.page.get_by_role("link", name="Keep it open").click()
            owner.page.get_by_role("link", name="End this bounty").click()
            owner.page.get_by_role("button", name="End it now").click()
            wait_for(owner.page, "has ended; it takes nothing more.")
            assert owner.page.locator("[data-hx-get]").count() == 0
            with owner.page.expect_download() as download:
                owner.page.get_by_role("link", name="The whole log").click()
            assert download.value.suggested_filename == "loans.jsonl"
            assert (owner.messages, owner.stopped) == ([], [])
        assert place.hunt.house.store.bounty_times("loans")[1] is not None
        assert any(row[2] == "ended a bounty" for row in place.hunt.house.store.log())


def busy(hunt: Hunt, teams: int, submissions: int) -> None:
    """A log as long as that of a large bounty: refusals of many teams, straight into the store."""
    store = hunt.house.store
    names = [f"team-{place}" for place in range(teams)]
    for name in names:
        store.join("loans", name, None)
    for place in range(submissions):
        group = ("age<30", "region=north & age>=40", "code=x | age>=60", "code=1 & age<60", "region=west | age<20")[
            place % 5
        ]
        at = datetime.now(UTC)
        sent = Submission(
            number=1, team=names[place * 7 % teams], kind="predictions", group=group, digest=f"{place:064x}",
            received=at,
        )  # fmt: skip
        number = store.hand_in("loans", sent).number
        told = "Not proven: the gain on the hidden rows is not beyond chance that nothing at all is."
        store.end_submission(
            "loans", Verdict(number=number, state="refused", told=told, scored=True, board=0.2, judged=at)
        )


@pytest.mark.slow
def test_a_large_contest_is_light_and_quick(tmp_path: Path) -> None:
    with placed(tmp_path, budget=5000) as place:
        busy(place.hunt, 50, 4000)
        with place.client("read") as opened, place.client("admin") as owner:
            opened.get("/bounties/loans")
            for client in (opened, owner):
                took = []
                for _ in range(5):
                    time.sleep(0.6)
                    began = time.perf_counter()
                    found = client.get("/bounties/loans")
                    took.append(time.perf_counter() - began)
                    assert found.status_code == 200 and len(found.content) < 200_000
                assert min(took) < 0.1


def contest(errors: list[float], **left: Any) -> Contest:
    known = {"scored": 0, "budget": 10, "accepted": len(errors) - 1, "accept_at_most": 5, "waiting": 0}
    timeline = tuple(
        Moment(version=place, number=place or None, team="A" if place else None, at=None, error=error)
        for place, error in enumerate(errors)
    )
    finds = tuple(
        {"number": place, "team": "A", "group": "a=1", "version": place, "repairs": 0, "rows": 9, "reduction": 0.1,
         "points": 1.0, "at": None} for place in range(1, len(errors))
    )  # fmt: skip
    return Contest.model_validate(
        {"name": "x", "title": "", "metric": "m", "higher_is_better": False, "rows": (1, 1, 1), "standings": (),
         "feed": (), "timeline": timeline, "groups": (), "finds": finds, "usage": {},
         "left": Left(**known | left, closes=None, closed=None)}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("errors", "loss", "over", "said"),
    [
        ([0.214], "zero-one", False, "Nobody has proven the model wrong yet; its error is 0.214."),
        ([0.214], "zero-one", True, "Nobody proved the model wrong; its error is 0.214."),
        (
            [0.214] + [0.2] * 6 + [0.196], "zero-one", False,
            "Seven groups were found for whom the model was wrong more often than need be; its error fell from 0.214"
            " to 0.196.",
        ),
        (
            [0.8, 0.81], "top:3", True,
            "One group was found for whom the model was wrong more often than need be; its top-3 accuracy rose from"
            " 0.800 to 0.810.",
        ),
        (
            [9.0, 9.0], "squared:9", False,
            "One group was found for whom the model was further off than need be; its squared error stayed at 9.000.",
        ),
        (
            [0.2141, 0.21404], "zero-one", False,
            "One group was found for whom the model was wrong more often than need be; its error fell from 0.2141 to"
            " 0.2140.",
        ),
    ],
)  # fmt: skip
def test_the_answer_in_words(errors: list[float], loss: str, over: bool, said: str) -> None:
    assert answer(contest(errors), Loss.parse(loss), over=over) == said


@given(st.floats(0, 1), st.floats(0, 1))
def test_numbers_that_differ_read_differently(first: float, second: float) -> None:
    one, other = apart(first, second)
    if abs(first - second) > 1e-9:
        assert one != other
    assert apart(first, first)[0] == apart(first, first)[1]


def test_what_remains_in_words() -> None:
    found = remains(contest([0.2], scored=3, waiting=2, accept_at_most=1), None)
    assert found == "It is open: 7 of 10 submissions and 1 of 1 find remain. 2 submissions wait."
    assert remains(contest([0.2], waiting=1), "It has ended.") == "It has ended. 1 submission waits."


def test_the_rules_name_their_numbers(tmp_path: Path) -> None:
    rules = Bounty(
        name="x", label="y", identity="id", features=tuple(f"f{place}" for place in range(20)), per_team=7, delta=0.05
    )
    told = " ".join(text for _, text in plain_rules(rules, (500, 250, 251)))
    for part in ("500 rows", "250 other rows", "251 rows", "at most 5%", "7 of one team", "and 8 others", "30 rows"):
        assert part in told, part
    assert not folder_of(tmp_path, "x").exists()


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=5), st.text(max_size=20))
def test_a_heat_map_says_every_number_and_no_markup_of_others(shares: list[list[float]], name: str) -> None:
    rows = [f"{name}{place}" for place in range(len(shares))]
    made = str(
        heat_map("Team", rows, ["<b>", "&", '"'], [[Cell(each) for each in line] for line in shares], caption="c")
    )
    found = [int(text) for text in re.findall(r'<td class="h\d">(\d+)', made)]
    assert len(found) == 3 * len(shares)
    for number, share in zip(found, (each for line in shares for each in line), strict=True):
        assert abs(number - 100 * share) <= 1
        assert (number == 0) == (share == 0) and (number == 100) == (share == 1)
    assert "<b>" not in made and made.count("<tr>") == len(shares) + 1


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_steps_stay_in_their_picture(values: list[float]) -> None:
    found = [Step("<b>", value, "<i>") for value in values]
    made = str(steps(found, Stair("t", "w", str), identity="a"))
    assert "<b>" not in made and "<i>" not in made
    heights = [float(number) for number in re.findall(r"V([-\d.]+)H", made)]
    assert all(0 <= height <= 128 for height in heights)

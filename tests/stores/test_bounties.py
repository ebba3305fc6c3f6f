"""Bounties in a store: rules that stay, teams, and a log that is only ever added to — by several processes at once."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from evenhand import DataError
from evenhand.core.bounty import Bounty, Submission, Verdict
from evenhand.core.certificate import Ruling
from evenhand.stores import open_store
from evenhand.stores.database import WRITES
from evenhand.stores.opening import config
from evenhand.stores.store import SQLStore
from evenhand.stores.tables import PREFIX
from tests.stores.test_export import _contents, _fill
from tests.stores.test_schema import _engine
from tests.stores.test_upgrade import _rows

RULES = Bounty(name="loans", label="truth", identity="id", features=("age",), classes=("no", "yes"))
RULING = Ruling(accepted=True, gain=0.1, bar=0.05, confidence=1e-7, low=0.01, high=0.2, rows=10, discordant=9)


def submission(team: str = "A", digest: str = "d", group: str = "age<30") -> Submission:
    return Submission(
        number=1,
        team=team,
        kind="predictions",
        group=group,
        digest=digest,
        file="f",
        received=datetime(2026, 1, 1, tzinfo=UTC),
    )


def verdict(number: int, state: Any = "refused", **more: Any) -> Verdict:
    return Verdict(number=number, state=state, told="Why.", **more)


@pytest.fixture
def opened(store: SQLStore) -> SQLStore:
    store.open_bounty(RULES, invitation="come in")
    return store


def test_rules_are_kept_and_stay(opened: SQLStore) -> None:
    assert opened.bounty("loans") == RULES
    assert opened.bounties() == ["loans"]
    with pytest.raises(DataError, match=r"^There is a bounty 'loans' already; its rules stay\. Take another name\.$"):
        opened.open_bounty(RULES.model_copy(update={"budget": 7}))
    assert opened.bounty("loans") == RULES


def test_unknown_bounties_are_named(store: SQLStore) -> None:
    for ask in (
        store.bounty, store.bounty_times, store.end_bounty, lambda name: store.invited(name, "x"),
        lambda name: store.join(name, "A", 1), lambda name: store.hand_in(name, submission()),
    ):  # fmt: skip
        with pytest.raises(DataError, match=r"^No bounty 'loan'\. There are none yet\.$"):
            ask("loan")
    store.open_bounty(RULES)
    with pytest.raises(DataError, match=r"^No bounty 'loan'\. Did you mean 'loans'\?$"):
        store.bounty("loan")


def test_a_bounty_ends_once(opened: SQLStore) -> None:
    began, ended = opened.bounty_times("loans")
    assert ended is None
    opened.end_bounty("loans")
    _, first = opened.bounty_times("loans")
    assert first is not None
    assert first >= began
    opened.end_bounty("loans")
    assert opened.bounty_times("loans") == (began, first)


def test_an_invitation_is_kept_as_a_hash(opened: SQLStore) -> None:
    assert opened.invited("loans", "come in")
    assert not opened.invited("loans", "come out")
    assert not opened.invited("loans", "")
    opened.open_bounty(RULES.model_copy(update={"name": "closed"}))
    assert not opened.invited("closed", "None")
    assert "come in" not in json.dumps(list(opened.exported()))


def test_teams_join_once_each_name_and_each_key(opened: SQLStore) -> None:
    first = opened.join("loans", "A", 7)
    for team, key in (("A", 8), ("B", 7)):
        with pytest.raises(DataError, match=rf"^The team '{team}', or a team of this key, is in loans already"):
            opened.join("loans", team, key)
    # Teams without a key may be several; those of another bounty are others.
    opened.join("loans", "B", None)
    opened.join("loans", "C", None)
    opened.open_bounty(RULES.model_copy(update={"name": "other"}))
    opened.join("other", "A", 7)
    assert sorted(team.name for team in opened.teams("loans")) == ["A", "B", "C"]
    assert opened.teams("loans")[0] == first
    assert opened.team_of("loans", 7) == first
    assert opened.team_of("loans", 9) is None


def test_the_log_counts_from_one_and_keeps_what_was_handed_in(opened: SQLStore) -> None:
    first = opened.hand_in("loans", submission())
    second = opened.hand_in("loans", submission("B"))
    assert (first.number, second.number) == (1, 2)
    assert first.received > submission().received  # the store's clock, not the sender's
    assert [each.submission for each in opened.handed_in("loans")] == [first, second]
    with pytest.raises(DataError, match=r"^This is the same as submission 1; it was taken once, and counts once\.$"):
        opened.hand_in("loans", submission())
    assert opened.hand_in("loans", submission(digest="e")).number == 3


def test_a_verdict_is_kept_once_and_whole(opened: SQLStore) -> None:
    for digest in "abc":
        opened.hand_in("loans", submission(digest=digest))
    told = verdict(1, "accepted", ruling=RULING, scored=True, board=0.1 + 0.2, reward=1 / 3, before=1e-300)
    assert opened.end_submission("loans", told)
    assert not opened.end_submission("loans", verdict(1))
    assert not opened.end_submission("loans", verdict(9))
    kept = opened.handed_in("loans")[0].verdict
    assert kept is not None
    assert kept.judged is not None
    assert kept.model_copy(update={"judged": None}) == told
    at = datetime(2030, 1, 1, tzinfo=UTC)
    assert opened.end_submission("loans", verdict(2, judged=at))
    assert [each.verdict.judged for each in opened.handed_in("loans", after=1, most=1) if each.verdict] == [at]


def test_the_log_is_read_in_parts(opened: SQLStore) -> None:
    for number in range(6):
        opened.hand_in("loans", submission("AB"[number % 2], digest=str(number)))
    opened.end_submission("loans", verdict(1, "accepted"))
    opened.end_submission("loans", verdict(2))

    def numbers(**which: Any) -> list[int]:
        return [each.submission.number for each in opened.handed_in("loans", **which)]

    assert numbers() == [1, 2, 3, 4, 5, 6]
    assert numbers(team="B") == [2, 4, 6]
    assert numbers(states=("waiting",), most=2) == [3, 4]
    assert numbers(states=("accepted", "refused")) == [1, 2]
    assert numbers(after=4) == [5, 6]
    assert numbers(team="A", after=1, states=("waiting",)) == [3, 5]
    assert list(opened.handed_in("other")) == []


def test_several_at_once_leave_no_gaps_and_count_once(url: str) -> None:
    with open_store(url) as store:
        store.open_bounty(RULES)

        def hand(number: int) -> int | None:
            try:
                return store.hand_in("loans", submission(digest=str(number % 20))).number
            except DataError:
                return None

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(hand, range(40)))
            assert sorted(number for number in found if number is not None) == list(range(1, 21))
            verdicts = list(pool.map(lambda number: store.end_submission("loans", verdict(1 + number % 20)), range(40)))
        assert sum(verdicts) == 20
        with ThreadPoolExecutor(4) as pool:

            def join(key: int) -> bool:
                try:
                    return bool(store.join("loans", f"team {key % 3}", key))
                except DataError:
                    return False

            assert sum(pool.map(join, range(12))) == 3


def fill(store: SQLStore) -> None:
    store.open_bounty(RULES, invitation="come in")
    store.join("loans", "A", 7)
    store.hand_in("loans", submission())
    store.hand_in("loans", submission("B"))
    store.end_submission("loans", verdict(1, "accepted", ruling=RULING, board=0.1 + 0.2))


def contents(store: SQLStore) -> list[Any]:
    return [
        store.bounty("loans"), store.bounty_times("loans"), store.teams("loans"), store.handed_in("loans"),
        store.invited("loans", "come in"),
    ]  # fmt: skip


@pytest.mark.parametrize("there", ["same", "sqlite"])
def test_another_store_then_holds_the_same_bounties(new_url: Callable[[], str], tmp_path: Any, there: str) -> None:
    other = new_url() if there == "same" else f"sqlite:///{tmp_path}/other.db"
    with open_store(new_url()) as first, open_store(other) as second:
        fill(first)
        text = [json.dumps(record, allow_nan=False) for record in first.exported()]
        assert second.import_(tuple(json.loads(line)) for line in text) == len(text)
        assert contents(second) == contents(first)
        assert second.hand_in("loans", submission("C")).number == 3
        with pytest.raises(DataError, match="same as submission 1"):
            second.hand_in("loans", submission())


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("bounties", {"name": "../x"}, "which is no name"),
    ("bounties", {"definition": "{}"}, "Field required"),
    ("submissions", {"submission": '{"number": 0}'}, "cannot be kept"),
    ("submissions", {"verdict": "[]"}, "cannot be kept"),
    ("submissions", {"state": "won"}, "allowed are waiting, accepted, refused, failed"),
    ("teams", {"bounty": "../x"}, "which is no name"),
]


@pytest.mark.parametrize(("kind", "change", "why"), WRONG, ids=range(len(WRONG)))
def test_records_of_bounties_that_are_wrong_are_refused(
    new_url: Callable[[], str], kind: str, change: dict[str, Any], why: str
) -> None:
    with open_store(new_url()) as first, open_store(new_url()) as second:
        fill(first)
        good = list(first.exported())
        bad = [(each, {**record, **(change if each == kind else {})}) for each, record in good]
        with pytest.raises(DataError, match=why):
            second.import_(iter(bad))
        assert second.bounties() == []


def test_a_store_of_the_revision_before_is_brought_up_with_its_data(new_url: Callable[[], str]) -> None:
    whole, old = new_url(), new_url()
    with open_store(whole) as store:
        _fill(store)
        before = _contents(store)
    rows = _rows(whole)
    engine = _engine(old)
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        command.upgrade(config(connection), "0002")
        there = sa.MetaData()
        there.reflect(connection)
        assert f"{PREFIX}bounties" not in there.tables
        for table in there.sorted_tables:
            if rows.get(table.name):
                connection.execute(sa.insert(_typed(table.name)), rows[table.name])
    with open_store(old) as store:
        assert _contents(store) == before
        fill(store)
        assert len(store.handed_in("loans")) == 2


def _typed(name: str) -> sa.Table:
    from evenhand.stores.tables import metadata

    return metadata.tables[name]

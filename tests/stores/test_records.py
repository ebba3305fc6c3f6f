"""The contract over both databases: monitors, counts, outcomes, reports, keys and the log."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import add

import pytest
import sqlalchemy as sa

from evenhand import DataError, SpecError, UnreadableSource
from evenhand.core.window import Window
from evenhand.stores import open_store
from evenhand.stores.store import SQLStore
from evenhand.stores.tables import definitions, keys, parts, sums
from tests.stores.making import DAY, START, counts, day, monitor, outcome, report


def test_a_monitor_reads_back_equal_and_its_versions_stay(store: SQLStore) -> None:
    first = monitor(windows={"length": "7d", "every": "1d", "grace": "90m"}, keep="36h", limits={"data": 0.2})
    store.put_monitor(first)
    store.put_monitor(first)
    second = monitor(schedule="15 * * * *")
    store.put_monitor(second)
    store.put_monitor(monitor("a.b"))
    assert store.monitor("loans") == second
    assert store.monitor_versions("loans") == [first, second]
    assert store.monitors() == ["a.b", "loans"]


def test_an_unknown_monitor_names_those_there_are(store: SQLStore) -> None:
    with pytest.raises(DataError, match=r"^No monitor 'x'\. There are none yet\.$"):
        store.monitor("x")
    store.put_monitor(monitor())
    for ask in (
        lambda: store.monitor("loan"),
        lambda: store.remove_monitor("loan"),
        lambda: store.add_tally("loan", day(0), "all", "p", counts()),
        lambda: store.tally("loan", day(0), "all"),
        lambda: store.put_outcome(outcome(0, name="loan")),
        lambda: store.raise_alert("loan", "bias", "x", "y", START),
    ):
        with pytest.raises(DataError, match=r"^No monitor 'loan'\. Did you mean 'loans'\?$"):
            ask()


def test_a_definition_that_cannot_be_read_is_said(store: SQLStore) -> None:
    store.put_monitor(monitor())
    with store._writing() as connection:
        connection.execute(sa.update(definitions).values(definition="{}"))
    why = r"^The store holds a monitor that cannot be read: name: Field required\.$"
    with pytest.raises(UnreadableSource, match=why):
        store.monitor("loans")


def test_cells_add_up_to_windows_and_each_part_counts_once(store: SQLStore) -> None:
    store.put_monitor(monitor())
    assert store.tally("loans", day(0), "all") is None
    for number in range(4):
        assert store.add_tally("loans", day(number), "all", "p", counts(number))
        assert not store.add_tally("loans", day(number), "all", "p", counts(9))
    assert store.add_tally("loans", day(0), "labelled", "p", counts(5))
    assert store.tally("loans", day(0), "all") == counts(0)
    assert store.tally("loans", day(0), "labelled") == counts(5)
    assert store.tally("loans", day(0), "baseline") is None
    middle = Window(day(1).start, day(2).end)
    assert store.tally("loans", middle, "all") == counts(1) + counts(2)
    # A window that holds a cell only in part does not count it.
    assert store.tally("loans", Window(day(1).start, day(2).end - timedelta(seconds=1)), "all") == counts(1)


def test_many_parts_are_summed_up_once_and_their_names_stay(store: SQLStore) -> None:
    store.put_monitor(monitor())
    for number in range(40):
        store.add_tally("loans", day(0), "all", f"part {number}", counts(number % 5))
    whole = reduce(add, [counts(number % 5) for number in range(40)])
    assert store.tally("loans", day(0), "all") == whole
    with store._reading() as connection:
        loose = sa.select(sa.func.count(parts.c.tally), sa.func.count())
        assert connection.execute(loose).one() == (0, 40)
        assert connection.execute(sa.select(sa.func.count()).select_from(sums)).scalar() == 1
    assert not store.add_tally("loans", day(0), "all", "part 7", counts(7))
    assert store.add_tally("loans", day(0), "all", "late", counts(7))
    assert store.tally("loans", day(0), "all") == whole + counts(7)


def test_counts_of_different_audits_do_not_add_up(store: SQLStore) -> None:
    store.put_monitor(monitor())
    store.add_tally("loans", day(0), "all", "a", counts(0))
    store.add_tally("loans", day(0), "all", "b", counts(1, small=5))
    with pytest.raises(DataError, match=r"^The counts of monitor 'loans' were made for different audits and do not"):
        store.tally("loans", day(0), "all")


def test_removing_a_monitor_forgets_all_of_it_and_nothing_else(store: SQLStore) -> None:
    for name in ("loans", "other"):
        store.put_monitor(monitor(name))
        store.add_tally(name, day(0), "all", "p", counts())
        store.put_outcome(outcome(0, name=name))
        alert = store.raise_alert(name, "data", "g", "moved", START)
        store.queue_delivery(alert.id, 0, "hello", START)
    store.remove_monitor("loans")
    assert store.monitors() == ["other"]
    store.put_monitor(monitor("loans"))
    assert store.tally("loans", day(0), "all") is None
    assert (store.outcomes("loans"), store.alerts(monitor="loans")) == ([], [])
    assert store.tally("other", day(0), "all") == counts()
    assert (len(store.outcomes("other")), len(store.alerts()), len(store.deliveries())) == (1, 1, 1)


def test_outcomes_come_in_the_order_of_windows_without_reports(store: SQLStore) -> None:
    store.put_monitor(monitor())
    for number in (2, 0, 3, 1):
        store.put_outcome(outcome(number, whole=report()))
    store.put_outcome(outcome(1, rows=99, whole=report(1)))
    bare = [outcome(0), outcome(1, rows=99), outcome(2), outcome(3)]
    assert store.outcomes("loans") == bare
    assert store.outcomes("loans", since=day(2).start) == bare[2:]
    assert store.outcomes("loans", most=2) == bare[2:]
    assert store.outcome("loans", day(1).start, day(1).end) == outcome(1, rows=99, whole=report(1))
    assert store.outcome("loans", day(1).start, day(2).end) is None


def test_reports_are_kept_version_after_version(store: SQLStore) -> None:
    first, second = store.put_report("p", "n", report()), store.put_report("p", "n", report(1))
    third = store.put_report("q", "n", report())
    assert first < second < third
    assert (store.report(first), store.report(second)) == (report(), report(1))
    assert [row[:3] for row in store.reports()] == [(third, "q", "n"), (second, "p", "n"), (first, "p", "n")]
    number, _, _, kept, verdict = store.reports("p")[0]
    assert (number, verdict) == (second, report(1).verdict)
    assert abs(kept - datetime.now(UTC)) < timedelta(minutes=5)
    for missing in (99, 2**70):
        with pytest.raises(DataError, match=rf"^No report {missing} in the store\.$"):
            store.report(missing)


def test_a_key_opens_until_it_is_revoked_or_expires(url: str) -> None:
    now = START
    with open_store(url, clock=lambda: now) as store:
        key, text = store.add_key("ci", ["submit", "read"], now + DAY)
        forever, other = store.add_key("admin", ["admin"], None)
        assert (store.key_of(text), store.key_of(other)) == (key, forever)
        assert key.scopes == ("submit", "read")
        assert text.startswith(key.prefix)
        for wrong in ("", text[:-1], text + "x", key.prefix, "é" * 40, "\0", "x" * 10**6):
            assert store.key_of(wrong) is None
        now += DAY
        assert (store.key_of(text), store.key_of(other)) == (None, forever)
        store.revoke(forever.id)
        assert store.key_of(other) is None
        assert [each.revoked for each in store.keys()] == [False, True]  # noqa: SIM118 - a store, not a dict
        with store._reading() as connection:
            assert text[len(key.prefix) :] not in str(connection.execute(sa.select(keys)).all())


def test_what_is_no_key_is_said(store: SQLStore) -> None:
    with pytest.raises(
        SpecError, match=r"^A key has one or more of the scopes read, submit, hunt, admin; not 'root'\.$"
    ):
        store.add_key("x", ["read", "root"], None)
    with pytest.raises(SpecError, match=r"scopes read, submit, hunt, admin; not none\.$"):
        store.add_key("x", [], None)
    with pytest.raises(DataError, match=r"^No key 7 in the store\.$"):
        store.revoke(7)


def test_the_log_keeps_hostile_text_and_comes_latest_first(store: SQLStore) -> None:
    texts = ["<script>", "'; DROP TABLE evenhand_log; --", "nul\0", "half \ud800", "\u202eright to left", "x" * 10**6]
    for text in texts:
        store.note(text, "did", "this")
    kept = [who for _, who, _, _ in reversed(store.log())]
    assert kept == [text.replace("\0", "\ufffd").replace("\ud800", "\ufffd" * 3) for text in texts]
    assert len(store.log(2)) == 2


def test_names_that_are_no_text_are_refused(store: SQLStore) -> None:
    store.put_monitor(monitor())
    with pytest.raises(DataError, match=r"^The name 'a\\x00' holds characters that are no text; use letters"):
        store.add_tally("loans", day(0), "all", "a\0", counts())
    with pytest.raises(DataError, match=r"^A name of 501 characters is too long; at most 500 are allowed\.$"):
        store.put_report("p" * 501, "n", report())
    longest = "\U0001f600" * 500
    assert store.add_tally("loans", day(0), "all", longest, counts())
    assert not store.add_tally("loans", day(0), "all", longest, counts())

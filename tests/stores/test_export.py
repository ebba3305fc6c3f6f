"""Export and import: another store, of either kind, then holds the same; and nothing else is let in."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from evenhand import DataError
from evenhand.stores import open_store
from evenhand.stores.store import SQLStore
from tests.stores.making import START, counts, day, monitor, outcome, report

Record = tuple[str, Mapping[str, Any]]


def _fill(store: SQLStore) -> None:
    store.put_monitor(monitor())
    store.put_monitor(monitor(keep="90d"))
    for number in range(20):
        store.add_tally("loans", day(number % 2), "all", f"part {number}", counts(number % 3))
    store.add_tally("loans", day(0), "baseline", "whole", counts(4))
    store.tally("loans", day(0), "all")
    store.put_outcome(outcome(0, whole=report()))
    store.put_report("p", "n", report())
    for about in "xyz":
        alert = store.raise_alert("loans", "bias", about, "r", START)
    store.set_alert(alert.id, "recovered", by="ann")
    sent = store.queue_delivery(alert.id, 0, "hello", START)
    store.settle_delivery(sent.id, error="no", next_try=None, at=START)
    store.enqueue("run", {"n": 1}, key="k")
    store.lease("w", 60)
    store.enqueue("run", {"n": 2})
    store.add_key("secret", ["admin"], None)


def _contents(store: SQLStore) -> list[Any]:
    window = day(0)
    return [
        store.monitors(), store.monitor_versions("loans"), store.tally("loans", window, "all"),
        store.tally("loans", day(1), "all"), store.tally("loans", window, "baseline"),
        store.outcome("loans", window.start, window.end), store.reports(), store.report(store.reports()[0][0]),
        store.alerts(), store.deliveries(), store.jobs(), store.log(),
    ]  # fmt: skip


@pytest.mark.parametrize("there", ["same", "sqlite"])
def test_another_store_then_holds_the_same(new_url: Callable[[], str], tmp_path: Any, there: str) -> None:
    other = new_url() if there == "same" else f"sqlite:///{tmp_path}/other.db"
    with open_store(new_url()) as first, open_store(other) as second:
        _fill(first)
        text = [json.dumps(record, allow_nan=False) for record in first.exported()]
        assert not any("secret" in line for line in text)
        assert second.import_(tuple(json.loads(line)) for line in text) == len(text)
        assert _contents(second) == _contents(first)
        assert second.keys() == []
        # Numbers go on from where the other store was, and names of parts are still known.
        assert second.enqueue("run", {}).id > max(job.id for job in first.jobs())
        assert second.raise_alert("loans", "data", "new", "r", START).id > max(each.id for each in first.alerts())
        assert not second.add_tally("loans", day(0), "all", "part 0", counts())
        second.note("bob", "imported", "it")
        assert [json.dumps(record) for record in first.exported()] == text


def test_an_export_is_of_one_moment(store: SQLStore) -> None:
    store.put_monitor(monitor())
    store.add_tally("loans", day(0), "all", "a", counts())
    records = store.exported()
    first = next(records)
    store.add_tally("loans", day(0), "all", "b", counts())
    store.note("a", "b", "c")
    kinds = [first[0], *(kind for kind, _ in records)]
    assert sorted(kinds) == ["definitions", "monitors", "parts"]


def test_only_an_empty_store_takes_an_import(store: SQLStore) -> None:
    store.note("a", "b", "c")
    store.add_key("k", ["read"], None)
    assert store.import_(iter([])) == 0
    store.put_monitor(monitor())
    with pytest.raises(DataError, match=r"^This store already holds monitors; import into a store that is empty\.$"):
        store.import_(iter([]))


def _exported(new_url: Callable[[], str]) -> list[Record]:
    with open_store(new_url()) as store:
        _fill(store)
        return list(store.exported())


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("monitors", {"name": None}, r"name is missing\."),
    ("monitors", {"name": 7}, r"name is '7'\."),
    ("monitors", {"version": True}, r"version is 'True'\."),
    ("monitors", {"more": 1}, r"has other fields than an export has: 'more'\.$"),
    ("definitions", {"definition": '{"name": "x"}'}, r"audit: Field required\.$"),
    ("definitions", {"created": "yesterday"}, r"'yesterday' is no time; write 2026-11-20"),
    ("definitions", {"created": 5}, r"created is '5'\.$"),
    ("parts", {"tally": "{}"}, r"cannot be kept: "),
    ("parts", {"counted": "some"}, r"counted is 'some'; allowed are all, labelled, baseline\.$"),
    ("outcomes", {"report": "[]"}, r"This is not a report of evenhand: "),
    ("alerts", {"state": "<b>"}, r"state is '<b>'; allowed are open, acknowledged, snoozed, recovered\.$"),
    ("jobs", {"payload": "[1]"}, r"it is no JSON object\.$"),
    ("jobs", {"progress": float("nan")}, r"progress is 'nan'\.$"),
]


def test_records_that_are_wrong_are_refused_and_nothing_is_kept(new_url: Callable[[], str]) -> None:
    good = _exported(new_url)
    with open_store(new_url()) as store:
        for kind, change, why in WRONG:
            place = next(place for place, record in enumerate(good) if record[0] == kind)
            bad = [*good[:place], (kind, {**good[place][1], **change}), *good[place + 1 :]]
            with pytest.raises(DataError, match=rf"^Record {place + 1} (\({kind}\)|is).*{why}"):
                store.import_(iter(bad))
        for kind in ("keys", "sqlite_master"):
            with pytest.raises(DataError, match=rf"^Record 1 is of no kind that is imported: '{kind}'\."):
                store.import_(iter([(kind, {})]))
        with pytest.raises(DataError, match=r"^The store .* cannot be used: "):
            store.import_(iter([record for record in good if record[0] != "monitors"]))  # refers to what is not there
        assert (store.monitors(), store.jobs(), store.log()) == ([], [], [])
        assert store.import_(iter(good)) == len(good)

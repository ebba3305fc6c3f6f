"""A Sender and the server understand each other: records, labels, batches, keys and refusals, over a socket."""

from pathlib import Path
from typing import Any

from evenhand.monitor.capture import Capture
from evenhand.monitor.sending import Bounds, Counts, Sender
from tests.monitor.sending.receiving import until
from tests.server.conftest import LOANS, Served

QUICK = Bounds(seconds=0.02)


def counted(served: Served) -> tuple[int, int]:
    """How many records, and how many with a label, the store counts."""
    house = served.house
    monitor = house.store.monitor(LOANS["name"])
    capture = Capture(house.home / monitor.name, monitor)
    capture.seal()
    cells = capture.counted(house.store)
    capture.close()
    tallies: list[Any] = [
        [house.store.tally(monitor.name, cell, counted) for cell in cells] for counted in ("all", "labelled")
    ]
    every, known = (sum(tally.rows for tally in kept if tally is not None) for kept in tallies)
    return every, known


def test_records_and_labels_reach_the_store_once(served: Served, tmp_path: Path) -> None:
    key = served.house.keys["submit"]
    sender = Sender(served.address, key, "loans", journal=tmp_path / "unsent", bounds=QUICK)
    numbers = [
        sender.send({"sex": "fm"[place % 2], "granted": "yes", "income": float("nan")}) for place in range(1_200)
    ]
    for number in numbers[:300]:
        sender.send_truth(number, "no")
    for number in numbers[:100]:
        sender.send({"id": number, "sex": "f", "granted": "no"})  # known already
    assert sender.close() == Counts(given=1_600, delivered=1_600)
    assert counted(served) == (1_200, 300)


def test_one_record_that_is_refused_costs_no_others(served: Served) -> None:
    sender = Sender(served.address, served.house.keys["submit"], "loans", bounds=QUICK)
    for place in range(200):
        sender.send({"id": place, "sex": "f", "granted": "yes", "time": "never" if place == 77 else None})
    assert sender.close(timeout=30) == Counts(given=200, delivered=199, rejected=1)
    assert counted(served) == (199, 0)


def test_a_key_that_may_not_submit_loses_nothing(served: Served, tmp_path: Path) -> None:
    first = Sender(served.address, served.house.keys["read"], "loans", journal=tmp_path / "unsent", bounds=QUICK)
    first.send({"id": "a", "sex": "f", "granted": "yes"})
    assert first.close() == Counts(given=1, kept=1)
    assert first.last_answer.startswith("403")
    second = Sender(served.address, served.house.keys["submit"], "loans", journal=tmp_path / "unsent", bounds=QUICK)
    second.send({"id": "b", "sex": "m", "granted": "yes"})
    until(lambda: second.counts.recovered == 1)
    assert second.close() == Counts(given=1, delivered=1, recovered=1)
    assert counted(served) == (2, 0)

"""What the processes of the tests do to a store: work, one line of output for each thing that is kept."""

import sys
from itertools import count

from evenhand import Tally
from evenhand.stores import open_store
from evenhand.stores.store import SQLStore
from tests.stores.making import START, day, outcome


def lease_all(store: SQLStore, worker: str) -> None:
    """Do all jobs that there are."""
    while (job := store.lease(worker, 600)) is not None:
        store.renew(job.id, worker, 600, progress=0.5)
        if store.finish(job.id, worker, result={"by": worker}):
            print(job.id, flush=True)  # noqa: T201


def add_all(store: SQLStore, worker: str, tally: Tally) -> None:
    """Add the same parts as others do, read the sum now and then, and raise the same alert."""
    for number in range(60):
        if store.add_tally("loans", day(0), "all", f"part {number}", tally):
            print(number, flush=True)  # noqa: T201
        store.add_tally("loans", day(0), "labelled", f"{worker} {number}", tally)
        if number % 10 == 9:
            store.tally("loans", day(0), "all")
            store.raise_alert("loans", "bias", "x", worker, START)
            store.enqueue("run", {"by": worker}, key="one")


def write_on(store: SQLStore, _: str, tally: Tally) -> None:
    """Write until killed."""
    for number in count():
        store.add_tally("loans", day(number % 3), "all", f"part {number}", tally)
        store.put_outcome(outcome(number, rows=number))
        alert = store.raise_alert("loans", "bias", f"x {number}", "r", START)
        store.queue_delivery(alert.id, 0, "hello", START)
        print(number, flush=True)  # noqa: T201
        if number % 7 == 6:
            store.tally("loans", day(number % 3), "all")


def main(url: str, what: str, worker: str) -> None:
    """Wait for the word to start, then work."""
    with open_store(url) as store:
        print("ready", flush=True)  # noqa: T201
        tally = Tally.from_json(sys.stdin.readline())
        if what == "lease":
            lease_all(store, worker)
        else:
            {"add": add_all, "write": write_on}[what](store, worker, tally)


if __name__ == "__main__":
    main(*sys.argv[1:])

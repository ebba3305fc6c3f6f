"""A worker in a process of its own that judges until nothing waits, to be killed at any moment."""

import sys
from pathlib import Path

from evenhand.bounty.judging.running import Bench, judge_waiting
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.stores import open_store


def main(url: str, home: str, name: str) -> None:
    """Judge all that waits; a line of output for each verdict."""
    with open_store(url) as store, Sandbox() as sandbox:
        bench = Bench(store, Path(home), sandbox)
        print("ready", flush=True)  # noqa: T201
        while judge_waiting(bench, name, lambda stage, _: print(stage, flush=True))["judged"]:  # noqa: T201
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])

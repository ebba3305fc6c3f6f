"""A whole contest: teams of bots against a real server over HTTP, killed in the middle, on ACS income.

    python benchmarks/bounty_contest.py                               50 teams, 4,000 submissions
    python benchmarks/bounty_contest.py --teams 6 --submissions 120   a minute or two

Base model: a tree of depth 2, as recorded answers. Teams: a third skilled, the others middling, automatic hunters,
useless, or hostile (`bounty_bots.py`). Reported: the final model's error, overall and by group, on the rows of the
board, which decided no acceptance, beside the base model's and LightGBM's (fitted on all public rows); memory of each
process over time; whether `kill -9` of all of them lost anything; seconds a submission; and every verdict judged again.
Writes benchmarks/results/bounty_contest.json. The table is looked for in $EVENHAND_SHARED_DATA, else in ../shared/data
beside the repository.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bounty_bots import Field
from bounty_played import Seen, play
from bounty_served import Server
from bounty_told import ended, judged_again, kept, log_of, losses, memory, speed
from pyarrow import parquet

from evenhand.bounty.judging.running import folder_of
from evenhand.bounty.proving.opening import Opening, opened_in
from evenhand.core.store import Store
from evenhand.stores import open_store

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "bounty_contest.json"
SHARED = Path(os.environ.get("EVENHAND_SHARED_DATA", HERE.parents[1] / "shared" / "data"))
NAME, LABEL, INVITATION = "income", "PINCP", "come and hunt"
Columns = dict[str, Any]


def rows_of(public: int, hidden: int, seed: int) -> tuple[Columns, Columns]:
    """Public rows and the hold-out, with the base model's recorded answers."""
    from sklearn.tree import DecisionTreeClassifier

    raw = parquet.read_table(SHARED / "acs_income_test.parquet").drop_columns(["index"])
    order = np.random.default_rng(seed).permutation(raw.num_rows)
    found = [
        {name: raw[name].to_numpy()[rows] for name in raw.column_names}
        for rows in (order[:public], order[public : public + hidden])
    ]
    features = features_of(found[0])
    matrix = [np.column_stack([each[name] for name in features]) for each in found]
    tree = DecisionTreeClassifier(max_depth=2, random_state=0).fit(matrix[0], found[0][LABEL])
    for each, rows in zip(found, matrix, strict=True):
        each["said"] = tree.predict(rows)
    return found[0], found[1]


def features_of(columns: Columns) -> list[str]:
    """What groups and models may use."""
    return [name for name in columns if name not in (LABEL, "said")]


def opened_bounty(folder: Path, public: Columns, hidden: Columns, budget: int) -> Store:
    """The store, with the bounty open; its database and its records lie in the folder."""
    import pyarrow as pa

    store = open_store(f"sqlite:///{folder / 'evenhand.db'}")
    features = tuple(features_of(public))
    rules = {"budget": budget, "accept_at_most": 30, "least_gain": 0.0002, "facets": ("SEX", "RAC1P"), "seed": 5}
    opening = Opening(
        name=NAME, data=pa.table(hidden), label=LABEL, predicted=("said",), features=features, rules=rules,
        public=pa.table({name: public[name] for name in (*features, LABEL)}),
    )  # fmt: skip
    bounty = opened_in(folder_of(folder / "records", NAME), opening).bounty
    store.open_bounty(bounty, invitation=INVITATION)
    return store


def known_to_bots(folder: Path, public: Columns, hidden: Columns) -> Field:
    """What downloads hold; the base model's answers are published with them."""
    held = parquet.read_table(folder_of(folder / "records", NAME) / "hidden.parquet")
    features = features_of(public)
    return Field(
        {name: public[name] for name in features}, public[LABEL], public["said"],
        {name: held[name].to_numpy() for name in features}, np.array(held["id"].to_pylist()), hidden["said"], LABEL,
    )  # fmt: skip


def contest(folder: Path, public: Columns, hidden: Columns, options: Any) -> dict[str, Any]:
    """Play it, and look at what came of it."""
    store = opened_bounty(folder, public, hidden, options.submissions)
    known = known_to_bots(folder, public, hidden)
    known.learn()
    server, began = Server(folder), time.monotonic()
    try:
        seen = play(server, known, options, NAME, INVITATION)
        wall = time.monotonic() - began
        left = left_of(server, seen)
    finally:
        server.kill()
    log, place = log_of(store, NAME), folder_of(folder / "records", NAME)
    told = {"teams": options.teams, "submissions": seen.tried, "rows": {"public": len(known.labels),
            "hidden": len(known.ids)}, "killed when": seen.killed, "kept": kept(log, seen, left),
            **speed(log, seen, wall), "memory": memory(seen), **ended(log, seen),
            **losses(store, place, public, features_of(public), LABEL)}  # fmt: skip
    write(options.out, told)
    return told | {"judged again": judged_again(store, place, options.replay_seconds)}


def left_of(server: Server, seen: Seen) -> dict[str, int]:
    """What the server says has been used, to a team that joins now."""
    from evenhand import Client
    from evenhand.client.hunting import join

    with Client(server.address, key=join(server.address, NAME, "late", invitation=INVITATION)) as client:
        left: dict[str, int] = client.bounty(NAME)["left"]
    assert left["waiting"] == 0 or seen.judged < seen.tried
    return left


def write(file: Path, told: dict[str, Any]) -> None:
    """Keep the results, a line for each sample of memory."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teams", type=int, default=50)
    parser.add_argument("--submissions", type=int, default=4000)
    parser.add_argument("--public", type=int, default=30_000, help="Rows handed out. [default: 30,000]")
    parser.add_argument("--hidden", type=int, default=60_000, help="Rows of the hold-out. [default: 60,000]")
    parser.add_argument("--replay-seconds", type=float, default=3600.0, help="Time to judge all of it again.")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args(words)
    public, hidden = rows_of(options.public, options.hidden, 1)
    with tempfile.TemporaryDirectory(prefix="contest-") as place:
        told = contest(Path(place), public, hidden, options)
    write(options.out, told)
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()

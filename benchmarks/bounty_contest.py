"""A whole contest: teams of bots against a real server over HTTP, killed in the middle, on ACS income.

    python benchmarks/bounty_contest.py                               50 teams, 4,000 submissions
    python benchmarks/bounty_contest.py --teams 5 --submissions 60    about a minute
    python benchmarks/bounty_contest.py --in-process                  without HTTP: the same judge and SQLite

Base model: a tree of depth 2, as recorded answers. Teams: a third skilled, the others middling, automatic hunters,
useless, or hostile. Reported: the final model's error, overall and by group, on the rows of the board, which decided
no acceptance, beside the base model's and LightGBM's (fitted on all public rows); memory of server and worker over
time; whether `kill -9` of both lost anything; seconds a submission. Writes benchmarks/results/bounty_contest.json.
The table is looked for in $EVENHAND_SHARED_DATA, else in ../shared/data beside the repository.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from bounty_bots import BOTS, KINDS, Field, Sending
from pyarrow import parquet

from evenhand import Client
from evenhand.bounty.holdout import BOARD, opened
from evenhand.bounty.opening import Opening, opened_in
from evenhand.bounty.running import Running, folder_of
from evenhand.bounty.sandbox import Sandbox
from evenhand.client.hunting import join
from evenhand.core.errors import DataError, EvenhandError
from evenhand.stores import open_store

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "bounty_contest.json"
SHARED = Path(os.environ.get("EVENHAND_SHARED_DATA", HERE.parents[1] / "shared" / "data"))
NAME, LABEL, INVITATION = "income", "PINCP", "come and hunt"
GROUPS = {
    "all": None,
    "SEX=1": ("SEX", 1),
    "SEX=2": ("SEX", 2),
    **{f"RAC1P={code}": ("RAC1P", code) for code in range(9)},
}
Columns = dict[str, Any]


@dataclass
class Seen:
    """What happened while bots were at work."""

    ended: Counter[str] = field(default_factory=Counter)
    taken: set[int] = field(default_factory=set)
    turned_away: int = 0
    repeated: int = 0
    told: list[str] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)
    tried: int = 0


def rows_of(public: int, hidden: int, seed: int) -> tuple[Columns, Columns]:
    """Public rows and the hold-out, with the base model's recorded answers."""
    from sklearn.tree import DecisionTreeClassifier

    raw = parquet.read_table(SHARED / "acs_income_test.parquet").drop_columns(["index"])
    order = np.random.default_rng(seed).permutation(raw.num_rows)
    found = [
        {name: raw[name].to_numpy()[rows] for name in raw.column_names}
        for rows in (order[:public], order[public : public + hidden])
    ]
    features = [name for name in found[0] if name != LABEL]
    matrix = [np.column_stack([each[name] for name in features]) for each in found]
    tree = DecisionTreeClassifier(max_depth=2, random_state=0).fit(matrix[0], found[0][LABEL])
    for each, rows in zip(found, matrix, strict=True):
        each["said"] = tree.predict(rows)
    return found[0], found[1]


def opened_bounty(folder: Path, public: Columns, hidden: Columns, budget: int) -> Any:
    """The store, with the bounty open; its database and its records lie in the folder."""
    import pyarrow as pa

    store = open_store(f"sqlite:///{folder / 'evenhand.db'}")
    features = tuple(name for name in public if name not in (LABEL, "said"))
    rules = {"budget": budget, "accept_at_most": 30, "least_gain": 0.0002, "facets": ("SEX", "RAC1P"), "seed": 5}
    opening = Opening(
        name=NAME, data=pa.table(hidden), label=LABEL, predicted=("said",), features=features, rules=rules,
        public=pa.table({name: public[name] for name in (*features, LABEL)}),
    )  # fmt: skip
    bounty = opened_in(folder_of(folder / "records", NAME), opening).bounty
    store.open_bounty(bounty, invitation=INVITATION)
    return store


class Server:
    """The command `evenhand serve` with its worker, in processes of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.started()

    def started(self) -> None:
        (self.folder / "settings.yaml").write_text(
            "rates: {key: 0, address: 0, refused: 0, joins: 0}\nhunting: {waiting: 10000, files: 10000}\n"
        )
        words = ["serve", "--database", f"sqlite:///{self.folder / 'evenhand.db'}", "--home",
                 str(self.folder / "records"), "--port", str(self.port), "--settings",
                 str(self.folder / "settings.yaml")]  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from evenhand.cli import main; main()", *words], stdout=subprocess.PIPE,
            stderr=(self.folder / "server.log").open("a"), text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"(https?://127\.0\.0\.1:(\d+))/", line)
        if found is None:
            raise SystemExit(f"The server did not start: {line} {(self.folder / 'server.log').read_text()[-2000:]}")
        self.address, self.port = found[1], int(found[2])

    def killed(self) -> None:
        """`kill -9` of the server, the worker, and what they started."""
        for process in (self.process.pid, *descendants(self.process.pid)):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()

    def memory(self) -> float:
        """MB of the server and what it started."""
        return sum(map(resident, (self.process.pid, *descendants(self.process.pid))))


def descendants(process: int) -> list[int]:
    parents: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, left = [], [process]
    while left:
        here = left.pop()
        children = [child for child, parent in parents.items() if parent == here]
        found += children
        left += children
    return found


def resident(process: int) -> float:
    try:
        line = next(
            each for each in Path(f"/proc/{process}/status").read_text().splitlines() if each.startswith("VmRSS")
        )
    except (OSError, StopIteration):
        return 0.0
    return int(line.split()[1]) / 1024


class OverHttp:
    """A team that speaks with the server, again and again where nobody answers."""

    def __init__(self, server: Server, team: str) -> None:
        self.key = join(server.address, NAME, team, invitation=INVITATION)
        self.client = Client(server.address, key=self.key, retries=8)

    def submit(self, sending: Sending) -> int:
        for _ in range(60):
            try:
                return int(self.client.submit(NAME, sending.group, predictions=sending.content)["number"])
            except DataError:  # the server is being killed
                time.sleep(1)
        raise SystemExit("The server did not come back.")


class InProcess:
    """The same without HTTP: the group is read, the file is kept, and the log goes on."""

    def __init__(self, store: Any, folder: Path, team: str) -> None:
        from evenhand.bounty.kinds import kinds_of

        self.store, self.folder, self.team = store, folder, team
        self.bounty, self.holdout = opened(folder)
        self.kinds = kinds_of({name: self.holdout.columns[name] for name in self.bounty.features})
        store.join(NAME, team, None)

    def submit(self, sending: Sending) -> int:
        from evenhand.bounty.predicates import read_group
        from evenhand.bounty.taking import Sent, taken

        group = read_group(json.dumps(sending.group).encode(), self.bounty, self.kinds)
        with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            file.write(sending.content)
            file.flush()
            sent = Sent(self.team, "predictions", group, Path(file.name))
            return taken(self.store, self.folder, self.bounty, sent).number


def known_to_bots(folder: Path, public: Columns, hidden: Columns) -> Field:
    """What downloads hold; the base model's answers are published with them."""
    held = parquet.read_table(folder_of(folder / "records", NAME) / "hidden.parquet")
    features = [name for name in public if name not in (LABEL, "said")]
    return Field(
        {name: public[name] for name in features}, public[LABEL], public["said"],
        {name: held[name].to_numpy() for name in features}, np.array(held["id"].to_pylist()), hidden["said"], LABEL,
    )  # fmt: skip


def worked(team: Any, bot: str, known: Field, many: int, seen: Seen, seed: int) -> None:
    """One team hands in its submissions."""
    sendings = BOTS[bot](known, np.random.default_rng([seed, 3]))
    for _ in range(many):
        sending = next(sendings)
        try:
            number = team.submit(sending)
        except EvenhandError as error:
            with seen.lock:
                seen.turned_away += 1
                seen.told.append(str(error)[:100])
        else:
            with seen.lock:
                seen.repeated += number in seen.taken
                seen.taken.add(number)
        with seen.lock:
            seen.tried += 1


def over_http(folder: Path, known: Field, store: Any, options: Any) -> tuple[Seen, dict[str, Any]]:
    """All teams in eight threads; the server is killed when half of the submissions were tried."""
    server, seen, memory = Server(folder), Seen(), list[tuple[float, float]]()
    began, done = time.monotonic(), threading.Event()
    try:
        teams = [OverHttp(server, f"team-{place}") for place in range(options.teams)]

        def thread(first: int) -> None:
            for place in range(first, options.teams, 8):
                many = len(range(place, options.submissions, options.teams))
                worked(teams[place], KINDS[place % len(KINDS)], known, many, seen, place)

        def watch() -> None:
            while not done.wait(2.0):
                memory.append((round(time.monotonic() - began, 1), round(server.memory(), 1)))

        threads = [threading.Thread(target=thread, args=(first,)) for first in range(8)]
        watcher = threading.Thread(target=watch)
        for each in (*threads, watcher):
            each.start()
        while seen.tried < options.submissions // 2 and any(each.is_alive() for each in threads):
            time.sleep(0.1)
        known_before = set(seen.taken)
        server.killed()
        server.started()
        for each in threads:
            each.join()
        waited(store, seen)
        done.set()
        watcher.join()
    finally:
        done.set()
        server.killed()
    sizes = [size for _, size in memory if size > 0]
    quarter = len(sizes) // 4 + 1
    return seen, {
        "taken before kill -9": len(known_before),
        "memory": [f"{at:g} s: {size:g} MB" for at, size in memory[:: max(1, len(memory) // 40)]],
        "memory first quarter": float(np.median(sizes[:quarter])),
        "memory third quarter": float(np.median(sizes[2 * quarter : 3 * quarter] or sizes)),
        "memory last quarter": float(np.median(sizes[-quarter:])),
    }


def waited(store: Any, seen: Seen) -> None:
    """Until every submission that was taken has ended."""
    ends = time.monotonic() + 3600
    while store.handed_in(NAME, states=("waiting",), most=1):
        if time.monotonic() > ends:
            raise SystemExit(f"Submissions still wait after an hour; {len(seen.taken)} were taken.")
        time.sleep(0.5)


def in_process(folder: Path, known: Field, store: Any, options: Any) -> tuple[Seen, dict[str, Any]]:
    """Teams take turns, and each submission is judged at once."""
    seen, place = Seen(), folder_of(folder / "records", NAME)
    with Sandbox() as sandbox:
        running = Running(store, place, sandbox)
        for team in range(options.teams):
            many = len(range(team, options.submissions, options.teams))
            worked(InProcess(store, place, f"team-{team}"), KINDS[team % len(KINDS)], known, many, seen, team)
            while running.judge_next() is not None:
                pass
    return seen, {}


def losses(folder: Path, store: Any, public: Columns) -> dict[str, Any]:
    """Errors on the rows of the board, replayed from the log: base model, final model, LightGBM."""
    import lightgbm

    with Sandbox() as sandbox:
        running = Running(store, folder_of(folder / "records", NAME), sandbox)
    versions = running.judge._parts[BOARD].versions
    rows, held = running.holdout.rows(BOARD), running.holdout
    features = [name for name in public if name not in (LABEL, "said")]
    best = lightgbm.LGBMClassifier(n_estimators=300, learning_rate=0.05, num_leaves=31, num_threads=1, verbosity=-1)
    best.fit(np.column_stack([public[name] for name in features]), public[LABEL])
    said = best.predict(np.column_stack([held.columns[name][rows] for name in features]))
    answers = {"base": held.base[rows], "final": versions.newest, "LightGBM": said}
    found: dict[str, Any] = {}
    for group, where in GROUPS.items():
        mask = np.ones(len(rows), bool) if where is None else held.columns[where[0]][rows] == where[1]
        if mask.sum() >= 30:
            wrong = {name: float((given[mask] != held.labels[rows][mask]).mean()) for name, given in answers.items()}
            found[group] = {"rows": int(mask.sum()), **{name: round(value, 4) for name, value in wrong.items()}}
    return {"version": running.judge.list.list.version, "errors on the board": found}


def counted(store: Any, seen: Seen) -> dict[str, Any]:
    """How submissions ended, and whether any that was taken is gone."""
    log: list[Any] = []
    while more := store.handed_in(NAME, after=log[-1].submission.number if log else 0):
        log += more
    numbers = [each.submission.number for each in log]
    states: dict[str, Counter[str]] = {}
    for each in log:
        kind = KINDS[int(each.submission.team.split("-")[1]) % len(KINDS)]
        states.setdefault(kind, Counter())[each.verdict.state if each.verdict else "waiting"] += 1
    judging = [each.verdict.seconds for each in log if each.verdict is not None]
    how = {kind: dict(each) for kind, each in states.items()}
    return {"taken": len(numbers), "turned away": seen.turned_away, "repeated": seen.repeated, "how": how,
            "lost": len(seen.taken - set(numbers)), "without gaps": numbers == list(range(1, len(numbers) + 1)),
            "judging seconds, median": float(np.median(judging)), "judging seconds, most": float(np.max(judging)),
            "turned away, such as": sorted(set(seen.told))[:8]}  # fmt: skip


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teams", type=int, default=50)
    parser.add_argument("--submissions", type=int, default=4000)
    parser.add_argument(
        "--public", type=int, help="Rows handed out. [default: 30,000; 6,000 for 500 submissions or less]"
    )
    parser.add_argument("--hidden", type=int, help="Rows of the hold-out. [default: 100,000, or 20,000]")
    parser.add_argument("--in-process", action="store_true")
    options = parser.parse_args(words)
    small = options.submissions <= 500
    public, hidden = rows_of(
        options.public or (6000 if small else 30_000), options.hidden or (20_000 if small else 100_000), 1
    )
    with tempfile.TemporaryDirectory(prefix="contest-") as place:
        folder = Path(place)
        store = opened_bounty(folder, public, hidden, options.submissions)
        known, began = known_to_bots(folder, public, hidden), time.monotonic()
        seen, more = (in_process if options.in_process else over_http)(folder, known, store, options)
        wall = time.monotonic() - began
        told = {"teams": options.teams, "submissions": seen.tried, "http": not options.in_process,
                "rows": {"public": len(known.labels), "hidden": len(known.ids)}, "seconds": round(wall, 1),
                "seconds a submission": round(wall / max(seen.tried, 1), 3), **counted(store, seen), **more,
                **losses(folder, store, public)}  # fmt: skip
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()

"""Simulates discovery: how often a planted group is found, and how often something is found where nothing is.

    python benchmarks/discovery_simulation.py                          halves, lattice; writes benchmarks/results/
    python benchmarks/discovery_simulation.py --honest permutations    the other honest method
    python benchmarks/discovery_simulation.py --by scan --outcome "false positives" --planted 40 --clean 80

Every run makes its own table: six columns of categories and three of numbers, nearly all of them tied to one hidden
quantity and so to each other, some values missing. Labels depend on that quantity, too. A clean table has one share of
errors for everyone (.2; for quantities a mean error of .4). A planted one has .15 more in a group that is drawn anew
for each run: two values of two columns, or a value and an end of a number. It is 2 % of the rows that can show the
outcome (false positives: those with a negative label), so that a number is cut at none of the search's own edges. It
counts as found if a reported group and it share at least half of the rows in either; `exact` counts reports of exactly
its rows. `planted_intervals_cover` counts the reported intervals, all runs together, that hold the true gap of the
reported group. Intervals of shares are exact (Clopper-Pearson, 95 %).
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "discovery_simulation.json"
SHARE, GAP, BASE, ABSOLUTE = 0.02, 0.15, 0.2, 0.4
OUTCOMES = ("error", "false positives", "regression error")
TEXTS = ("region", "job", "schooling", "sex", "channel", "contract")
NUMBERS = ("age", "income", "tenure")


@dataclass(frozen=True)
class Manner:
    """What is simulated."""

    rows: int
    outcome: str
    by: str
    honest: str
    gap: float


def columns(rows: int, numbers: np.random.Generator) -> dict[str, np.ndarray]:
    """Columns that are tied to one hidden quantity, which comes with them."""
    hidden = numbers.normal(size=rows)

    def tied(levels: int, strength: float) -> np.ndarray:
        value = strength * hidden + (1 - strength**2) ** 0.5 * numbers.normal(size=rows)
        edges = np.quantile(value, np.sort(numbers.uniform(0.04, 0.96, levels - 1)))
        return np.array([f"{place:02}" for place in range(levels)])[np.searchsorted(edges, value)]

    found: dict[str, np.ndarray] = {
        "region": tied(9, 0.3), "job": tied(8, 0.6), "schooling": tied(6, 0.7), "sex": tied(2, 0.2),
        "channel": tied(5, 0.0), "contract": tied(4, 0.5),
    }  # fmt: skip
    age = np.clip(44 + 8 * hidden + 10 * numbers.normal(size=rows), 18, 90).round()
    tenure = np.clip(numbers.exponential(0.2 * age), 0, age - 16)
    tenure[numbers.random(rows) < 0.05] = np.nan
    found |= {"age": age, "income": np.exp(10 + 0.5 * hidden + 0.01 * age + 0.3 * numbers.normal(size=rows)).round(-2)}
    return found | {"tenure": tenure.round(1), "hidden": hidden}


def drawn(table: dict[str, np.ndarray], among: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """A group of about 2 % of some rows: two values of two columns, or a value and an end of a number."""
    levels = [(name, level) for name in TEXTS for level in np.unique(table[name])]
    places = numbers.permutation(len(levels))
    for first in places if numbers.random() < 0.5 else ():
        for second in places:
            if levels[first][0] != levels[second][0]:
                inside = np.logical_and(*(table[levels[each][0]] == levels[each][1] for each in (first, second)))
                if 0.018 <= inside[among].mean() <= 0.022:
                    return np.asarray(inside)
    shares = [float((table[name] == level)[among].mean()) for name, level in levels]
    wide = [place for place, share in enumerate(shares) if 0.03 <= share <= 0.12] or [int(np.argmax(shares))]
    while True:
        name, level = levels[numbers.choice(wide)]
        number = table[NUMBERS[numbers.integers(len(NUMBERS))]] * (1 if numbers.random() < 0.5 else -1)
        known = np.sort(number[among & (table[name] == level) & ~np.isnan(number)])
        edge = known[-min(round(SHARE * among.sum()), len(known))]
        inside = np.asarray((table[name] == level) & (number >= edge))
        if 0.018 <= inside[among].mean() <= 0.022:
            return inside


def table_of(manner: Manner, seed: int) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """The table, which rows are in the planted group, and which rows the outcome is counted in."""
    numbers = np.random.default_rng([seed, OUTCOMES.index(manner.outcome), round(manner.gap * 100)])
    table = columns(manner.rows, numbers)
    hidden = table.pop("hidden")
    positive = numbers.random(manner.rows) < 1 / (1 + np.exp(0.5 - hidden))
    among = ~positive if manner.outcome == "false positives" else np.ones(manner.rows, bool)
    inside = drawn(table, among, numbers)
    more = manner.gap * inside
    if manner.outcome == "regression error":
        label = 3 * hidden + numbers.normal(size=manner.rows)
        # The mean size of a normal error is its standard deviation times the root of 2/pi.
        error = numbers.normal(size=manner.rows) * (ABSOLUTE + more) / np.sqrt(2 / np.pi)
        return {**table, "label": label, "prediction": label + error}, inside, among
    rate = BASE + more if manner.outcome == "error" else np.where(positive, 0.3, BASE + more)
    prediction = np.where(numbers.random(manner.rows) < rate, ~positive, positive)
    return {**table, "label": positive.astype(int), "prediction": prediction.astype(int)}, inside, among


def one(manner: Manner, seed: int) -> dict[str, float]:
    """What is found in one table."""
    import evenhand as eh

    data, planted, among = table_of(manner, seed)
    frame = eh.read(data)
    asked: dict[str, Any] = {"label": "label", "predicted_label": "prediction", "seed": seed}
    if manner.outcome != "regression error":
        asked["positive"] = [1]
    started = time.process_time()
    by: Any = (manner.by,)
    honest: Any = manner.honest
    found = eh.discover(frame, asked, manner.outcome, by=by, honest=honest)
    seconds = time.process_time() - started
    held = [rows_of(eh, frame, each.group, manner.rows) for each in found.subgroups]
    shared = [float((rows & planted).sum() / (rows | planted).sum()) for rows in held]
    truths = [manner.gap * (planted[among & rows].mean() - planted[among & ~rows].mean()) for rows in held]
    covered = sum(each.interval.low <= truth <= each.interval.high
                  for each, truth in zip(found.subgroups, truths, strict=True))  # fmt: skip
    return {
        "any": float(bool(held)), "found": float(max(shared, default=0) >= 0.5), "exact": float(1.0 in shared),
        "reported": len(held), "covered": covered, "best": max(shared, default=0.0), "cpu_s": seconds,
    }  # fmt: skip


def rows_of(eh: Any, frame: Any, group: str, rows: int) -> np.ndarray:
    """Which rows a group's text means."""
    expression = eh.Group.parse(group).expression(frame.expressions)
    return np.asarray(frame.rows({"in": expression}, rows, 0)["in"].astype(bool))


def counted(count: float, runs: int) -> dict[str, Any]:
    """A count, its share and the share's exact interval."""
    from scipy.stats import binomtest

    if not runs:
        return {"count": 0, "of": 0}
    between = binomtest(int(count), runs).proportion_ci(0.95, method="exact")
    ends = [round(float(end), 4) for end in between]
    return {"count": int(count), "of": runs, "share": round(count / runs, 4), "interval": ends}


def summary(planted: list[dict[str, float]], clean: list[dict[str, float]]) -> dict[str, Any]:
    """Counts over all runs."""
    sums: Counter[str] = Counter()
    for each in planted:
        sums.update(each)
    every = [*planted, *clean]
    return {
        "planted_found": counted(sums["found"], len(planted)),
        "planted_exact": counted(sums["exact"], len(planted)),
        "clean_nothing_found": counted(sum(not each["any"] for each in clean), len(clean)),
        "planted_intervals_cover": counted(sums["covered"], int(sums["reported"])),
        "planted_groups_a_run": round(sums["reported"] / len(planted), 3) if planted else None,
        "shared_rows_mean": round(sums["best"] / len(planted), 3) if planted else None,
        "cpu_s_a_run": round(sum(each["cpu_s"] for each in every) / max(len(every), 1), 3),
    }


def runs(manner: Manner, counts: tuple[int, int], jobs: int, first: int) -> Iterator[tuple[bool, dict[str, float]]]:
    """Whether a group was planted, and what was found, run by run, in as many processes; both kinds by turns."""
    tasks = sorted((place / count, planted, place) for planted, count in zip((True, False), counts, strict=True)
                   for place in range(count))  # fmt: skip
    with ProcessPoolExecutor(jobs) as pool:
        manners = [manner if planted else replace(manner, gap=0.0) for _, planted, _ in tasks]
        results = pool.map(one, manners, [first + place for *_, place in tasks])
        yield from ((planted, result) for (_, planted, _), result in zip(tasks, results, strict=True))


def keep(path: Path, name: str, found: dict[str, Any]) -> None:
    """Write one entry of the results."""
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, name: found}, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--planted", type=int, default=100, help="runs with a planted group")
    parser.add_argument("--clean", type=int, default=200, help="runs without one")
    parser.add_argument("--outcome", choices=OUTCOMES, action="append", help="by default all, one after the other")
    parser.add_argument("--by", choices=("lattice", "scan", "tree", "linear"), default="lattice")
    parser.add_argument("--honest", choices=("halves", "permutations"), default="halves")
    parser.add_argument("--first", type=int, default=1000, help="the first seed; those below 100 were looked at")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--result", type=Path, default=RESULT)
    options = parser.parse_args()
    for outcome in options.outcome or OUTCOMES:
        manner = Manner(options.rows, outcome, options.by, options.honest, GAP)
        name = f"{options.honest}, {options.by}, {outcome}, {options.rows} rows"
        done: dict[bool, list[dict[str, float]]] = {True: [], False: []}
        for planted, result in runs(manner, (options.planted, options.clean), options.jobs, options.first):
            done[planted].append(result)
            # Kept as it grows: a simulation that is stopped has its counts so far.
            keep(options.result, name, summary(done[True], done[False]))
        print(name, json.dumps(summary(done[True], done[False])), flush=True)


if __name__ == "__main__":
    main()

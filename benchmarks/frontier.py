"""Compares frontiers of accuracy against violation: evenhand, fairlearn and OxonFair on the same splits and models.

    python benchmarks/frontier.py                         every table; writes benchmarks/results/frontier.json
    python benchmarks/frontier.py --table adult           one table; the others in the file stay
    python benchmarks/frontier.py --table adult --methods evenhand   runs these methods anew, keeps the other points
    python benchmarks/frontier.py --python peer=PATH      one interpreter for the peers (fairlearn needs lightgbm)
    python benchmarks/frontier.py --show                  only prints what the file holds

Rows are split 60/20/20 (ACSIncome: 120,000 / 40,000 / the rest) into training, validation and test. One model, the
group among its inputs, is trained; frontier_methods.py says what each method fits on. Accuracy and violation (largest
less smallest rate over groups; of equalized odds, the worse of its two rates) are those of test rows.

A library's frontier is made of the means over seeds of the points of its methods, of the model as it is, and of the
answer that is the same for everyone; between two points lies their mixture by chance, whose violation is at most the
mixture of theirs. Each point of a peer is compared with evenhand's frontier at the violation that it reached. The
standard deviation is that of this difference over seeds, each compared by itself; with one seed, over 200 bootstrap
draws of the test rows. Marked are differences below 0, and BEYOND one standard deviation below. What was run for some
of the seeds only is compared on these; with one of several, nothing is known of its deviation.
Tables are looked for in $EVENHAND_SHARED_DATA, else in ../shared/data beside the repository.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from environments import python_of
from frontier_methods import LONG, WORK, estimator

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("EVENHAND_SHARED_DATA", HERE.parents[1] / "shared" / "data"))
RESULT = HERE / "results" / "frontier.json"
BOUNDS = (0.0, 0.01, 0.02, 0.05, 0.1)
DRAWS = 200
Frame = pd.DataFrame
Loaded = tuple[Frame, Any, Any]
Point = dict[str, Any]


# --- tables: inputs, labels, groups


def coded(frame: Frame) -> Frame:
    """Texts as the numbers of their places."""
    numbers = {
        name: column if column.dtype.kind in "iufb" else column.astype("category").cat.codes
        for name, column in frame.items()
    }
    return pd.DataFrame(numbers).astype(float)


def adult() -> Loaded:
    frame = pd.read_csv(DATA / "adult.csv", skipinitialspace=True)
    labels = frame.pop("income-per-year").str.startswith(">50").to_numpy(int)
    return coded(frame), labels, (frame["sex"] == "Male").to_numpy(int)


def acs_income() -> Loaded:
    """The three largest groups, and the others as one."""
    frame = pd.read_parquet(DATA / "acs_income_test.parquet").reset_index(drop=True)
    labels, races = frame.pop("PINCP").to_numpy(int), frame["RAC1P"]
    top = {race: place for place, race in enumerate(races.value_counts().index[:3])}
    return coded(frame), labels, races.map(lambda race: top.get(race, 3)).to_numpy(int)


def compas() -> Loaded:
    """African-American, Caucasian, all others."""
    frame = pd.read_csv(DATA / "compas_two_years.csv")
    names = ["sex", "age", "juv_fel_count", "juv_misd_count", "juv_other_count", "priors_count", "c_charge_degree"]
    groups = frame["race"].map({"African-American": 0, "Caucasian": 1}).fillna(2).to_numpy(int)
    own = pd.DataFrame({f"race {place}": (groups == place).astype(float) for place in range(3)})
    inputs = pd.concat([coded(frame[names]), own], axis=1)
    return (inputs - inputs.mean()) / inputs.std(), frame["two_year_recid"].to_numpy(int), groups


def law_school() -> Loaded:
    frame = pd.read_csv(DATA / "law_school.csv")
    labels = frame.pop("pass_bar").to_numpy(int)
    return coded(frame), labels, (frame["race"] == "White").to_numpy(int)


def hmda() -> Loaded:
    """Black, white, and all others, of whom many have no race on file."""
    frame = pd.read_csv(DATA / "hmda_2018_sample.csv", index_col=0)
    labels = frame.pop("high_priced").to_numpy(int)
    groups = np.where(frame["black"] == 1, 0, np.where(frame["white"] == 1, 1, 2))
    return coded(frame), labels, groups


@dataclass(frozen=True)
class Table:
    """What is run on a table; `few`: the bounds of methods that train many models; `seconds` of CPU for a method."""

    load: Callable[[], Loaded]
    seeds: tuple[int, ...]
    base: str = "trees"
    few: tuple[float, ...] = (0.01, 0.05, 0.1)
    seconds: int = 90
    training: int | None = None


TABLES = {
    "adult": Table(adult, (0, 1, 2)),
    "compas": Table(compas, (0, 1, 2, 3, 4), "linear", BOUNDS[1:]),
    "law school": Table(law_school, (0, 1, 2)),
    "hmda": Table(hmda, (0, 1, 2)),
    "acs income": Table(acs_income, (0,), few=(0.05,), seconds=120, training=120_000),
}
# Section 4.1 of the study before: method, constraint, accuracy and violation that it reached, nominal bound.
ROWS = {
    "adult": (
        ("evenhand thresholds", "parity", ((0.8532, 0.015), (0.8600, 0.054), (0.8661, 0.098))),
        ("evenhand thresholds", "odds", ((0.8600, 0.046), (0.8702, 0.050))),
        ("evenhand linear", "parity", ((0.8543, 0.014), (0.8603, 0.054), (0.8657, 0.105))),
        ("evenhand linear", "odds", ((0.8687, 0.046), (0.8706, 0.072))),
        ("evenhand exponentiated gradient", "parity", ((0.8564, 0.012), (0.8657, 0.070))),
        ("evenhand exponentiated gradient", "odds", ((0.8670, 0.035), (0.8683, 0.058))),
        ("evenhand reweighing", "parity", ((0.8673, 0.104),)),
        ("evenhand boosting", "odds", ((0.8706, 0.050),)),
        ("fairlearn thresholds", "parity", ((0.8537, 0.013), (0.8605, 0.052), (0.8656, 0.100))),
        ("oxonfair thresholds", "parity", ((0.8522, 0.012), (0.8579, 0.051), (0.8652, 0.100))),
        ("oxonfair thresholds", "odds", ((0.8542, 0.047), (0.8712, 0.062))),
    ),
    "acs income": (
        ("evenhand thresholds", "parity", ((0.8022, 0.019), (0.8052, 0.052))),
        ("evenhand thresholds", "odds", ((0.7997, 0.020), (0.8084, 0.039), (0.8094, 0.070))),
        ("evenhand linear", "parity", ((0.8026, 0.034), (0.8055, 0.068))),
        ("evenhand linear", "odds", ((0.8082, 0.060), (0.8089, 0.044), (0.8098, 0.070))),
        ("evenhand exponentiated gradient", "parity", ((0.8062, 0.067),)),
        ("evenhand exponentiated gradient", "odds", ((0.8104, 0.123),)),
        ("evenhand reweighing", "parity", ((0.8100, 0.169),)),
        ("fairlearn thresholds", "parity", ((0.8021, 0.018), (0.8052, 0.054))),
        ("oxonfair thresholds", "parity", ((0.8014, 0.018), (0.8066, 0.080))),
        ("oxonfair thresholds", "odds", ((0.8089, 0.045), (0.8105, 0.134))),
    ),
}


# --- running


def write_split(table: Table, loaded: Loaded, seed: int, path: Path) -> dict[str, Any]:
    """Split the rows, train the model, keep its scores; returns labels, groups and scores of the test rows."""
    inputs, labels, groups = loaded
    order, count = np.random.default_rng(seed).permutation(len(labels)), len(labels)
    first = table.training or int(0.6 * count)
    second = first + first // 3 if table.training else int(0.8 * count)
    parts = dict(zip(("training", "validation", "test"), np.split(order, [first, second]), strict=True))
    values = inputs.to_numpy()
    model = estimator(table.base).fit(values[parts["training"]], labels[parts["training"]])
    kept = {}
    for name, rows in parts.items():
        scores = model.predict_proba(values[rows])[:, 1]
        columns = {"inputs": values[rows], "labels": labels[rows], "groups": groups[rows], "scores": scores}
        kept |= {f"{name}_{column}": each for column, each in columns.items()}
    np.savez(path, base=np.array(table.base), **kept)
    return {column: kept[f"test_{column}"] for column in ("labels", "groups", "scores")}


def run(
    table: Table, library: str, methods: Sequence[str], split: Path, pythons: dict[str, str]
) -> tuple[list[Point], list[Any]]:
    """The points of a library's methods on a split, and for each the chances of the test rows; what failed, too."""
    peer = pythons.get(library) or pythons.get("peer") or str(python_of(library))
    python = sys.executable if library == "evenhand" else peer
    cases = [(name, kind, table.few if name in LONG else BOUNDS) for name in methods for kind in ("parity", "odds")]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cases.json").write_text(json.dumps(cases))
        command = [python, str(HERE / "frontier_methods.py"), str(split), f"{folder}/cases.json", folder]
        lines, trouble = heard([*command, str(table.seconds)], 20 * table.seconds)
        points = [{"library": library} | json.loads(line) for line in lines if line.startswith("{")]
        if trouble:
            points.append({"library": library, "method": methods[0], "kind": "parity", "failed": trouble})
        chances = [np.load(Path(folder) / f"{point['place']}.npy") for point in points if "place" in point]
    return points, chances


def heard(command: Sequence[str], seconds: int) -> tuple[list[str], str]:
    """The lines that a process wrote, and what went wrong."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=environment)
    except subprocess.TimeoutExpired as error:
        out = error.stdout or b""
        return (out.decode() if isinstance(out, bytes) else out).splitlines(), f"longer than {seconds} s"
    trouble = (done.stderr.strip().splitlines() or ["killed"])[-1] if done.returncode else ""
    return done.stdout.splitlines(), trouble


# --- judging


def judged(chances: Any, test: dict[str, Any], weight: Any) -> tuple[Any, dict[str, Any]]:
    """Accuracy and violations of decisions with these chances, one for each column of weights."""
    labels, groups = test["labels"], test["groups"]
    cells = list(product(np.unique(groups), (0, 1)))
    sizes = np.array([weight[(groups == group) & (labels == label)].sum(axis=0) for group, label in cells])
    chosen = np.array(
        [chances[here] @ weight[here] for here in ((groups == group) & (labels == label) for group, label in cells)]
    )
    rates, selected = chosen / sizes, (chosen[0::2] + chosen[1::2]) / (sizes[0::2] + sizes[1::2])
    right = chosen[1::2].sum(axis=0) + (sizes - chosen)[0::2].sum(axis=0)
    odds = np.maximum(np.ptp(rates[0::2], axis=0), np.ptp(rates[1::2], axis=0))
    return right / sizes.sum(axis=0), {"parity": np.ptp(selected, axis=0), "odds": odds}


def measured(point: Point, chances: Any, test: dict[str, Any], weight: Any) -> Point:
    """The point with its accuracy and violation; the first column of weights is of ones, others are bootstrap draws."""
    accuracy, violations = judged(np.asarray(chances, float), test, weight)
    violation = violations[point["kind"]]
    found = {"accuracy": round(float(accuracy[0]), 5), "violation": round(float(violation[0]), 5)}
    draws = {"draws": np.round([accuracy[1:], violation[1:]], 5).tolist()} if len(accuracy) > 1 else {}
    return {key: value for key, value in point.items() if key != "place"} | found | draws


def points_of(name: str, loaded: Loaded, seed: int, methods: Sequence[str], pythons: dict[str, str]) -> Iterator[Point]:
    """Every point of these methods on one split of a table."""
    table, own = TABLES[name], {"table": name, "seed": seed}
    with tempfile.TemporaryDirectory() as folder:
        split = Path(folder) / "split.npz"
        test = write_split(table, loaded, seed, split)
        count = len(test["labels"])
        weight = np.ones((count, 1))
        if len(table.seeds) == 1:
            weight = np.hstack((weight, np.random.default_rng(0).poisson(1.0, (count, DRAWS))))
        plain = {"as it is": test["scores"] >= 0.5, "all alike": np.full(count, most(test))}
        for kind, (method, flat) in product(("parity", "odds"), plain.items()):
            yield measured(own | {"library": "any", "method": method, "kind": kind, "setting": ""}, flat, test, weight)
        for library in dict.fromkeys(method.split(" ")[0] for method in methods):
            here = [method for method in methods if method.startswith(library)]
            points, chances = run(table, library, here, split, pythons)
            yield from (own | point for point in points if "place" not in point)
            there = [point for point in points if "place" in point]
            for point, each in zip(there, chances, strict=True):
                yield measured(own | point, each, test, weight)


def most(test: dict[str, Any]) -> float:
    """The more frequent label."""
    return float(test["labels"].mean() >= 0.5)


# --- comparing

Places = list[tuple[Any, Any]]


def best(places: Places, violation: Any) -> Any:
    """The most accurate mixture of two points within a violation; places hold accuracies and violations."""
    accuracy, reached = (np.array(each) for each in zip(*places, strict=True))
    within, beyond = reached <= violation + 1e-12, reached > violation + 1e-12
    found = accuracy[within].max() if within.any() else -np.inf
    for one, other in product(np.flatnonzero(within), np.flatnonzero(beyond)):
        share = (violation - reached[one]) / (reached[other] - reached[one])
        found = max(found, (1 - share) * accuracy[one] + share * accuracy[other])
    return float(found)


@dataclass(frozen=True)
class Known:
    """A point over seeds, or over draws: its mean, and each for itself."""

    library: str
    method: str
    setting: str
    mean: tuple[float, float]
    each: Places
    cpu: float


def known(points: Sequence[Point], table: str, kind: str, seeds: Sequence[int] | None = None) -> list[Known]:
    """The points that are there for all these seeds; unless they are named, for all seeds of the table."""
    wanted, gathered = TABLES[table].seeds if seeds is None else seeds, {}
    for point in points:
        if point["table"] == table and point["kind"] == kind and "accuracy" in point and point["seed"] in wanted:
            gathered.setdefault((point["library"], point["method"], point["setting"]), {})[point["seed"]] = point
    return [known_point(list(here.values())) for here in gathered.values() if len(here) == len(wanted)]


def known_point(here: Sequence[Point]) -> Known:
    """One point over seeds."""
    first, ordered = here[0], sorted(here, key=lambda point: point["seed"])
    accuracy, violation = (float(np.mean([point[name] for point in ordered])) for name in ("accuracy", "violation"))
    each = [(point["accuracy"], point["violation"]) for point in ordered]
    if "draws" in first:
        each = list(zip(*first["draws"], strict=True))
    cpu = float(np.median([point.get("cpu", 0) for point in here]))
    return Known(first["library"], first["method"], first["setting"], (accuracy, violation), each, cpu)


def seeds_of(points: Sequence[Point], table: str, kind: str) -> list[tuple[int, ...]]:
    """The sets of seeds that points of peers are there for: all, or fewer where a run was cut short."""
    found: dict[tuple[str, str], set[int]] = {}
    for point in points:
        if point["table"] == table and point["kind"] == kind and "accuracy" in point and point["library"] != "any":
            found.setdefault((point["method"], point["setting"]), set()).add(point["seed"])
    return sorted({tuple(sorted(each)) for each in found.values()}, key=len, reverse=True)


def difference(own: Sequence[Known], other: Known) -> tuple[float, float | None]:
    """How much more accurate the frontier of own points is at the violation of another point; its deviation."""
    value = best([point.mean for point in own], other.mean[1]) - other.mean[0]
    each = [
        best([point.each[place] for point in own], violation) - accuracy
        for place, (accuracy, violation) in enumerate(other.each)
    ]
    return value, deviation_of(each)


def deviation_of(values: Sequence[float]) -> float | None:
    """The standard deviation; of one value, nothing is known."""
    return round(float(np.std(values, ddof=1)), 5) if len(values) > 1 else None


def compared(points: Sequence[Point], table: str) -> Iterator[dict[str, Any]]:
    """Every point of a peer on a table against evenhand's frontier, and against the method of the same kind."""
    told: set[tuple[str, str, str]] = set()
    for kind, place in product(("parity", "odds"), range(len(TABLES[table].seeds))):
        for seeds in seeds_of(points, table, kind)[place : place + 1]:
            there = known(points, table, kind, seeds)
            own = [point for point in there if point.library in ("evenhand", "any")]
            for point in there:
                key = (kind, point.method, point.setting)
                if point.library not in ("evenhand", "any") and key not in told:
                    told.add(key)
                    yield {"table": table, "kind": kind, "seeds": len(seeds)} | against(own, point)


def against(own: Sequence[Known], point: Known) -> dict[str, Any]:
    """A point of a peer against a frontier, and against the part of it that the method of the same kind makes."""
    name = f"evenhand {point.method.split(' ', 1)[1]}"
    alike = [each for each in own if each.library == "any" or each.method == name]
    row: dict[str, Any] = {"peer": point.method, "setting": point.setting, "cpu": point.cpu}
    row |= {"accuracy": point.mean[0], "violation": point.mean[1]}
    for title, held in (("frontier", own), ("same method", alike)):
        value, deviation = difference(held, point)
        row[title] = {"difference": round(value, 5), "deviation": deviation}
    return row


def against_rows(points: Sequence[Point], table: str) -> Iterator[dict[str, Any]]:
    """Every row of 4.1 against the frontier of evenhand's method alone (for peers: theirs in this run)."""
    for method, kind, cells in ROWS.get(table, ()):
        seeds = sorted({p["seed"] for p in points if (p["table"], p["method"]) == (table, method) and "accuracy" in p})
        here = [
            point for point in known(points, table, kind, seeds) if point.method == method or point.library == "any"
        ]
        if len(here) <= 2:
            continue
        for accuracy, violation in cells:
            each = [best([one.each[place] for one in here], violation) for place in range(len(here[0].each))]
            yield {
                "table": table, "kind": kind, "method": method, "accuracy": accuracy, "violation": violation,
                "seeds": len(seeds), "difference": round(best([one.mean for one in here], violation) - accuracy, 5),
                "deviation": deviation_of(each),
            }  # fmt: skip


def marked(value: float, deviation: float | None) -> str:
    """A difference, its deviation, and how it is marked."""
    if deviation is None:
        return f"{value:+.4f} ± ?      {'below' if value < 0 else '':6}"
    mark = "BEYOND" if value < -deviation else "below" if value < 0 else ""
    return f"{value:+.4f} ± {deviation:.4f} {mark:6}"


def show(points: Sequence[Point]) -> None:
    """Print points, comparisons, and rows of 4.1."""
    for table in dict.fromkeys(point["table"] for point in points):
        print(f"\n== {table}: accuracy / violation (CPU s), means over {len(TABLES[table].seeds)} seeds")
        for kind in ("parity", "odds"):
            for name in dict.fromkeys(point.method for point in known(points, table, kind)):
                here = [point for point in known(points, table, kind) if point.method == name]
                cells = [f"{one.setting} {one.mean[0]:.4f}/{one.mean[1]:.3f} ({one.cpu:.2f})" for one in here]
                print(f"{kind:6} {name:33} " + "  ".join(cells))
        failed = [point for point in points if point["table"] == table and "failed" in point]
        for kind, name in dict.fromkeys((point["kind"], point["method"]) for point in failed):
            here = [point["failed"] for point in failed if (point["kind"], point["method"]) == (kind, name)]
            print(f"{kind:6} {name:33} has no point {len(here)} times, such as: {here[-1]}")
        print("-- at a peer's violation: accuracy of evenhand's frontier (of the same method) less the peer's, ± sd")
        for row in compared(points, table):
            cells = [(row[name]["difference"], row[name]["deviation"]) for name in ("frontier", "same method")]
            told = "   ".join(marked(value, deviation) for value, deviation in cells)
            name = f"{row['kind']:6} {row['peer']:33} {row['setting']:5}"
            print(f"{name} at {row['violation']:.3f}: {told} ({row['seeds']} seeds)")
        if table in ROWS:
            print("-- at the violation of a row of 4.1: accuracy of the same method less the row's, ± sd over seeds")
        for row in against_rows(points, table):
            value, deviation = row["difference"], row["deviation"]
            name = f"{row['kind']:6} {row['method']:33} {row['accuracy']:.4f}/{row['violation']:.3f}"
            print(f"{name}: {marked(value, deviation)} ({row['seeds']} seeds)")


def summary(points: Sequence[Point]) -> dict[str, Any]:
    """What is written: points, and what follows from them."""
    tables = list(dict.fromkeys(point["table"] for point in points))
    return {
        "points": list(points),
        "compared": [row for table in tables for row in compared(points, table)],
        "rows of 4.1": [row for table in tables for row in against_rows(points, table)],
    }


def without(points: Sequence[Point], table: str, seed: int, methods: Sequence[str]) -> list[Point]:
    """The points that stay when these methods have run anew."""
    return [
        point
        for point in points
        if (point["table"], point["seed"]) != (table, seed)
        or (point["library"] != "any" and point["method"] not in methods)
    ]


def as_lines(found: dict[str, list[Any]]) -> str:
    """JSON with a line for each entry of each list."""
    lists = (f"{json.dumps(name)}: [\n" + ",\n".join(map(json.dumps, each)) + "\n]" for name, each in found.items())
    return "{\n" + ",\n".join(lists) + "\n}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--table", action="append", choices=list(TABLES))
    parser.add_argument("--methods", default="", help="the beginning of their names, several with commas between")
    parser.add_argument("--python", action="append", default=[], metavar="PEER=PATH")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args()
    points = json.loads(asked.out.read_text())["points"] if asked.out.exists() else []
    pythons = dict(each.split("=", 1) for each in asked.python)
    methods = [name for name in WORK if name.startswith(tuple(asked.methods.split(",")))]
    for name in [] if asked.show else asked.table or TABLES:
        loaded = TABLES[name].load()
        for seed in TABLES[name].seeds:
            found = list(points_of(name, loaded, seed, methods, pythons))
            points = without(points, name, seed, methods) + found
            asked.out.parent.mkdir(exist_ok=True)
            asked.out.write_text(as_lines(summary(points)))
    show(points)


if __name__ == "__main__":
    main()

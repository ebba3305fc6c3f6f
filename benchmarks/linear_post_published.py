"""Fits LinearPost as its authors' notebooks do, and prints each row beside theirs: accuracy and violation on test.

    python benchmarks/linear_post_published.py                  all rows; tables from ../shared/data or --data FOLDER
    python benchmarks/linear_post_published.py "Adult GBDT"     the rows that begin so

Their protocol (uiuctml/fair-classification @ 92ca8b3, adult.ipynb and compas.ipynb): 35 % of the rows train the model
once (seed 33), of the others 30 % of all are test and 35 % fit the prices, by seeds 33 to 37; nothing is calibrated.
Aware: the model reads the facet. Blind: one model without the facet gives each group and class together. `estimator`:
blind too, but LinearPost itself, fitted on both parts with scores of rows left out (two folds). Violations are the
largest difference of rates, for equalized odds the worse of the two. They had all 48,842 rows of Adult, here are
32,561; their COMPAS had the length of stay, which is not in the table here. Means and standard deviations (n - 1) over
the seeds.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from evenhand.core.chance import chance
from evenhand.core.confusion import Confusion, grouped
from evenhand.core.constraint import Constraint
from evenhand.mitigations.after.linear_post import LinearPost, fit_linear

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "linear_post_published.json"
SEEDS, ONCE = range(33, 38), 33
TEST, POST = 0.3, 0.35
KINDS = {"SP": "demographic-parity", "EO": "equalized-odds"}
Four = tuple[float, float, float, float]

# Accuracy, its standard deviation, violation, its standard deviation. Infinity: no constraint. None: not printed there.
PUBLISHED: dict[str, dict[float, Four | None]] = {
    "Adult GBDT SP aware": {
        np.inf: (0.87053, 0.00101, 0.18828, 0.00555), 0.1: (0.86559, 0.00204, 0.10136, 0.01093),
        0.05: (0.85946, 0.00287, 0.04940, 0.01103), 0.001: (0.85100, 0.00314, 0.01039, 0.00552),
    },
    "Adult GBDT EO aware": {
        np.inf: (0.87053, 0.00101, 0.10462, 0.00952), 0.1: (0.87050, 0.00098, 0.08993, 0.01738),
        0.02: (0.86444, 0.00130, 0.04022, 0.01926), 0.01: (0.86092, 0.00169, 0.02998, 0.01748),
        0.001: (0.85794, 0.00172, 0.02447, 0.01370),
    },
    "Adult GBDT SP blind": {
        np.inf: (0.86848, 0.00134, 0.18601, 0.00589), 0.1: (0.86532, 0.00225, 0.09882, 0.01269),
        0.05: (0.85719, 0.00243, 0.05093, 0.01150), 0.01: None, 0.001: (0.84758, 0.00336, 0.00938, 0.00682),
    },
    "Adult GBDT EO blind": {
        np.inf: (0.86848, 0.00134, 0.11716, 0.01247), 0.02: (0.86609, 0.00251, 0.04795, 0.01598),
        0.01: (0.86392, 0.00296, 0.05026, 0.02222), 0.001: (0.86113, 0.00289, 0.04642, 0.02458),
    },
    "Adult GBDT SP estimator": {0.01: None},
    "COMPAS LR SP aware": {
        np.inf: (0.68200, 0.00772, 0.24330, 0.02829), 0.1: (0.68250, 0.00625, 0.07830, 0.04826),
        0.02: (0.67922, 0.00588, 0.03689, 0.02891), 0.01: (0.67757, 0.00732, 0.04325, 0.02518),
        0.001: (0.67732, 0.00756, 0.04811, 0.02334),
    },
    "COMPAS LR EO aware": {
        np.inf: (0.68200, 0.00772, 0.22416, 0.02305), 0.1: (0.68099, 0.00640, 0.09716, 0.04282),
        0.02: (0.67998, 0.00702, 0.09686, 0.03841), 0.01: (0.68035, 0.00836, 0.10512, 0.04470),
        0.001: (0.67732, 0.00553, 0.09458, 0.04315),
    },
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Table:
    """Features with and without the facet, labels 0 or 1, groups as texts."""

    aware: Any
    blind: Any
    labels: Any
    groups: Any


@dataclass(frozen=True, eq=False)
class Scored:
    """What the model trained once says of all rows, and which rows trained it."""

    table: Table
    model: Any
    predicted: Any  # rows x classes, aware
    joint: Any  # rows x groups x classes, blind
    trained: Any
    rest: Any


def table_of(frame: pd.DataFrame, facet: str, labels: Any) -> Table:
    """Texts become a column for each value, as theirs do."""
    aware = pd.get_dummies(frame).to_numpy(np.float32)
    blind = pd.get_dummies(frame.drop(columns=facet)).to_numpy(np.float32)
    return Table(aware, blind, np.asarray(labels).astype(int), frame[facet].to_numpy(str))


def adult(folder: Path) -> Table:
    frame = pd.read_csv(folder / "adult.csv", skipinitialspace=True)
    labels = frame.pop("income-per-year").str.startswith(">50K")
    return table_of(frame.drop(columns="fnlwgt"), "sex", labels)


def compas(folder: Path) -> Table:
    frame = pd.read_csv(folder / "compas_two_years.csv")
    kept = frame["days_b_screening_arrest"].between(-30, 30) & frame["race"].isin(["African-American", "Caucasian"])
    frame = frame[kept & (frame["is_recid"] != -1) & (frame["c_charge_degree"] != "O")]
    return table_of(frame[["age", "c_charge_degree", "sex", "race", "priors_count"]], "race", frame["is_recid"])


def boosted() -> Any:
    return LGBMClassifier(random_state=ONCE, verbosity=-1, n_jobs=1)


def logistic() -> Any:
    return LogisticRegression(max_iter=10_000)


SOURCES: dict[str, tuple[Callable[[Path], Table], Callable[[], Any]]] = {
    "Adult GBDT": (adult, boosted),
    "COMPAS LR": (compas, logistic),
}


def scored(table: Table, make: Callable[[], Any]) -> Scored:
    """Train the two models once."""
    share = (1 - TEST) * 0.5
    rest, trained = train_test_split(np.arange(len(table.labels)), test_size=share, random_state=ONCE)
    names, places = grouped(table.groups)
    aware = StandardScaler().fit(table.aware[trained]).transform(table.aware)
    blind = StandardScaler().fit(table.blind[trained]).transform(table.blind)
    model = make().fit(aware[trained], table.labels[trained])
    both = make().fit(blind[trained], (places * 2 + table.labels)[trained])
    joint = both.predict_proba(blind).reshape(-1, len(names), 2)
    return Scored(table, make(), model.predict_proba(aware), joint, trained, rest)


def chosen(found: Scored, way: str, bound: str | None, post: Any, test: Any) -> Any:
    """The decisions on the test rows."""
    table = found.table
    if way == "estimator":
        rows = np.concatenate((found.trained, post))
        post_processed = LinearPost(found.model, constraints=bound, blind=True, folds=2)
        post_processed.fit(table.blind[rows], table.labels[rows], facet=table.groups[rows])
        return post_processed.predict(table.blind[test], ids=test)
    predicted = found.predicted if way == "aware" else found.joint.sum(axis=1)
    if bound is None:
        return predicted[test].argmax(axis=1)
    joint = None if way == "aware" else found.joint[post]
    asked = [Constraint.parse(bound)]
    rule = fit_linear(predicted[post], table.labels[post], table.groups[post], asked, joint=joint).rule
    chances = chance(test.tolist(), "published")
    if way == "aware":
        return rule.choose_known(predicted[test], table.groups[test], chances)
    return rule.choose(found.joint[test], chances)


def one(found: Scored, kind: str, way: str, alpha: float, seed: int) -> tuple[float, float]:
    """Accuracy and violation of one seed."""
    size = int(len(found.table.labels) * TEST)
    test = found.rest[np.random.default_rng(seed).choice(len(found.rest), size=size, replace=False)]
    post = np.setdiff1d(found.rest, test)
    decided = chosen(found, way, None if np.isinf(alpha) else f"{KINDS[kind]}:{alpha:g}", post, test)
    names, places = grouped(found.table.groups[test])
    confusion = Confusion.of(names, places, found.table.labels[test], decided)
    return float(confusion.accuracy), float(Constraint.parse(f"{KINDS[kind]}:0").violation(confusion))


def row_of(case: str, alpha: float, theirs: Four | None, found: Scored) -> dict[str, Any]:
    """One row, over the seeds."""
    kind, way = case.split(" ")[2:]
    before = time.process_time()
    each = np.array([one(found, kind, way, alpha, seed) for seed in SEEDS])
    means, spread = each.mean(axis=0), each.std(axis=0, ddof=1)
    ours = [float(means[0]), float(spread[0]), float(means[1]), float(spread[1])]
    return {
        "case": case,
        "alpha": None if np.isinf(alpha) else alpha,
        "ours": [round(number, 5) for number in ours],
        "published": theirs,
        "cpu": round(time.process_time() - before, 2),
    }


def line(row: dict[str, Any]) -> str:
    """A row as text: accuracy ± deviation / violation ± deviation, ours and theirs."""
    sides = [f"{a:.4f}±{b:.4f} / {c:.3f}±{d:.3f}" for a, b, c, d in filter(None, (row["ours"], row["published"]))]
    alpha = "none" if row["alpha"] is None else f"{row['alpha']:g}"
    return f"{row['case']:24} {alpha:>6}   {sides[0]}   {sides[1] if len(sides) > 1 else '-'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("beginning", nargs="?", default="")
    given = os.environ.get("EVENHAND_SHARED_DATA", str(HERE.parents[1] / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(given))
    asked = parser.parse_args()
    rows: list[dict[str, Any]] = []
    scores: dict[str, Scored] = {}
    for case, published in PUBLISHED.items():
        source = " ".join(case.split(" ")[:2])
        if not case.startswith(asked.beginning):
            continue
        if source not in scores:
            load, make = SOURCES[source]
            scores[source] = scored(load(asked.data), make)
        for alpha, theirs in published.items():
            rows.append(row_of(case, alpha, theirs, scores[source]))
            print(line(rows[-1]), flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    # Rows that were not asked for stay.
    before = json.loads(RESULT.read_text()) if RESULT.exists() else []
    rows += [row for row in before if row["case"] not in {each["case"] for each in rows}]
    RESULT.write_text(json.dumps(sorted(rows, key=lambda row: list(PUBLISHED).index(row["case"])), indent=1) + "\n")


if __name__ == "__main__":
    main()

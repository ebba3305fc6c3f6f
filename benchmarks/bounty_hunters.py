"""What each automatic hunter finds in ACS income: its groups, its time, and the error that remains on hidden rows.

    python benchmarks/bounty_hunters.py                  writes benchmarks/results/bounty_bots.json
    python benchmarks/bounty_hunters.py --public 3000    sooner

Two base models, as recorded answers: a tree of depth 2, and gradient boosting that learnt without women. Each hunter
alone and all three together hunt in the public rows; finds answer the hidden rows in the order in which they come, and
errors are those of the hidden rows, whose labels no hunter has. The table is looked for in $EVENHAND_SHARED_DATA, else
in ../shared/data beside the repository.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import parquet

from evenhand.bounty.hunting import HUNTERS, HunterName, Known, Unlabelled, hunt
from evenhand.core.loss import Loss

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "bounty_bots.json"
SHARED = Path(os.environ.get("EVENHAND_SHARED_DATA", HERE.parents[1] / "shared" / "data"))
LABEL = "PINCP"
Columns = dict[str, Any]


def rows_of(seed: int, *counts: int) -> list[Columns]:
    """Rows that no two samples share."""
    raw = parquet.read_table(SHARED / "acs_income_test.parquet").drop_columns(["index"])
    order = np.random.default_rng(seed).permutation(raw.num_rows)[: sum(counts)]
    return [
        {name: raw[name].to_numpy()[rows] for name in raw.column_names}
        for rows in np.split(order, np.cumsum(counts)[:-1])
    ]


def matrix(columns: Columns) -> Any:
    return np.column_stack([values for name, values in columns.items() if name != LABEL]).astype(float)


def base_models(learning: Columns) -> dict[str, Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.tree import DecisionTreeClassifier

    rows, labels, men = matrix(learning), learning[LABEL], learning["SEX"] == 1
    return {
        "a tree of depth 2": DecisionTreeClassifier(max_depth=2, random_state=0).fit(rows, labels),
        "boosting without women": HistGradientBoostingClassifier(random_state=0).fit(rows[men], labels[men]),
    }


def hunted(public: Columns, hidden: Columns, model: Any, by: tuple[HunterName, ...], seed: int) -> dict[str, Any]:
    """What these hunters find, and what it does to the errors of the hidden rows."""
    known, unknown = (
        ({name: values for name, values in each.items() if name != LABEL}, model.predict(matrix(each)).astype(int))
        for each in (public, hidden)
    )
    truth, current = hidden[LABEL].astype(int), unknown[1].copy()
    began, finds = time.process_time(), []
    given = Known(known[0], public[LABEL].astype(int), known[1])
    for find in hunt(given, Unlabelled(*unknown), loss=Loss(), classes=2, seed=seed, by=by):
        before = float((current != truth).mean())
        current[find.mask] = find.answers
        after = float((current != truth).mean())
        gains = {"estimated gain": round(find.gain, 5), "gain on hidden rows": round(before - after, 5)}
        finds.append({"group": str(find.group), "how": find.how, "rows": find.rows, **gains})
    groups = {"all": truth >= 0, "men": hidden["SEX"] == 1, "women": hidden["SEX"] == 2}
    errors = {name: [round(float((answers != truth)[here].mean()), 5) for answers in (unknown[1], current)]
              for name, here in groups.items()}  # fmt: skip
    return {
        "by": list(by),
        "CPU seconds": round(time.process_time() - began, 1),
        "error before, after": errors,
        "finds": finds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--public", type=int, default=12_500, help="Public rows. [default: 12,500]")
    parser.add_argument("--hidden", type=int, default=20_000, help="Hidden rows. [default: 20,000]")
    options = parser.parse_args()
    learning, public, hidden = rows_of(0, 5_000, options.public, options.hidden)
    runs = []
    for name, model in base_models(learning).items():
        for by in (*((each,) for each in HUNTERS), tuple(HUNTERS)):
            runs.append({"base model": name, **hunted(public, hidden, model, by, seed=0)})
            print(json.dumps(runs[-1]), flush=True)
    told = {"rows": {"public": options.public, "hidden": options.hidden}, "runs": runs}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

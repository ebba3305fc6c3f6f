"""Writes tests/mitigations/golden/before.json: what fairlearn and AIF360 make of real tables before training.

    benchmarks/.environments/fairlearn/bin/python benchmarks/golden_mitigations.py
    benchmarks/.environments/aif360/bin/python benchmarks/golden_mitigations.py

Each environment writes the part that its peer answers. fairlearn's CorrelationRemover on German credit and Law school:
sums, sums of squares and first rows of what is left. AIF360's Reweighing: the weight of each cell.
"""

import json
import os
import warnings
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")
ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("EVENHAND_SHARED_DATA", ROOT.parent / "shared" / "data"))
GOLDEN = ROOT / "tests" / "mitigations" / "golden" / "before.json"

# Tables: the file, the features, the facets (each with the values that are marked by a column of their own), the label.
TABLES: dict[str, tuple[str, tuple[str, ...], dict[str, tuple[Any, ...]], str]] = {
    "german": (
        "german_credit.csv",
        ("duration", "credit-amount", "age", "installment-rate"),
        {"sex": ("female",), "foreign-worker": ("yes",)},
        "class-label",
    ),
    "law": ("law_school.csv", ("lsat", "ugpa", "zgpa", "decile3"), {"race": ("White",), "male": (1.0,)}, "pass_bar"),
}


def correlation(table: pd.DataFrame, features: tuple[str, ...], facets: dict[str, tuple[Any, ...]]) -> Any:
    """What CorrelationRemover leaves of the features, at two amounts."""
    from fairlearn.preprocessing import CorrelationRemover

    marks = {
        f"{name}={value}": (table[name] == value).astype(float) for name, values in facets.items() for value in values
    }
    content = pd.DataFrame(marks).join(table[list(features)].astype(float))
    found = {}
    for alpha in (1.0, 0.4):
        left = CorrelationRemover(sensitive_feature_ids=list(marks), alpha=alpha).fit_transform(content)
        left = np.asarray(left)
        found[str(alpha)] = {
            "sums": left.sum(axis=0).tolist(),
            "squares": (left**2).sum(axis=0).tolist(),
            "first": left[:20].tolist(),
        }
    return found


def weights(table: pd.DataFrame, facets: dict[str, tuple[Any, ...]], label: str) -> Any:
    """The weight of each cell of a facet and the label."""
    from aif360.sklearn.preprocessing import Reweighing

    found = {}
    for facet in facets:
        groups = table[facet].astype(str)
        index = pd.Index(groups, name=facet)
        labels = pd.Series(table[label].to_numpy(), index=index)
        given = Reweighing(facet).fit_transform(pd.DataFrame({"x": 0}, index=index), labels)[1]
        cells = pd.DataFrame({"group": groups.to_numpy(), "label": labels.to_numpy(), "weight": np.asarray(given)})
        found[facet] = cells.groupby(["group", "label"])["weight"].first().reset_index().to_numpy().tolist()
    return found


def main() -> None:
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    peer = "fairlearn" if find_spec("fairlearn") else "aif360"
    golden[peer] = {"version": version(peer)}
    for name, (file, features, facets, label) in TABLES.items():
        table = pd.read_csv(DATA / file)
        answer = correlation(table, features, facets) if peer == "fairlearn" else weights(table, facets, label)
        golden[peer][name] = answer
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(dict(sorted(golden.items())), indent=1) + "\n")
    print(f"{peer} {golden[peer]['version']}: {GOLDEN}")


if __name__ == "__main__":
    main()

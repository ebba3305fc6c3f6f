"""Writes tests/subgroups/golden/aif360_adult.json: the best scores of AIF360's bias scan (MDSS) on Adult.

    benchmarks/.environments/aif360/bin/python benchmarks/golden_aif360_scan.py

Columns and bins as in golden_divexplorer.py; who earns more than 50K, more or less often than expected, which is as
often as among all. Ten starts each.
"""

import json
import os
import warnings
from importlib.metadata import version
from pathlib import Path

import pandas as pd

warnings.filterwarnings("ignore")
ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("EVENHAND_SHARED_DATA", ROOT.parent / "shared" / "data"))
GOLDEN = ROOT / "tests" / "subgroups" / "golden" / "aif360_adult.json"
TEXTS = ("workclass", "education", "marital-status", "occupation", "relationship", "race", "sex")
BINS = {"age": (0, 25, 35, 45, 55, 65, 100), "hours-per-week": (0, 30, 40, 50, 100)}


def main() -> None:
    from aif360.sklearn.detectors import bias_scan

    table = pd.read_csv(DATA / "adult.csv", skipinitialspace=True, keep_default_na=False)
    columns = {name: table[name].astype(str) for name in TEXTS}
    columns |= {name: pd.cut(table[name], list(edges)).astype(str) for name, edges in BINS.items()}
    outcome = table["income-per-year"].str.startswith(">50").astype(int)
    scans = []
    for direction, penalty in ((1, 1e-17), (1, 1.0), (-1, 1.0), (1, 10.0)):
        subset, score = bias_scan(
            pd.DataFrame(columns), outcome, overpredicted=direction < 0, num_iters=10, penalty=penalty,
            scoring="Bernoulli",
        )  # fmt: skip
        scans.append({"direction": direction, "penalty": penalty, "score": float(score), "subset": subset})
        print(direction, penalty, score, flush=True)
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps({"aif360": version("aif360"), "scans": scans}, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Writes tests/subgroups/golden/divexplorer_adult.json.gz: every pattern that DivExplorer 0.2.6 finds in Adult.

    benchmarks/.environments/divexplorer/bin/python benchmarks/golden_divexplorer.py

Seven text columns, age and hours in bins (70 items), support .01, and who earns more than 50K. A pattern is written as
its columns and the places of their levels (texts sorted, bins in their order), its rows, and how many of them earn
more. The table is looked for in $EVENHAND_SHARED_DATA, else in ../shared/data beside the repository.
"""

import gzip
import json
import os
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from divexplorer import DivergenceExplorer

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("EVENHAND_SHARED_DATA", ROOT.parent / "shared" / "data"))
GOLDEN = ROOT / "tests" / "subgroups" / "golden" / "divexplorer_adult.json.gz"
TEXTS = ("workclass", "education", "marital-status", "occupation", "relationship", "race", "sex")
BINS = {"age": (0, 25, 35, 45, 55, 65, 100), "hours-per-week": (0, 30, 40, 50, 100)}
SUPPORT = 0.01


def coded(table: pd.DataFrame) -> pd.DataFrame:
    """Every column as the places of its levels."""
    columns = {}
    for name in TEXTS:
        known = {text: place for place, text in enumerate(sorted(set(table[name].astype(str))))}
        columns[name] = table[name].astype(str).map(known)
    for name, edges in BINS.items():
        columns[name] = pd.cut(table[name], list(edges)).cat.codes
    return pd.DataFrame(columns)


def main() -> None:
    table = pd.read_csv(DATA / "adult.csv", skipinitialspace=True, keep_default_na=False)
    codes = coded(table)
    order = {name: place for place, name in enumerate(codes)}
    outcome = table["income-per-year"].str.startswith(">50").astype(int)
    explorer = DivergenceExplorer(codes.assign(outcome=outcome))
    found = explorer.get_pattern_divergence(SUPPORT, attributes=list(codes), boolean_outcomes=["outcome"])
    patterns = []
    for itemset, rows, rate in zip(found["itemset"], found["support_count"], found["outcome"], strict=True):
        conditions = sorted((str(item).rsplit("=", 1) for item in itemset), key=lambda one: order[one[0]])
        total = round(float(rate) * int(rows))
        patterns.append([[[name, int(level)] for name, level in conditions], int(rows), total])
    facts = {"divexplorer": version("divexplorer"), "support": SUPPORT, "patterns": sorted(patterns)}
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_bytes(gzip.compress(json.dumps(facts, separators=(",", ":")).encode(), mtime=0))
    print(len(patterns), "patterns", GOLDEN.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

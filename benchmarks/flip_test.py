"""Times the flip test of evenhand beside smclarify's, at 10,000 to 50,000 rows, and on Adult with its categories.

    python benchmarks/flip_test.py                      both; writes benchmarks/results/flip_test.json
    python benchmarks/flip_test.py --side SIDE ROWS     one side, in the running interpreter

The numeric table is like Adult's: six features, of which two are mostly zero and three take few values, and a third
of the rows in the group. Both sides get standardised features and look at every row. smclarify takes no text, so
Adult with all of its columns is asked of evenhand alone.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
SIZES = (10_000, 20_000, 50_000)
ADULT = Path(os.environ.get("EVENHAND_SHARED_DATA", HERE.parents[1] / "shared" / "data")) / "adult.csv"


def table(rows: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Features, who is in the group, and who is predicted positive."""
    draw = np.random.default_rng(0)
    age = draw.integers(17, 91, rows)
    weight = draw.lognormal(12, 0.5, rows).round()
    education = draw.integers(1, 17, rows)
    gain = np.where(draw.random(rows) < 0.08, draw.lognormal(8.5, 1, rows).round(), 0)
    loss = np.where(draw.random(rows) < 0.05, draw.normal(1900, 300, rows).round(), 0)
    hours = np.where(draw.random(rows) < 0.45, 40, draw.integers(1, 100, rows))
    features = np.stack([age, weight, education, gain, loss, hours], axis=1).astype(float)
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    group = draw.random(rows) < 0.33
    predicted = features[:, 2] + features[:, 0] / 2 + draw.normal(0, 0.7, rows) - group * 0.3 > 0.5
    return features, group, predicted


def ours(rows: int) -> float:
    from evenhand.metrics.flip import Neighbourhood, flip_test

    features, group, predicted = table(rows)
    return float(flip_test.measure(Neighbourhood(features, group, predicted, 1000, 0)).value)


def theirs(rows: int) -> float:
    import pandas
    from smclarify.bias.metrics import FT, call_metric

    logging.disable(logging.CRITICAL)
    features, group, predicted = table(rows)
    return -float(
        call_metric(
            FT, df=pandas.DataFrame(features), sensitive_facet_index=pandas.Series(group),
            positive_predicted_label_index=pandas.Series(predicted),
        )
    )  # fmt: skip


def adult(rows: int) -> float:
    """The whole audit of Adult by sex with the flip test, minus the audit without it."""
    import evenhand as eh

    def audited(features: tuple[str, ...] | None) -> Any:
        audit = eh.Audit(
            label="income-per-year", positive=[">50K"], predicted_label="education-num>=13", facets=["sex=Female"],
            features=features, flip_test_rows=rows,
        )  # fmt: skip
        return eh.run(audit, str(ADULT))

    (finding,) = [finding for finding in audited(None).findings if finding.metric == "FT"]
    return float(finding.value)


SIDES = {"evenhand": ours, "smclarify": theirs, "adult": adult}


def one(side: str, rows: int) -> dict[str, Any]:
    """A side's CPU seconds, after a small run that loads what it needs."""
    work = SIDES[side]
    if side != "adult":
        work(200)
    cpu = time.process_time()
    value = work(rows)
    return {"side": side, "rows": rows, "cpu_s": time.process_time() - cpu, "value": value}


def outcome(side: str, rows: int) -> dict[str, Any]:
    python = HERE / ".environments" / "smclarify" / "bin" / "python" if side == "smclarify" else sys.executable
    command = [str(python), "-W", "ignore", __file__, "--side", side, str(rows)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", nargs=2, metavar=("SIDE", "ROWS"))
    given = parser.parse_args()
    if given.side:
        print(json.dumps(one(given.side[0], int(given.side[1]))))
        return
    results = []
    for rows in SIZES:
        pair = [outcome(side, rows) for side in ("evenhand", "smclarify")]
        results += pair
        ratio = pair[1]["cpu_s"] / pair[0]["cpu_s"]
        print(
            f"{rows:>7,} rows  evenhand {pair[0]['cpu_s']:.2f} CPU s ({pair[0]['value']:.4f})"
            f"  smclarify {pair[1]['cpu_s']:.2f} CPU s ({pair[1]['value']:.4f})  ×{ratio:.1f}",
            flush=True,
        )
    for rows in (20_000, 50_000):
        results.append(outcome("adult", rows))
        print(f"Adult, all columns, at most {rows:,} rows: {results[-1]['cpu_s']:.2f} CPU s in all", flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "flip_test.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

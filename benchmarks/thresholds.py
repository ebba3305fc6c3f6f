"""Times and compares group thresholds: evenhand, fairlearn, error-parity, OxonFair on the same rows.

    python benchmarks/thresholds.py                          100,000 rows; writes benchmarks/results/thresholds.json
    python benchmarks/thresholds.py --rows 1000000           more rows
    python benchmarks/thresholds.py --python fairlearn=PATH  another interpreter for a peer
    python benchmarks/thresholds.py --seconds 60             give up on a case after so long; without, 300 s
    python benchmarks/thresholds.py --case NAME --rows N     one case, in the running interpreter

Scores that are true probabilities, five groups of unlike size and base rate; half of the rows are fitted on, the other
half judged. CPU seconds are those of the process, all threads, of fitting alone, the best of three; the share of errors
and the largest gap of rates are those of decisions on rows not fitted on (compare at matched gaps, not at nominal
bounds); `fitted cost` is the objective's value, where the package says it. A case that is not done in time is recorded
as such. The peers' environments are made by environments.py: fairlearn, oxonfair, error-parity (with ECOS, its solver).
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from environments import python_of

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "thresholds.json"
SHARES = (0.55, 0.25, 0.12, 0.06, 0.02)
SHIFTS = (0.0, -0.3, -0.5, -0.6, -0.8)
BOUND = 0.02
SECONDS = 300
Rows = tuple[Any, Any, Any]
Decide = Callable[[Any, Any], Any]
# fairlearn's tolerance is of demographic parity and the like; its equalized odds has none.
CASES = ("evenhand parity", "evenhand odds", "fairlearn parity", "error-parity parity", "error-parity odds", "oxonfair parity", "oxonfair odds")  # fmt: skip  # noqa: E501


def rows_of(count: int, seed: int) -> Rows:
    """Scores, labels, and groups as small numbers."""
    numbers = np.random.default_rng(seed)
    groups = numbers.choice(len(SHARES), count, p=SHARES)
    scores = 1 / (1 + np.exp(-1.5 * numbers.normal(size=count) - np.array(SHIFTS)[groups]))
    return scores, (numbers.random(count) < scores).astype(int), groups


def evenhand(rows: Rows, kind: str) -> tuple[Decide, float | None]:
    from evenhand.core.chance import chance
    from evenhand.core.constraint import Constraint
    from evenhand.mitigations.after.thresholds import fit_thresholds

    name = "demographic-parity" if kind == "parity" else "equalized-odds"
    names = np.array([f"g{place}" for place in range(len(SHARES))])
    solved = fit_thresholds(rows[0], rows[1], names[rows[2]], [Constraint.parse(f"{name}:{BOUND}")])
    rule = solved.rule
    return (lambda scores, groups: rule.decide(scores, names[groups], chance(range(len(scores)), "s"))), solved.cost


class Scores:
    """A model whose input is its score."""

    classes_ = np.array([0, 1])

    def fit(self, _scores: Any, _labels: Any = None) -> "Scores":
        return self

    def predict_proba(self, scores: Any) -> Any:
        column = np.asarray(scores)[:, 0]
        return np.column_stack((1 - column, column))

    def predict(self, scores: Any) -> Any:
        return self.predict_proba(scores)[:, 1] >= 0.5


def fairlearn(rows: Rows, kind: str) -> tuple[Decide, float | None]:
    from fairlearn.postprocessing import ThresholdOptimizer
    from sklearn.base import BaseEstimator, ClassifierMixin

    model = type("Answers", (Scores, ClassifierMixin, BaseEstimator), {"fitted_": True})()
    constraint = "demographic_parity" if kind == "parity" else "equalized_odds"
    found = ThresholdOptimizer(
        estimator=model, constraints=constraint, objective="accuracy_score", prefit=True,
        predict_method="predict_proba", tol=BOUND,
    )  # fmt: skip
    found.fit(rows[0][:, None], rows[1], sensitive_features=rows[2])
    return (lambda scores, groups: found.predict(scores[:, None], sensitive_features=groups, random_state=0)), None


def error_parity(rows: Rows, kind: str) -> tuple[Decide, float | None]:
    from error_parity import RelaxedThresholdOptimizer

    constraint = "demographic_parity" if kind == "parity" else "equalized_odds"
    found = RelaxedThresholdOptimizer(
        predictor=lambda each: each[:, 0], constraint=constraint, tolerance=BOUND, seed=0, max_roc_ticks=None
    )
    found.fit(X=rows[0][:, None], y=rows[1], group=rows[2])
    return (lambda scores, groups: found(scores[:, None], group=groups)), float(found.cost())


def oxonfair(rows: Rows, kind: str) -> tuple[Decide, float | None]:
    import pandas as pd
    from oxonfair import FairPredictor
    from oxonfair import group_metrics as metrics

    def table(scores: Any, groups: Any, labels: Any) -> dict[str, Any]:
        return {"data": pd.DataFrame({"score": scores}), "target": labels, "groups": groups}

    found = FairPredictor(Scores(), table(rows[0], rows[2], rows[1]))
    metric = metrics.demographic_parity if kind == "parity" else metrics.equalized_odds
    found.fit(metrics.accuracy, metric, BOUND)
    return (lambda scores, groups: found.predict(table(scores, groups, np.arange(len(scores)) % 2))), None


WORK = {"evenhand": evenhand, "fairlearn": fairlearn, "error-parity": error_parity, "oxonfair": oxonfair}


def judged(decided: Any, rows: Rows) -> dict[str, float]:
    """Errors, and the largest gap of selection and of error rates, on rows not fitted on."""
    groups, labels = rows[2], rows[1]
    rates = np.array(
        [[decided[among & (groups == each)].mean() for among in (labels >= 0, labels == 1, labels == 0)]
         for each in np.unique(groups)]
    )  # fmt: skip
    gaps = np.ptp(rates, axis=0)
    return {
        "errors": float((decided != labels).mean()),
        "parity gap": float(gaps[0]),
        "odds gap": float(gaps[1:].max()),
    }


def measured(case: str, rows: int) -> dict[str, Any]:
    """One case, in this interpreter."""
    peer, kind = case.split(" ")
    fitted, held = rows_of(rows, 0), rows_of(rows, 1)
    seconds = []
    for _ in range(3):
        before = time.process_time()
        decide, cost = WORK[peer](fitted, kind)
        seconds.append(time.process_time() - before)
        if seconds[-1] > 20:
            break
    answer = {"case": case, "rows": rows, "cpu": min(seconds), "fitted cost": cost}
    return answer | judged(np.asarray(decide(held[0], held[2])).astype(int).ravel(), held)


def apart(case: str, rows: int, pythons: dict[str, str], seconds: int) -> dict[str, Any]:
    """One case in its own process."""
    peer = case.split(" ")[0]
    python = pythons.get(peer) or (sys.executable if peer == "evenhand" else str(python_of(peer)))
    command = [python, __file__, "--case", case, "--rows", str(rows)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return {"case": case, "rows": rows, "failed": f"did not finish in {seconds} s"}
    if done.returncode:
        return {"case": case, "rows": rows, "failed": (done.stderr.strip().splitlines() or ["killed"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("beginning", nargs="?", default="")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--case")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--python", action="append", default=[])
    asked = parser.parse_args()
    if asked.case:
        print(json.dumps(measured(asked.case, asked.rows)))
        return
    pythons = dict(each.split("=", 1) for each in asked.python)
    found = []
    for case in CASES:
        if case.startswith(asked.beginning):
            found.append(apart(case, asked.rows, pythons, asked.seconds))
            print(found[-1], flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    # Cases that were not asked for stay.
    before = json.loads(RESULT.read_text()) if RESULT.exists() and asked.beginning else []
    found += [each for each in before if each["case"] not in {one["case"] for one in found}]
    RESULT.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()

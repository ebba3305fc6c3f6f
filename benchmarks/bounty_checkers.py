"""What the checkers of bounties find, and what they let through: power, and false acceptances beside naive rules.

    python benchmarks/bounty_checkers.py               writes benchmarks/results/bounty_checkers.json
    python benchmarks/bounty_checkers.py --runs 400    more runs: of power, a sixth of them of useless hunters

Power: the share of planted certificates accepted as the first of a budget of 1,000, where the current model errs in
0.3 + gap/2 of the group and the submitted one in 0.3 - gap/2, independently (the hardest case), for shares of the rows,
gaps and numbers of rows. False acceptances: labels are coins, 300 submissions answer a random union of 40 cells with
one label each; all acceptances are false. `mean >= .001` and `mean > 0` are the rules of amazon-science/bias-bounties
(verifier.py, run_demo_updates), on the same submissions; the reported loss is that of the same rows, the truth 0.5.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np

from evenhand.certificates import checker
from evenhand.core.bounty import Bounty
from evenhand.core.certificate import CheckerName, Spent

RESULT = Path(__file__).resolve().parent / "results" / "bounty_checkers.json"
NAMES = get_args(CheckerName)
ROWS = (1000, 5000, 20_000, 50_000)
PLANTED = ((0.05, 0.1), (0.05, 0.3), (0.1, 0.3), (0.2, 0.05), (0.2, 0.1), (0.5, 0.05))
USELESS, CELLS = 300, 40
Rule = Callable[[Any, Any, int], bool]


def rule_of(name: CheckerName, budget: int) -> Rule:
    """Whether differences are accepted after so many acceptances; public differences come second."""
    rules = Bounty(name="b", label="y", identity="id", features=("x",), checker=name, budget=budget)
    judge = checker(rules)

    def rule(differences: Any, public: Any, accepted: int) -> bool:
        spent = Spent(accepted=accepted, budget=budget, accept_at_most=20, number=1)
        return judge.rule(differences, spent, seen=public).accepted

    return rule


def rules_of(budget: int) -> dict[str, Rule]:
    naive: dict[str, Rule] = {
        "mean >= .001": lambda differences, *_: bool(differences.mean() >= 0.001),
        "mean > 0": lambda differences, *_: bool(differences.mean() > 0),
    }
    return naive | {name: rule_of(name, budget) for name in NAMES}


def planted(numbers: np.random.Generator, rows: int, share: float, gap: float) -> Any:
    group = numbers.random(rows) < share
    worse, better = (numbers.random(rows) < 0.3 + half for half in (gap / 2, -gap / 2))
    return np.where(group, worse.astype(float) - better, 0.0)


def power(runs: int) -> list[dict[str, Any]]:
    rules, table = rules_of(1000), []
    for rows in ROWS:
        for share, gap in PLANTED:
            numbers = np.random.default_rng(0)
            # Thresholdout sees a public sample of the same size.
            pairs = [(planted(numbers, rows, share, gap), planted(numbers, rows, share, gap)) for _ in range(runs)]
            found = {name: float(np.mean([rule(*pair, 0) for pair in pairs])) for name, rule in rules.items()}
            table.append({"rows": rows, "share": share, "gap": gap, "gain": share * gap, "accepted": found})
    return table


def useless(rule: Rule, rows: int, seed: int) -> tuple[int, float]:
    """How many useless submissions are accepted, and the loss of the final model on the rows that decided."""
    numbers = np.random.default_rng(seed)
    labels, public = numbers.integers(0, 2, (2, rows))
    cells, answers = numbers.integers(0, CELLS, rows), np.zeros(CELLS, int)
    accepted = 0
    for _ in range(USELESS):
        group = numbers.permutation(CELLS) < numbers.integers(1, CELLS // 2)
        answer = int(numbers.integers(0, 2))
        # Public rows have the same cells; their labels are coins of their own.
        both = [
            np.where(group[cells], (answers[cells] != truth).astype(float) - (answer != truth), 0.0)
            for truth in (labels, public)
        ]
        if rule(*both, accepted):
            answers = np.where(group, answer, answers)
            accepted += 1
    return accepted, float((answers[cells] != labels).mean())


def false_acceptances(runs: int) -> list[dict[str, Any]]:
    table = []
    for rows in ROWS[:3]:
        for name, rule in rules_of(USELESS).items():
            ended = [useless(rule, rows, seed) for seed in range(runs)]
            table.append({
                "rows": rows, "rule": name, "runs": runs,
                "accepted": float(np.mean([accepted for accepted, _ in ended])),
                "any": float(np.mean([accepted > 0 for accepted, _ in ended])),
                "reported loss": float(np.mean([loss for _, loss in ended])),
            })  # fmt: skip
    return table


def microseconds(rows: int = 20_000, times: int = 200) -> dict[str, float]:
    """CPU time of one ruling."""
    differences = planted(np.random.default_rng(0), rows, 0.1, 0.3)
    taken = {}
    for name, rule in rules_of(1000).items():
        began = time.process_time()
        for _ in range(times):
            rule(differences, differences, 0)
        taken[name] = (time.process_time() - began) / times * 1e6
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=60)
    runs = parser.parse_args().runs
    result = {
        "power": {"budget": 1000, "delta": 0.05, "runs": runs, "table": power(runs)},
        "useless": {"submissions": USELESS, "delta": 0.05, "table": false_acceptances(max(runs // 6, 1))},
        "microseconds a ruling on 20,000 rows": microseconds(),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    for line in result["power"]["table"] + result["useless"]["table"]:
        print(line)
    print(result["microseconds a ruling on 20,000 rows"])


if __name__ == "__main__":
    main()

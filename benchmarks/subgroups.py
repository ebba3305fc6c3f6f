"""Times searches for groups on Adult: evenhand, DivExplorer, SliceLine, AIF360's bias scan; each in its own process.

    python benchmarks/subgroups.py                        every case; writes benchmarks/results/subgroups.json
    python benchmarks/subgroups.py evenhand               the cases whose name begins so
    python benchmarks/subgroups.py --python aif360=PATH   another interpreter for a peer
    python benchmarks/subgroups.py --case NAME            one case, in the running interpreter

32,561 rows, seven text columns, age and hours in bins: 70 items. Looked for: groups that earn more than 50K more often
than others. Tables are made before the clock starts. CPU is that of the process, all threads; peak is the highest
resident memory during the call, less that before it (Linux only). The best of several repeats is kept; the first
repeat, which imports what a package imports late, is not counted. The table is looked for in $EVENHAND_SHARED_DATA,
else in ../shared/data beside the repository.
"""

import argparse
import csv
import gc
import json
import logging
import os
import subprocess
import sys
import time
import warnings
from bisect import bisect_left
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from environments import python_of

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("EVENHAND_SHARED_DATA", HERE.parents[1] / "shared" / "data"))
RESULT = HERE / "results" / "subgroups.json"
TEXTS = ("workclass", "education", "marital-status", "occupation", "relationship", "race", "sex")
BINS = {"age": (0, 25, 35, 45, 55, 65, 100), "hours-per-week": (0, 30, 40, 50, 100)}
SECONDS = 600
Work = Callable[[], dict[str, Any]]


def columns() -> tuple[dict[str, list[str]], list[int]]:
    """Every column as texts, and the outcome."""
    with (DATA / "adult.csv").open() as lines:
        rows = list(csv.DictReader(lines, skipinitialspace=True))
    found = {name: [row[name] for row in rows] for name in TEXTS}
    for name, edges in BINS.items():
        places = [bisect_left(edges, float(row[name])) for row in rows]
        found[name] = [f"{edges[place - 1]:03} to {edges[place]:03}" for place in places]
    return found, [int(row["income-per-year"].startswith(">50")) for row in rows]


# --- measuring


def memory(key: str) -> float:
    """A line of /proc/self/status in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    raise KeyError(key)


def measured(work: Work, repeats: int) -> dict[str, Any]:
    """CPU and wall seconds (the best of the repeats), peak memory (the worst), and what was found."""
    found = work()
    best = {"cpu_s": float("inf"), "wall_s": float("inf"), "peak_mb": 0.0}
    for _ in range(repeats):
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")
        before, cpu, wall = memory("VmRSS"), time.process_time(), time.perf_counter()
        work()
        best["wall_s"] = min(best["wall_s"], time.perf_counter() - wall)
        best["cpu_s"] = min(best["cpu_s"], time.process_time() - cpu)
        best["peak_mb"] = max(best["peak_mb"], memory("VmHWM") - before)
    return {**{name: round(value, 4) for name, value in best.items()}, **found}


# --- evenhand


def evenhand_case(name: str, depth: int, least: int, **settings: Any) -> Work:
    import numpy as np

    from evenhand import subgroups
    from evenhand.core.group import Group
    from evenhand.core.items import Coded, Items, Search, Target

    coded = []
    table, outcome = columns()
    for column, texts in table.items():
        known = sorted(set(texts))
        places = {text: place for place, text in enumerate(known)}
        codes = np.array([places[text] for text in texts])
        coded.append(Coded(column, tuple(Group.of(column, text) for text in known), codes, column in BINS))
    items = Items(tuple(coded), len(outcome))
    target = Target(np.array(outcome, float), np.ones(len(outcome), bool))
    search_for: Any = type(subgroups.searcher(name))(**settings)

    def work() -> dict[str, Any]:
        found, looked = search_for(items, target, Search(depth=depth, least_rows=least))
        first = found[0]
        best = {"group": str(first.pattern.group(items)), "rows": first.rows, "total": first.total}
        return {"looked_at": looked, "found": len(found), "best": best, "score": round(first.score, 4)}

    return work


# --- peers


def divexplorer_case(support: float) -> Work:
    import pandas as pd
    from divexplorer import DivergenceExplorer

    table, outcome = columns()
    frame = pd.DataFrame(table).assign(outcome=outcome)

    def work() -> dict[str, Any]:
        explorer = DivergenceExplorer(frame)
        found = explorer.get_pattern_divergence(support, attributes=list(table), boolean_outcomes=["outcome"])
        first = found[found["outcome_div"] > 0].sort_values("outcome_t", ascending=False).iloc[0]
        best = {"group": " & ".join(sorted(first["itemset"])), "rows": int(first["support_count"])}
        return {"looked_at": len(found), "best": best}

    return work


def sliceline_case(depth: int) -> Work:
    import numpy as np
    import pandas as pd
    from sliceline.slicefinder import Slicefinder

    table, outcome = columns()
    frame, errors = pd.DataFrame(table), np.array(outcome, float)

    def work() -> dict[str, Any]:
        finder = Slicefinder(alpha=0.95, k=5, max_l=depth, min_sup=326, verbose=False).fit(frame, errors)
        named = zip(table, finder.top_slices_[0], strict=True)
        return {"best": {"group": " & ".join(f"{name}={level}" for name, level in named if level is not None)}}

    return work


def aif360_case(restarts: int, penalty: float) -> Work:
    import pandas as pd
    from aif360.sklearn.detectors import bias_scan

    table, outcome = columns()
    frame, observed = pd.DataFrame(table), pd.Series(outcome)

    def work() -> dict[str, Any]:
        subset, score = bias_scan(
            frame, observed, overpredicted=False, num_iters=restarts, penalty=penalty, scoring="Bernoulli"
        )
        best = " & ".join(f"{name}={','.join(levels)}" for name, levels in sorted(subset.items()))
        return {"best": {"group": best}, "score": float(score)}

    return work


# The peer whose interpreter runs it, what makes the work, and how often it is repeated.
CASES: dict[str, tuple[str, Callable[[], Work], int]] = {
    "evenhand lattice, support .05": ("", lambda: evenhand_case("lattice", 9, 1629), 5),
    "evenhand lattice, support .01": ("", lambda: evenhand_case("lattice", 9, 326), 5),
    "evenhand lattice, support .01, depth 3": ("", lambda: evenhand_case("lattice", 3, 326), 5),
    "evenhand lattice with ranges, depth 3": ("", lambda: evenhand_case("lattice", 3, 326, ranges=True), 5),
    "evenhand scan, 10 starts": ("", lambda: evenhand_case("scan", 9, 1, penalty=1.0, rounds=1), 3),
    "evenhand scan, 10 starts, no penalty": ("", lambda: evenhand_case("scan", 9, 1, penalty=1e-17, rounds=1), 3),
    "evenhand scan, as set": ("", lambda: evenhand_case("scan", 3, 326), 3),
    "evenhand tree": ("", lambda: evenhand_case("tree", 3, 326), 5),
    "evenhand linear": ("", lambda: evenhand_case("linear", 3, 326), 5),
    "divexplorer, support .05": ("divexplorer", lambda: divexplorer_case(0.05), 3),
    "divexplorer, support .01": ("divexplorer", lambda: divexplorer_case(0.01), 3),
    "sliceline, depth 2": ("sliceline", lambda: sliceline_case(2), 3),
    "sliceline, depth 3": ("sliceline", lambda: sliceline_case(3), 2),
    "aif360 bias scan, 10 starts": ("aif360", lambda: aif360_case(10, 1.0), 1),
    "aif360 bias scan, 10 starts, no penalty": ("aif360", lambda: aif360_case(10, 1e-17), 1),
}
PEERS = sorted({peer for peer, *_ in CASES.values() if peer})


def run_here(name: str) -> None:
    """One case in this process; prints its numbers as the last line."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    peer, make, repeats = CASES[name]
    numbers = measured(make(), repeats)
    try:
        numbers["version"] = version(peer or "evenhand")
    except PackageNotFoundError:
        numbers["version"] = "working tree"
    print(json.dumps(numbers))


def run_apart(name: str, pythons: dict[str, str]) -> dict[str, Any]:
    """One case in a new process of its peer's interpreter."""
    peer = CASES[name][0]
    python = pythons.get(peer, str(python_of(peer)) if peer else sys.executable)
    if not Path(python).exists():
        return {"failed": f"no interpreter {python}; make it with environments.py, or name one by --python"}
    command = [python, "-W", "ignore", __file__, "--case", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return {"failed": f"more than {SECONDS} s"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("begins", nargs="?", default="")
    parser.add_argument("--case", choices=list(CASES))
    parser.add_argument("--python", action="append", default=[], metavar="PEER=PATH", help=f"of {', '.join(PEERS)}")
    parser.add_argument("--result", type=Path, default=RESULT)
    options = parser.parse_args()
    if options.case:
        return run_here(options.case)
    pythons = dict(one.split("=", 1) for one in options.python)
    results = {}
    for name in CASES:
        if name.startswith(options.begins):
            results[name] = run_apart(name, pythons)
            shown = results[name].get("failed") or "{cpu_s:9.3f} CPU s {peak_mb:8.1f} MB".format(**results[name])
            print(f"{name:42}{shown}", flush=True)
    known = json.loads(options.result.read_text()) if options.result.exists() else {}
    options.result.write_text(json.dumps({**known, **results}, indent=1) + "\n")


if __name__ == "__main__":
    main()

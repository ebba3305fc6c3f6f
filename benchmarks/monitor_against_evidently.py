"""Times drift, classification and groups of 1M rows against 1M rows of 20 columns: evenhand, Evidently, bare DuckDB.

    python benchmarks/environments.py evidently            once: Evidently's environment
    python benchmarks/monitor_against_evidently.py         every case; writes results/monitor_against_evidently.json
    python benchmarks/monitor_against_evidently.py evenhand --rows 100000      the cases named, at another size
    python benchmarks/monitor_against_evidently.py --evidently PYTHON          another interpreter that has Evidently

Eleven numbers, six categories, a score, a label and a prediction, in two Parquet files. Each case is a process of its
own and does what a user does: read both files, compare all 17 inputs (overall and, evenhand, within every group of sex
and race), measure how well each group is served, and write a page. `wall_s` counts from the first read to the page and
`import_s` what was imported before; `cpu_s` and `peak_mb` (the largest resident memory; Linux only) are those of the
whole process. Evidently is asked for its presets of drift and classification and for recall and precision by sex and
race. Limits for evenhand: 3 s, 350 MB, a page under 200 kB.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "monitor_against_evidently.json"
NUMBERS = [f"n{place}" for place in range(11)]
CATEGORIES = {"sex": 2, "race": 5, "region": 12, "product": 8, "channel": 4, "job": 30}
LIMITS = {"wall_s": 3.0, "peak_mb": 350.0, "page_kb": 200.0}
SECONDS = 900


def files(rows: int) -> tuple[Path, Path]:
    """The reference and the current table, made once; the current one has drifted a little."""
    folder = HERE / ".data" / f"monitor_{rows}"
    places = (folder / "reference.parquet", folder / "current.parquet")
    if not all(place.exists() for place in places):
        folder.mkdir(parents=True, exist_ok=True)
        for seed, place in enumerate(places):
            make(rows, seed, place)
    return places


def make(rows: int, seed: int, place: Path) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {name: random.normal(0.1 * seed * (at % 3), 1, rows) for at, name in enumerate(NUMBERS)}
    for name, number in CATEGORIES.items():
        shares = np.ones(number) + 0.2 * seed * (np.arange(number) % 2)
        columns[name] = np.array([f"{name}{at}" for at in range(number)])[
            random.choice(number, rows, p=shares / shares.sum())
        ]
    score = 1 / (1 + np.exp(-columns["n0"] - 0.5 * columns["n1"] + 0.3 * (columns["sex"] == "sex0")))
    columns |= {
        "score": score,
        "label": (random.random(rows) < score).astype(int),
        "predicted": (score >= 0.5).astype(int),
    }
    pq.write_table(pa.table(columns), place, compression="zstd")


def evenhand(reference: Path, current: Path, page: Path) -> dict[str, Any]:
    from evenhand.core.audit import Audit
    from evenhand.core.monitor import Monitor
    from evenhand.flow import About, report_of, tally_of
    from evenhand.monitor.drift import bias_drifts, data_drifts, histograms_of
    from evenhand.renderers import render
    from evenhand.sources import read

    audit = Audit(
        label="label", positive=(1,), predicted_label="predicted", score="score", facets=("sex", "race"),
        features=(),
    )  # fmt: skip
    monitor = Monitor(
        name="speed", audit=audit, baseline=str(reference), columns=(*NUMBERS, *CATEGORIES), id="n0", time="n1"
    )
    taken: dict[str, float] = {}
    started = time.perf_counter()

    def timed(name: str, work: Callable[[], Any]) -> Any:
        before = time.perf_counter()
        done = work()
        taken[f"{name}_s"] = taken.get(f"{name}_s", 0.0) + time.perf_counter() - before
        return done

    def looked(place: Path, binnings: Any) -> Any:
        """What stays of a table when its rows are let go of."""
        frame = timed("load", lambda: read(place))
        found = timed("histograms", lambda: histograms_of(frame, monitor, binnings))
        about = About(frame.location, tuple(frame.kinds))
        return found, timed("report", lambda: report_of(tally_of(audit, frame), about))

    then, before = looked(reference, None)
    now, report = looked(current, then.binnings)
    drifts = timed("drift", lambda: [*bias_drifts(report, before, monitor), *data_drifts(now, then, monitor)])
    timed("page", lambda: page.write_text(render(report, "html", against=before), encoding="utf-8"))
    return {
        "wall_s": time.perf_counter() - started, **taken, "findings": len(report.findings), "compared": len(drifts),
        "beyond": sum(drift.verdict == "drift" for drift in drifts), "page_kb": page.stat().st_size / 1000,
    }  # fmt: skip


def evidently(reference: Path, current: Path, page: Path) -> dict[str, Any]:
    import pandas
    from evidently import BinaryClassification, DataDefinition, Dataset, Report
    from evidently.metrics import Precision, Recall
    from evidently.metrics.group_by import GroupBy
    from evidently.presets import ClassificationPreset, DataDriftPreset

    definition = DataDefinition(
        numerical_columns=NUMBERS, categorical_columns=[*CATEGORIES, "label", "predicted"],
        classification=[BinaryClassification(target="label", prediction_labels="predicted", prediction_probas="score")],
    )  # fmt: skip
    started = time.perf_counter()
    data = [Dataset.from_pandas(pandas.read_parquet(place), definition) for place in (reference, current)]
    taken = {"load_s": time.perf_counter() - started}
    asked = {
        "drift": [DataDriftPreset(columns=[*NUMBERS, *CATEGORIES])],
        "classification": [ClassificationPreset()],
        "groups": [GroupBy(metric, column) for metric in (Recall(), Precision()) for column in ("sex", "race")],
    }
    kilobytes = 0.0
    for name, metrics in asked.items():
        before = time.perf_counter()
        found = Report(metrics).run(data[1], data[0])
        if name != "groups":
            found.save_html(str(page))
            kilobytes += page.stat().st_size / 1000
        taken[f"{name}_s"] = time.perf_counter() - before
    return {"wall_s": time.perf_counter() - started, **taken, "page_kb": kilobytes}


def duckdb(reference: Path, current: Path, page: Path) -> dict[str, Any]:
    """The bare engine: histograms of all inputs, and the confusion by sex and race, of both tables."""
    import duckdb as engine

    connection = engine.connect(config={"threads": os.cpu_count() or 1})
    started = time.perf_counter()
    for place in (reference, current):
        connection.execute(f"CREATE OR REPLACE VIEW t AS SELECT * FROM read_parquet('{place}')")
        ranges = ", ".join(f"min({name}), max({name})" for name in NUMBERS)
        edges = connection.execute(f"SELECT {ranges} FROM t").fetchall()[0]
        low_high = list(zip(NUMBERS, edges[::2], edges[1::2], strict=True))
        cuts = [f"floor(({name} - {low}) / {(high - low) / 30})::INT AS {name}" for name, low, high in low_high]
        sets = ", ".join(f"({name}, sex)" for name in (*NUMBERS, *(each for each in CATEGORIES if each != "sex")))
        names = ", ".join((*NUMBERS, *CATEGORIES))
        connection.execute(
            f"SELECT {names}, count(*) FROM (SELECT {', '.join([*cuts, *CATEGORIES])} FROM t)"
            f" GROUP BY GROUPING SETS ({sets})"
        ).fetchall()
        connection.execute(
            "SELECT sex, race, label, predicted, least(floor(score * 1024), 1023)::INT AS bin, count(*) FROM t"
            " GROUP BY ALL"
        ).fetchall()
    page.write_text("")
    return {"wall_s": time.perf_counter() - started, "page_kb": 0.0}


CASES: dict[str, tuple[str, Callable[[Path, Path, Path], dict[str, Any]]]] = {
    "evenhand": ("", evenhand),
    "duckdb": ("", duckdb),
    "evidently": ("evidently", evidently),
}


def case(name: str, rows: int) -> dict[str, Any]:
    """One case in this process."""
    begun = time.perf_counter()
    page = HERE / ".data" / f"monitor_{rows}" / f"{name}.html"
    found = CASES[name][1](*files(rows), page)
    total = time.perf_counter() - begun
    found["import_s"] = total - found["wall_s"]
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["cpu_s"] = time.process_time()
    return {
        "case": name,
        "rows": rows,
        **{key: _rounded(value) for key, value in found.items()},
        "versions": versions(),
    }


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for package in ("evenhand", "evidently", "duckdb", "pandas", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def outcome(name: str, rows: int, evidently_python: Path | None = None) -> dict[str, Any]:
    """One case in a process of its own."""
    peer = CASES[name][0]
    python = Path(sys.executable)
    if peer:
        python = evidently_python or HERE / ".environments" / peer / "bin" / "python"
    if not python.exists():
        return {"case": name, "rows": rows, "error": f"no environment: python benchmarks/environments.py {peer}"}
    command = [str(python), "-W", "ignore", __file__, "--case", name, "--rows", str(rows)]
    environment = {**os.environ, "DO_NOT_TRACK": "1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=environment)
    except subprocess.TimeoutExpired:
        return {"case": name, "rows": rows, "error": f"not done after {SECONDS} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        return {"case": name, "rows": rows, "error": (done.stderr.strip().splitlines() or ["no output"])[-1]}
    return {**json.loads(lines[-1]), "load": round(os.getloadavg()[0], 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*CASES, []], help="by default all")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=1, help="the fastest counts")
    parser.add_argument("--evidently", type=Path, help="an interpreter that has Evidently")
    parser.add_argument("--case", choices=CASES)
    given = parser.parse_args()
    if given.case:
        print(json.dumps(case(given.case, given.rows)))
        return
    files(given.rows)
    kept = json.loads(RESULT.read_text()) if RESULT.exists() else []
    for name in given.names or CASES:
        runs = [outcome(name, given.rows, given.evidently) for _ in range(given.repeats)]
        best = min(runs, key=lambda run: run.get("wall_s", float("inf")))
        if name == "evenhand" and "error" not in best:
            best["within"] = {key: best[key] <= limit for key, limit in LIMITS.items()}
        kept = [old for old in kept if (old["case"], old["rows"]) != (name, given.rows)] + [best]
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(kept, indent=1) + "\n")
        print({key: value for key, value in best.items() if key != "versions"}, flush=True)


if __name__ == "__main__":
    main()

"""Times model calls and explanations in bulk: one process, our process pool, and Spark, on the same files.

    python benchmarks/scale_models.py                    every case; writes benchmarks/results/scale_models.json
    python benchmarks/scale_models.py predict            the cases whose name begins so
    python benchmarks/scale_models.py --rows 200000      only this size, which need not be among the usual ones
    python benchmarks/scale_models.py --case NAME ROWS   one case, in the running interpreter
    python benchmarks/scale_models.py --table            the results as Markdown

A case is what is done and by whom, in a process of its own: `mapped` calls the model on every row and adds up the
answers (the bulk call alone), `predict` is a whole audit with the model, `explain` explains every row by regression
with 64 evaluations against the mean row and writes the values, `trees` explains by the exact values of trees. The model
is HistGradientBoosting of 100 trees on 10 float32 columns, on one thread a worker.

Three jobs go one after the other in the timed session. The first (`start_s`) has the start of the JVM and of the
workers in it and is not used further; the second (`base`) and the third differ in their rows alone. Rows a second and
core are the rows more by the seconds more, by cores, so that what every job costs whatever its size, such as starting
processes, falls out. CPU seconds are those of the process and all its descendants. The jobs of explaining are whole
multiples of what our pool deals to a worker at a time, twice the workers and more.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import process_tree
from scale_audit import Found, say, timed
from scale_work import ENVIRONMENT, FEATURES, HERE, Predicting

RESULTS = HERE / "results"
RESULT = RESULTS / "scale_models.json"
DATA = HERE / ".data" / "scale"
CORES = 2
SECONDS = 360
PART = 500_000
BUDGET = 64
ENGINES = {"one process": None, "processes": f"processes:{CORES}", "spark": f"local[{CORES}]"}
# Rows of the three jobs. Up to 20,000 rows are explained without workers.
FIRST = {"mapped": 4_000, "predict": 4_000, "explain": 24_000, "trees": 24_000}
BASE = {"mapped": 4_000, "predict": 4_000, "explain": 131_072, "trees": 131_072}
SIZES = {"mapped": 20_000_000, "predict": 10_000_000, "explain": 524_288, "trees": 262_144}
# One process does as much as one of two workers and no more.
ALONE = {"mapped": 2_000_000, "predict": 2_000_000, "explain": 131_072, "trees": 131_072}
# Asked for by name only.
SELDOM = ("trees",)


# --- tables and the model


def folder(rows: int) -> Path:
    return DATA / f"rows_{rows}"


def make_table(rows: int) -> None:
    """Files of half a million rows (a tenth of a small table), seeded by their place."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet

    if folder(rows).exists():
        return
    unfinished = folder(rows).with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    part = min(PART, max(1, rows // 10))
    for place, start in enumerate(range(0, rows, part)):
        count = min(part, rows - start)
        random = np.random.default_rng([7, place])
        x = random.standard_normal((count, len(FEATURES)), np.float32)
        columns: dict[str, Any] = {name: x[:, column] for column, name in enumerate(FEATURES)}
        columns["label"] = truth(x, random).astype(np.int8)
        columns["group"] = np.array(["North", "South", "East", "West"])[random.integers(0, 4, count)]
        pa.parquet.write_table(pa.table(columns), unfinished / f"part-{place:04}.parquet", row_group_size=100_000)
    unfinished.rename(folder(rows))


def truth(x: Any, random: Any) -> Any:
    sums = x[:, 0] + x[:, 1] * x[:, 2] + 0.5 * abs(x[:, 3]) + (x[:, 4] > 0) * x[:, 5]
    return sums + random.standard_normal(len(x)) > 0


def make_model() -> Path:
    """The model, trained once, as a joblib file."""
    path = DATA / "hist.joblib"
    if not path.exists():
        import joblib
        import numpy as np
        import pandas
        from sklearn.ensemble import HistGradientBoostingClassifier

        random = np.random.default_rng(1)
        x = random.standard_normal((50_000, len(FEATURES)), np.float32)
        model = HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=0)
        model.fit(pandas.DataFrame(x, columns=list(FEATURES)), truth(x, random).astype(int))
        path.parent.mkdir(parents=True, exist_ok=True)
        joblib.dump(model, path)
    return path


def the_model() -> Any:
    import joblib

    return joblib.load(make_model())


# --- what is timed


def opened(rows: int, engine: str | None) -> Any:
    import evenhand as eh

    return eh.read(str(folder(rows)), engine=engine)


def mapped(rows: int, engine: str | None) -> Found:
    """The sum of all scores; asked of workers where there are any, of the file's batches otherwise."""
    import pyarrow as pa

    frame, work = opened(rows, engine), Predicting(str(make_model()))
    if engine is None:
        batches = (pa.table(batch) for batch in frame.batches(FEATURES, 50_000))
        answers = list(work(batches))
        total, count = sum(float(table["score"].to_numpy().sum()) for table in answers), sum(map(len, answers))
    else:
        gives = pa.schema([("score", pa.float64()), ("worker", pa.int64())])
        scored = frame.mapped(work, FEATURES, gives)
        (cells,) = scored.cells({}, {"score": scored.expressions.number("score")}, [()], 10)
        total, count = float(cells["score"][0]), int(cells["count"][0])
    assert count == rows, f"{count} rows were answered"
    return {"check": round(total / rows, 9)}


def predict(rows: int, engine: str | None) -> Found:
    import evenhand as eh

    asked = eh.Audit(label="label", positive=[1], facets=["group"], features=(), draws=1000)
    report = eh.run(asked, opened(rows, engine), the_model())
    assert report.provenance.rows == rows
    return {"check": report.provenance.fingerprint}


def explain(rows: int, engine: str | None, method: str = "regression") -> Found:
    import numpy as np

    import evenhand as eh

    with tempfile.TemporaryDirectory(dir=DATA) as place:
        out = Path(place) / "values"
        found = eh.explain(
            the_model(), opened(rows, engine), features=FEATURES, baseline="mean", out=out,
            **({"explainer": method, "budget": BUDGET, "pooled": False} if method == "regression" else {}),
        )  # fmt: skip
        files = list(out.rglob("*.parquet")) or [file for file in out.rglob("*") if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        return {"check": [round(float(each), 9) for each in np.ravel(found.importance)], "bytes_a_row": size / rows}


def trees(rows: int, engine: str | None) -> Found:
    return explain(rows, engine, "tree")


WORKS: dict[str, Callable[[int, str | None], Found]] = {
    "mapped": mapped, "predict": predict, "explain": explain, "trees": trees,
}  # fmt: skip
CASES = {f"{work}, {by}": (work, engine) for work in WORKS for by, engine in ENGINES.items()}


def jobs(name: str, rows: int) -> tuple[int, int, int]:
    """The rows of the three jobs."""
    work, engine = CASES[name]
    return FIRST[work], FIRST[work] if engine is None else min(BASE[work], rows // 4), rows


def case(name: str, rows: int) -> Found:
    work, engine = CASES[name]
    runs, sizes = [], jobs(name, rows)
    made: Found = {}
    for told, size in zip(("first", "base", "job"), sizes, strict=True):
        taken, made = timed(lambda size=size: WORKS[work](size, engine))
        runs.append(taken)
        say(f"  {told}, {size:,} rows: {taken['wall_s']:.2f} s, {taken['cpu_s']:.2f} CPU s")
    start, base, whole = runs
    cores = 1 if engine is None else CORES
    more, wall, cpu = rows - sizes[1], whole["wall_s"] - base["wall_s"], whole["cpu_s"] - base["cpu_s"]
    return {
        **whole, **made, "cores": cores, "start_s": start["wall_s"], "base": {"rows": sizes[1], **base},
        "rows_s_core": more / wall / cores, "rows_cpu_s": more / cpu if cpu > 0 else None,
        "peaks_mb": process_tree.peaks_mb(), "model_bytes": make_model().stat().st_size,
    }  # fmt: skip


# --- running


def versions() -> dict[str, str]:
    packages = ("evenhand", "duckdb", "numpy", "pyarrow", "pyspark", "scikit-learn")
    return {"python": sys.version.split()[0], **{name: version(name) for name in packages}}


def outcome(name: str, rows: int) -> Found:
    """One case in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--case", name, str(rows)]
    environment = {**os.environ, **ENVIRONMENT, "PYSPARK_PYTHON": sys.executable}
    named = {"case": name, "rows": rows}
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=SECONDS, env=environment)
    except subprocess.TimeoutExpired:
        return {**named, "error": f"not done after {SECONDS} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        return {**named, "error": f"ended with {done.returncode}"}
    return {**named, **json.loads(lines[-1]), "load": round(os.getloadavg()[0], 1)}


def show(found: Found, results: list[Found]) -> None:
    named = f"{found['case']:<22} {found['rows']:>11,}"
    if "error" in found:
        print(f"{named}  {found['error']}", flush=True)
        return
    pool = of_pool(found, results)
    share = f", {found['rows_s_core'] / pool['rows_s_core']:.0%} of the pool's" if pool else ""
    print(
        f"{named}  {found['wall_s']:.2f} s (first job {found['start_s']:.1f}),"
        f" {found['cpu_s']:.1f} CPU s, {found['rows_s_core']:,.0f} rows/s a core{share},"
        f" {found['rows_cpu_s'] or 0:,.0f} rows a CPU s",
        flush=True,
    )
    others = [each for each in results if each["rows"] == found["rows"] and "check" in each]
    same = [each for each in others if each["case"].split(",")[0] == found["case"].split(",")[0]]
    if any(each["check"] != found["check"] for each in same):
        print("  the answers differ: " + "; ".join(f"{each['case']} {str(each['check'])[:60]}" for each in same))


def of_pool(found: Found, results: list[Found]) -> Found | None:
    """The process pool's run of the same work, that Spark is compared with."""
    wanted = (found["case"].replace("spark", "processes"), found["rows"])
    held = [each for each in results if (each["case"], each["rows"]) == wanted and "rows_s_core" in each]
    return held[-1] if held and "spark" in found["case"] else None


def as_markdown(results: list[Found]) -> str:
    lines = [
        "| what | by | rows | s | first job s | rows/s a core | of the pool's | rows a CPU s |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for found in results:
        if "error" in found:
            continue
        work, by = found["case"].split(", ")
        pool = of_pool(found, results)
        share = f"{found['rows_s_core'] / pool['rows_s_core']:.0%}" if pool else ""
        lines.append(
            f"| {work} | {by} | {found['rows']:,} | {found['wall_s']:.1f} | {found['start_s']:.1f} |"
            f" {found['rows_s_core']:,.0f} | {share} | {found['rows_cpu_s'] or 0:,.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("begins", nargs="?", default="")
    parser.add_argument("--case", nargs=2, metavar=("NAME", "ROWS"))
    parser.add_argument("--rows", type=int, action="append", help="only these sizes")
    parser.add_argument("--table", action="store_true", help="print the results as Markdown")
    given = parser.parse_args()
    if given.case:
        name, rows = given.case[0], int(given.case[1])
        print(json.dumps({**case(name, rows), "versions": versions()}))
        return
    results: list[Found] = json.loads(RESULT.read_text()) if RESULT.exists() else []
    if given.table:
        print(as_markdown(results))
        return
    RESULTS.mkdir(exist_ok=True)
    make_model()
    for name, (work, engine) in CASES.items():
        for rows in given.rows or [(ALONE if engine is None else SIZES)[work]]:
            if name.startswith(given.begins) and (given.begins or work not in SELDOM):
                for size in jobs(name, rows):
                    make_table(size)
                print(f"{name}, {rows:,} rows …", flush=True)
                found = outcome(name, rows)
                results = [each for each in results if (each["case"], each["rows"]) != (name, rows)] + [found]
                RESULT.write_text(json.dumps(results, indent=1) + "\n")
                show(found, results)


if __name__ == "__main__":
    main()

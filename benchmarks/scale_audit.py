"""Times the same audit on one machine (DuckDB) and on Spark, beside the group-by that each engine does for itself.

    python benchmarks/make_table.py 10000000 100000000   once
    python benchmarks/scale_audit.py                     every case; writes benchmarks/results/scale_audit.json
    python benchmarks/scale_audit.py spark               the cases whose name begins so
    python benchmarks/scale_audit.py --rows 1000000      only this size, which need not be among the usual ones
    python benchmarks/scale_audit.py --case NAME ROWS    one case, in the running interpreter
    python benchmarks/scale_audit.py --table             the results as Markdown

Each case is a process of its own. On DuckDB an audit and the bare group-by are two cases, so that each has its own peak
memory (that of the whole process). On Spark they take turns in one session: the session's start and the first, cold
runs are told apart, and the least of several warm runs is kept. `count` is the counting alone (the audit's expressions,
what the limit of 1.2 is for); `audit` adds every metric with its interval; `sql` is the group-by as one would write it.
`spark wide` fetches far more cells than an audit has, to see what one costs. CPU seconds are those of the process and
all its descendants, the JVM among them.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import process_tree
from full_audit import RESULTS, audit, files, folder

RESULT = RESULTS / "scale_audit.json"
THREADS = 2
SECONDS = 360
SIZES = (10_000_000, 100_000_000)
KEY = "group"
# The bin of a score from 0 to 1, as the audit cuts it.
BINS = 1024
Found = dict[str, Any]


def repeats(rows: int) -> int:
    return 4 if rows > 20_000_000 else 9


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def timed(work: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    cpu, wall = process_tree.cpu_seconds(), time.perf_counter()
    made = work()
    return {"wall_s": time.perf_counter() - wall, "cpu_s": process_tree.cpu_seconds() - cpu}, made


def least(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: min(run[name] for run in runs) for name in runs[0]}


# --- one machine


def duckdb_audit(rows: int, score: bool) -> Found:
    import evenhand as eh

    asked = audit(KEY, score)
    runs, report = [], None
    for place in range(repeats(rows)):
        taken, report = timed(lambda: eh.run(asked, eh.read(files(rows), threads=THREADS)))
        runs.append(taken)
        say(f"  run {place + 1}: {taken['wall_s']:.2f} s")
    assert report is not None
    return {**least(runs), "peak_mb": sum(process_tree.peaks_mb().values()), "findings": len(report.findings)}


def duckdb_bare(rows: int, score: bool) -> Found:
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {THREADS}; SET memory_limit = '1GB'")
    table = f"read_parquet('{files(rows)}')"
    queries = [f"SELECT {', '.join(axes)}, count(*) AS n FROM {table} GROUP BY ALL" for axes in axes_of(score)]
    runs, cells = [], []
    for place in range(repeats(rows)):
        taken, cells = timed(lambda: [connection.execute(query).fetchnumpy()["n"] for query in queries])
        runs.append(taken)
        say(f"  run {place + 1}: {taken['wall_s']:.2f} s")
    assert all(int(counts.sum()) == rows for counts in cells)
    return {**least(runs), "peak_mb": sum(process_tree.peaks_mb().values()), "cells": sum(map(len, cells))}


def axes_of(score: bool, cast: str = "smallint", quote: str = '"') -> list[list[str]]:
    """What is counted by: one list a query."""
    facet, place = f"{quote}{KEY}{quote}", f"CAST(least(floor(score * {BINS}), {BINS - 1}) AS {cast}) AS place"
    told = ["label = 1 AS label_is", "predicted = 1 AS predicted_is"]
    return [[facet, "stratum", *told], *([[facet, place, *told]] if score else [])]


# --- Spark


def spark(rows: int, score: bool) -> Found:
    """The audit, its counting and the hand-written query in turns, on one session."""
    import evenhand as eh
    from evenhand.core.plan import plan

    started, _ = timed(lambda: eh.read(str(folder(SMALL)), engine=f"local[{THREADS}]").height)
    say(f"  session and first job: {started['wall_s']:.1f} s")
    opened, frame = timed(lambda: eh.read(str(folder(rows)), engine=f"local[{THREADS}]"))
    asked = audit(KEY, score)
    bound = plan(asked, frame)
    queries = hand_written(rows, score)
    work: Mapping[str, Callable[[], Any]] = {
        "sql": lambda: [query.toArrow()["n"].to_numpy() for query in queries()],
        "count": lambda: [cube["count"] for cube in frame.cells(bound.keys, bound.sums, bound.cubes, 10_000_000)],
        "audit": lambda: eh.run(asked, frame),
    }
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in work}
    cells: dict[str, Any] = {}
    for place in range(repeats(rows) + 1):
        for name in sorted(work, reverse=place % 2 == 1):  # who goes first finds the machine as the others left it
            taken, cells[name] = timed(work[name])
            runs[name].append(taken)
        say(f"  round {place}: " + ", ".join(f"{name} {runs[name][-1]['wall_s']:.2f} s" for name in work))
    for mine, theirs in zip(cells["count"], cells["sql"], strict=True):
        assert sorted(mine.tolist()) == sorted(theirs.tolist()), "the two counted other cells"
    warm = {name: least(runs[name][1:]) for name in work}
    return {
        **warm["audit"], "start_s": started["wall_s"], "open_s": opened["wall_s"],
        "cold": {name: runs[name][0]["wall_s"] for name in work}, "count": warm["count"], "sql": warm["sql"],
        "count_to_sql": warm["count"]["wall_s"] / warm["sql"]["wall_s"],
        "audit_to_sql": warm["audit"]["wall_s"] / warm["sql"]["wall_s"],
        "count_to_sql_cpu": warm["count"]["cpu_s"] / warm["sql"]["cpu_s"],
        "cells": sum(map(len, cells["count"])), "peak_mb": sum(process_tree.peaks_mb().values()),
        "peaks_mb": process_tree.peaks_mb(),
    }  # fmt: skip


# A table so small that reading it takes no time beside the start of a session.
SMALL = 100_000


def hand_written(rows: int, score: bool) -> Callable[[], list[Any]]:
    """The same cells in Spark SQL; a new query each time, so that nothing of the last one is used again."""
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    assert session is not None
    session.read.parquet(str(folder(rows))).createOrReplaceTempView("measured")
    texts = [
        f"SELECT {', '.join(axes)}, count(*) AS n FROM measured GROUP BY ALL" for axes in axes_of(score, quote="`")
    ]
    return lambda: [session.sql(text) for text in texts]


def spark_wide(rows: int) -> Found:
    """What a cell costs the driver: scores as they are, not in bins, which no audit would do."""
    import evenhand as eh

    frame = eh.read(str(folder(rows)), engine=f"local[{THREADS}]")
    build = frame.expressions.column
    asked = {name: build(name) for name in (KEY, "stratum", "label", "predicted", "score")}
    frame.cells({KEY: asked[KEY]}, {}, [(KEY,)], 10_000_000)
    before = process_tree.peaks_mb()
    taken, (cube,) = timed(lambda: frame.cells(asked, {}, [tuple(asked)], 10_000_000))
    after = process_tree.peaks_mb()
    cells = len(cube["count"])
    grown = {name: after[name] - before.get(name, 0.0) for name in after}
    return {
        **taken, "cells": cells, "peak_mb": sum(after.values()), "grown_mb": grown,
        "bytes_a_cell": grown["this process"] * 2**20 / cells,
    }  # fmt: skip


CASES: dict[str, Callable[[int], Found]] = {
    f"{name}{', score' if score else ''}": lambda rows, work=work, score=score: work(rows, score)
    for name, work in (("duckdb bare", duckdb_bare), ("duckdb audit", duckdb_audit), ("spark", spark))
    for score in (False, True)
} | {"spark wide": spark_wide}


# --- running


def versions() -> dict[str, str]:
    packages = ("evenhand", "duckdb", "narwhals", "numpy", "pyarrow", "pyspark")
    return {"python": sys.version.split()[0], **{name: version(name) for name in packages}}


def outcome(name: str, rows: int) -> Found:
    """One case in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--case", name, str(rows)]
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
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
    named = f"{found['case']:<22} {found['rows']:>12,}"
    if "error" in found:
        print(f"{named}  {found['error']}", flush=True)
        return
    line = f"{named}  {found['wall_s']:.2f} s, {found['cpu_s']:.2f} CPU s, {found['peak_mb']:.0f} MB"
    if "sql" in found:
        line += f"; counting ×{found['count_to_sql']:.2f}, audit ×{found['audit_to_sql']:.2f} of SQL"
    base = bare_of(found, results)
    print(line + (f"  ×{found['wall_s'] / base['wall_s']:.2f} of bare" if base else ""), flush=True)


def bare_of(found: Found, results: list[Found]) -> Found | None:
    """The bare group-by that an audit on DuckDB is compared with."""
    wanted = (found["case"].replace("audit", "bare"), found["rows"])
    held = [each for each in results if (each["case"], each["rows"]) == wanted and "wall_s" in each]
    return held[-1] if held and "audit" in found["case"] else None


def as_markdown(results: list[Found]) -> str:
    """The audits, each beside its engine's own group-by; CPU seconds in brackets."""
    lines = [
        "| rows | counted by | audit s | its engine's group-by s | counting ÷ group-by | audit ÷ group-by | peak MB |",
        "|---:|---|---:|---:|---:|---:|---:|",
    ]
    for found in sorted(results, key=lambda each: (each["rows"], each["case"])):
        base = found.get("sql") or bare_of(found, results)
        if "error" in found or base is None:
            continue
        counting = f"{found['count_to_sql']:.2f}" if "count_to_sql" in found else ""
        lines.append(
            f"| {found['rows']:,} | {found['case'].replace(' audit', '')} | {both(found)} | {both(base)} | {counting} |"
            f" {found['wall_s'] / base['wall_s']:.2f} | {found['peak_mb']:,.0f} |"
        )
    return "\n".join(lines)


def both(found: Mapping[str, float]) -> str:
    return f"{found['wall_s']:.2f} ({found['cpu_s']:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("begins", nargs="?", default="")
    parser.add_argument("--case", nargs=2, metavar=("NAME", "ROWS"))
    parser.add_argument("--rows", type=int, action="append", help="only these sizes")
    parser.add_argument("--table", action="store_true", help="print the results as Markdown")
    given = parser.parse_args()
    if given.case:
        name, rows = given.case[0], int(given.case[1])
        print(json.dumps({**CASES[name](rows), "versions": versions()}))
        return
    results: list[Found] = json.loads(RESULT.read_text()) if RESULT.exists() else []
    if given.table:
        print(as_markdown(results))
        return
    RESULTS.mkdir(exist_ok=True)
    for rows in given.rows or SIZES:
        make_tables(rows)
        for name in CASES:
            if name.startswith(given.begins) and (name != "spark wide" or rows == min(given.rows or SIZES)):
                print(f"{name}, {rows:,} rows …", flush=True)
                found = outcome(name, rows)
                results = [each for each in results if (each["case"], each["rows"]) != (name, rows)] + [found]
                RESULT.write_text(json.dumps(results, indent=1) + "\n")
                show(found, results)


def make_tables(rows: int) -> None:
    from make_table import make

    for each in (SMALL, rows):
        make(each)


if __name__ == "__main__":
    main()

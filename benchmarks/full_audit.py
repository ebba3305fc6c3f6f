"""Times a full audit: evenhand, the bare group-by of the same columns, four other toolkits; each in its own process.

    python benchmarks/full_audit.py                      every case; writes benchmarks/results/full_audit.json
    python benchmarks/full_audit.py evenhand             the cases whose name begins so
    python benchmarks/full_audit.py --case NAME ROWS     one case, in the running interpreter

Tables in memory are made before the clock starts; what a toolkit makes of them (MetricFrame, BinaryLabelDataset) is
timed, because every user pays for it. CPU is that of the process, all threads; peak is the highest resident memory
during the call, less that before it (Linux only). The best of several repeats is kept.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
GROUPS = 5
SECONDS = 180
Work = Callable[[], Any]


def folder(rows: int) -> Path:
    return HERE / ".data" / f"rows_{rows}"


def files(rows: int) -> str:
    return str(folder(rows) / "*.parquet")


# --- measuring


def memory(key: str) -> float:
    """A line of /proc/self/status in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    raise KeyError(key)


def measured(work: Work, repeats: int) -> dict[str, float]:
    """Wall and CPU seconds (the best of the repeats) and peak memory (the worst)."""
    best = {"wall_s": float("inf"), "cpu_s": float("inf"), "peak_mb": 0.0}
    for _ in range(repeats):
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")
        before, cpu, wall = memory("VmRSS"), time.process_time(), time.perf_counter()
        work()
        best["wall_s"] = min(best["wall_s"], time.perf_counter() - wall)
        best["cpu_s"] = min(best["cpu_s"], time.process_time() - cpu)
        best["peak_mb"] = max(best["peak_mb"], memory("VmHWM") - before)
    return best


# --- tables

COLUMNS = ["label", "predicted", "stratum", "score"]


def arrow_table(rows: int, key: str, score: bool) -> Any:
    import pyarrow.parquet

    columns = [key, *(COLUMNS if score else COLUMNS[:-1])]
    return pyarrow.parquet.read_table(folder(rows), columns=columns).combine_chunks()


def polars_table(rows: int, key: str, score: bool) -> Any:
    import polars

    return polars.read_parquet(files(rows), columns=[key, *(COLUMNS if score else COLUMNS[:-1])], use_pyarrow=False)


def pandas_table(rows: int, key: str) -> Any:
    import pandas

    table = pandas.read_parquet(folder(rows), columns=[key, *COLUMNS[:-1]])
    return table.astype({name: "int64" for name in table if table[name].dtype == "int8"})


# --- evenhand


def audit(key: str, score: bool) -> Any:
    import evenhand as eh

    return eh.Audit(
        label="label", positive=[1], predicted_label="predicted", score="score" if score else None,
        facets=[key], stratum="stratum", features=(), draws=1000,
    )  # fmt: skip


def ours(source: Callable[[], Any], key: str, score: bool, repeats: int = 5) -> dict[str, Any]:
    import evenhand as eh

    asked, given = audit(key, score), source()
    small = {key: ["a", "b", "c"] * 20, "label": [0, 1] * 30, "predicted": [1, 1, 0] * 20, "stratum": [0, 1, 2] * 20}
    eh.run(asked, small | ({"score": [0.5, 0.25] * 30} if score else {}))
    kept: list[Any] = []
    found = measured(lambda: kept.append(eh.run(asked, given)), repeats)
    report = kept[-1]
    return {**found, "findings": len(report.findings), "rates": recall(report, key)}


def recall(report: Any, key: str) -> list[float]:
    """The true positive rates, sorted, which every toolkit must agree on."""
    profiles = [profile for profile in report.profiles if profile.facet == key]
    rates = [rate.value for profile in profiles for rate in profile.rates if rate.name == "true positive rate"]
    return sorted(round(rate, 5) for rate in rates)


def bare(source: Callable[[], Any], key: str, score: bool, repeats: int = 5) -> dict[str, Any]:
    """DuckDB's group-by of the columns that the audit counts, with the score cut into the same bins."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {os.cpu_count()}; SET memory_limit = '1GB'")
    given = source()
    if isinstance(given, str):
        table = f"read_parquet('{given}')"
    else:
        table = "given"
        connection.register(table, given)
    bin_of_score = "least(floor(score * 1024), 1023)::SMALLINT"
    sets = [f'"{key}", stratum, label, predicted'] + ([f'"{key}", bin, label, predicted'] if score else [])
    rows = f"(SELECT *, {bin_of_score} AS bin FROM {table})" if score else table
    queries = [f"SELECT {axes}, count(*) FROM {rows} GROUP BY ALL" for axes in sets]
    return measured(lambda: [connection.execute(query).fetchnumpy() for query in queries], repeats)


SOURCES: dict[str, tuple[Callable[[int, str, bool], Any], str]] = {
    "arrow, int8 codes": (arrow_table, "code"),
    "arrow, text": (arrow_table, "group"),
    "polars, text": (polars_table, "group"),
    "parquet, text": (lambda rows, *_: files(rows), "group"),
}


def of_source(method: Callable[..., dict[str, Any]], name: str, score: bool) -> Callable[[int], dict[str, Any]]:
    read, key = SOURCES[name]

    def case(rows: int) -> dict[str, Any]:
        repeats = 2 if rows > 20_000_000 else 5
        if method is bare and name.startswith("polars"):
            return method(lambda: polars_table(rows, key, score).to_arrow(), key, score, repeats)
        return method(lambda: read(rows, key, score), key, score, repeats)

    return case


# --- the others


def fairlearn(rows: int) -> dict[str, Any]:
    from fairlearn import metrics as fair
    from sklearn.metrics import accuracy_score, f1_score, precision_score

    table = pandas_table(rows, "code")
    wanted = {
        "true positive rate": fair.true_positive_rate, "false positive rate": fair.false_positive_rate,
        "true negative rate": fair.true_negative_rate, "false negative rate": fair.false_negative_rate,
        "selection rate": fair.selection_rate, "accuracy": accuracy_score, "precision": precision_score,
        "f1": f1_score, "count": fair.count, "mean prediction": fair.mean_prediction,
    }  # fmt: skip
    kept: list[Any] = []

    def work() -> None:
        frame = fair.MetricFrame(
            metrics=wanted, y_true=table["label"].to_numpy(), y_pred=table["predicted"].to_numpy(),
            sensitive_features=table["code"],
        )  # fmt: skip
        frame.difference()
        frame.ratio()
        kept.append(frame.by_group["true positive rate"])

    return {**measured(work, 1), "metrics": len(wanted), "rates": sorted(round(float(v), 5) for v in kept[-1])}


def smclarify(rows: int) -> dict[str, Any]:
    import logging

    from smclarify.bias.metrics import POSTTRAINING_METRICS
    from smclarify.bias.report import FacetColumn, LabelColumn, StageType, bias_report

    logging.disable(logging.CRITICAL)
    table = pandas_table(rows, "group")
    counting = [metric.__name__ for metric in POSTTRAINING_METRICS if metric.__name__ != "FT"]
    kept: list[Any] = []

    def work() -> None:
        label, predicted = (LabelColumn(name, table[name], [1]) for name in ("label", "predicted"))
        for stage, metrics in ((StageType.PRE_TRAINING, ["all"]), (StageType.POST_TRAINING, counting)):
            kept.append(
                bias_report(
                    table, FacetColumn("group"), label, stage, predicted, metrics=metrics,
                    group_variable=table["stratum"],
                )
            )  # fmt: skip

    found = measured(work, 1)
    return {**found, "metrics": sum(len(report[0]["metrics"]) for report in kept[:2])}


def aif360(rows: int) -> dict[str, Any]:
    import logging
    import warnings

    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    from aif360.datasets import BinaryLabelDataset
    from aif360.metrics import ClassificationMetric

    table = pandas_table(rows, "code")
    truth = table[["code", "label"]]
    decided = truth.assign(label=table["predicted"])
    asked = (
        "statistical_parity_difference", "disparate_impact", "equal_opportunity_difference",
        "average_odds_difference", "false_positive_rate_difference", "false_negative_rate_difference",
        "error_rate_difference", "accuracy", "false_discovery_rate_difference", "theil_index",
    )  # fmt: skip
    kept: list[float] = []

    def work() -> None:
        sets = [
            BinaryLabelDataset(df=rows, label_names=["label"], protected_attribute_names=["code"])
            for rows in (truth, decided)
        ]
        for one in range(GROUPS):
            others = [{"code": other} for other in range(GROUPS) if other != one]
            metric = ClassificationMetric(*sets, unprivileged_groups=[{"code": one}], privileged_groups=others)
            for name in asked:
                getattr(metric, name)()
            kept.append(float(metric.true_positive_rate(privileged=False)))

    return {**measured(work, 1), "metrics": len(asked), "rates": sorted(round(rate, 5) for rate in kept[-GROUPS:])}


def aequitas(rows: int) -> dict[str, Any]:
    from aequitas import Audit

    table = pandas_table(rows, "group").astype({"group": object})
    table = table[["group", "label", "predicted"]].rename(columns={"predicted": "score"})
    kept: list[Any] = []

    def work() -> None:
        audit = Audit(table, score_column="score", label_column="label", sensitive_attribute_column=["group"])
        audit.audit()
        kept.append(audit.metrics["tpr"])

    return {**measured(work, 1), "rates": sorted(round(float(v), 5) for v in kept[-1])}


CASES: dict[str, tuple[str, Callable[[int], dict[str, Any]], tuple[int, ...]]] = {}
for _name in SOURCES:
    _sizes = (1_000_000, 10_000_000, 100_000_000) if _name.startswith("parquet") else (1_000_000, 10_000_000)
    for _score in (False, True):
        _what = f"{_name}{', score' if _score else ''}"
        CASES[f"evenhand: {_what}"] = ("", of_source(ours, _name, _score), _sizes)
        CASES[f"bare: {_what}"] = ("", of_source(bare, _name, _score), _sizes)
for _peer in (aequitas, aif360, smclarify, fairlearn):
    CASES[f"{_peer.__name__}"] = (_peer.__name__, _peer, (1_000_000, 10_000_000))


# --- running


def versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for package in (
        "evenhand",
        "fairlearn",
        "smclarify",
        "aif360",
        "aequitas",
        "duckdb",
        "pyarrow",
        "polars",
        "numpy",
        "pandas",
    ):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def outcome(name: str, rows: int) -> dict[str, Any]:
    """One case in a process of its own."""
    peer = CASES[name][0]
    python = HERE / ".environments" / peer / "bin" / "python" if peer else Path(sys.executable)
    command = [str(python), "-W", "ignore", __file__, "--case", name, str(rows)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return {"case": name, "rows": rows, "error": f"not done after {SECONDS} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        return {"case": name, "rows": rows, "error": (done.stderr.strip().splitlines() or ["no output"])[-1]}
    found: dict[str, Any] = json.loads(lines[-1])
    return {**found, "load": round(os.getloadavg()[0], 1)}


def show(found: dict[str, Any], results: list[dict[str, Any]]) -> None:
    if "error" in found:
        print(f"{found['case']:<34} {found['rows']:>11,}  {found['error']}", flush=True)
        return
    line = (
        f"{found['case']:<34} {found['rows']:>11,}  cpu {found['cpu_s']:.4f} s  wall {found['wall_s']:.4f} s"
        f"  peak {found['peak_mb']:.0f} MB"
    )
    base = reference(found, results)
    print(line + (f"  ×{found['cpu_s'] / base:,.1f}" if base else ""), flush=True)


def reference(found: dict[str, Any], results: list[dict[str, Any]]) -> float | None:
    """The CPU seconds to compare with: evenhand for a peer, the bare group-by for evenhand."""
    kind, _, rest = found["case"].partition(": ")
    wanted = f"bare: {rest}" if kind == "evenhand" else "evenhand: arrow, text"
    if kind == "bare":
        return None
    held = [r for r in results if r["case"] == wanted and r["rows"] == found["rows"] and "cpu_s" in r]
    return held[-1]["cpu_s"] if held else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("begins", nargs="?", default="")
    parser.add_argument("--case", nargs=2, metavar=("NAME", "ROWS"))
    parser.add_argument("--rows", type=int, action="append", help="only these sizes")
    given = parser.parse_args()
    if given.case:
        name, rows = given.case[0], int(given.case[1])
        print(json.dumps({"case": name, "rows": rows, **CASES[name][1](rows), "versions": versions()}))
        return
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "full_audit.json"
    results = json.loads(path.read_text()) if path.exists() else []
    for name in sorted(CASES, key=lambda name: (not name.startswith("bare"), not name.startswith("evenhand"))):
        for rows in CASES[name][2]:
            if name.startswith(given.begins) and (not given.rows or rows in given.rows):
                found = outcome(name, rows)
                results = [r for r in results if (r["case"], r["rows"]) != (name, rows)] + [found]
                path.write_text(json.dumps(results, indent=1) + "\n")
                show(found, results)


if __name__ == "__main__":
    main()

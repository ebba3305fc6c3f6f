"""Times a model's predictions over a Parquet file with one worker process and with two, and the memory they take.

    python benchmarks/processes.py            every case; writes benchmarks/results/processes.json
    python benchmarks/processes.py alone      only these cases
    python benchmarks/processes.py --table    the results as Markdown

Two million rows of ten float32 columns; HistGradientBoosting with 100 trees answers probabilities. The model is asked
by this process alone (`alone`, its OpenMP held to one thread), and through `engine="processes:1"` and `"processes:2"`,
whose workers hold themselves to one thread each. Starting the workers is part of their time. CPU seconds are those of
the process and all its descendants; rows a second of CPU do not suffer from others on the machine. Each case is a
process of its own. `tenth` has a tenth of the rows: memory that did not grow from there is flat.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import process_tree
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from evenhand.models import load_model
from evenhand.models.shipping import Shipment, pack
from evenhand.sources import read

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "processes.json"
ROWS = 2_000_000
COLUMNS = [f"x{place}" for place in range(10)]
GIVES = pa.schema([("place", pa.int64()), ("probability", pa.float64())])
CASES = ("alone", "processes:1", "processes:2", "tenth processes:2")


def files() -> dict[str, Path]:
    """The tables, written once."""
    folder = HERE / ".data"
    folder.mkdir(exist_ok=True)
    found = {"": folder / "processes.parquet", "tenth ": folder / "processes_tenth.parquet"}
    for name, file in found.items():
        if not file.exists():
            random, rows = np.random.default_rng(7), ROWS // (10 if name else 1)
            pq.write_table(pa.table({column: random.random(rows, dtype=np.float32) for column in COLUMNS}), file)
    return found


def model() -> Any:
    random = np.random.default_rng(8)
    rows = random.random((20_000, len(COLUMNS)), dtype=np.float32)
    answers = rows[:, 0] + rows[:, 1] * rows[:, 2] + random.normal(0, 0.2, len(rows)) > 0.75
    loaded = load_model(HistGradientBoostingClassifier(max_iter=100, early_stopping=False).fit(rows, answers))
    loaded.values(rows[:10])
    return loaded


class Asking:
    """The work: the model's probabilities, with the places of their rows."""

    def __init__(self, shipment: Shipment) -> None:
        self._shipment = shipment

    def __call__(self, rows: Iterator[Any]) -> Iterator[Any]:
        asked = self._shipment.unpack()
        for table in rows:
            given = np.column_stack([table[f"c{place}"].to_numpy() for place in range(len(COLUMNS))])
            yield pa.table([table["place"], asked.values(given)[:, 0]], schema=GIVES)


class Peak:
    """The most resident memory of this process and of its descendants, looked at ten times a second."""

    def __init__(self) -> None:
        self.mb: dict[str, float] = {}
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            for name, mb in process_tree.peaks_mb().items():
                self.mb[name] = max(self.mb.get(name, 0.0), mb)
            time.sleep(0.1)


def case(name: str) -> dict[str, Any]:
    table, asked = files()["tenth " if name.startswith("tenth") else ""], model()
    peak, cpu, wall = Peak(), process_tree.cpu_seconds(), time.perf_counter()
    if name == "alone":
        total = 0.0
        with threadpool_limits(1):
            for batch in read(table).batches(COLUMNS, 65_536):
                total += float(asked.values(batch.to_numpy()).sum())
    else:
        frame: Any = read(table, engine=name.removeprefix("tenth "))
        found = frame.mapped(Asking(pack(asked)), COLUMNS, GIVES)
    wall, cpu = time.perf_counter() - wall, process_tree.cpu_seconds() - cpu
    if name != "alone":
        total = sum(float(batch["probability"].sum()) for batch in found.batches(["probability"], 65_536))
    rows = ROWS // 10 if name.startswith("tenth") else ROWS
    return {
        "case": name, "rows": rows, "wall_s": wall, "cpu_s": cpu, "rows_a_second": rows / wall,
        "rows_a_cpu_second": rows / cpu, "mean": total / rows,
        "peak_mb": {key: round(mb) for key, mb in peak.mb.items()},
    }  # fmt: skip


def every(names: list[str], repeats: int) -> None:
    for name in names or CASES:
        runs = []
        for _ in range(repeats):
            told = subprocess.run([sys.executable, __file__, "--case", name], check=True, stdout=subprocess.PIPE)
            runs.append(json.loads(told.stdout))
        best = min(runs, key=lambda run: run["wall_s"])
        cpu = min(run["cpu_s"] for run in runs)
        found = best | {"cpu_s": cpu, "rows_a_cpu_second": best["rows"] / cpu, "runs": [run["wall_s"] for run in runs]}
        keep(found | {"load": os.getloadavg()[0]})


def keep(found: dict[str, Any]) -> None:
    """Add the result of a case to the others, or put it in the place of the one before."""
    results = json.loads(RESULT.read_text()) if RESULT.exists() else []
    results = [run for run in results if run["case"] != found["case"]] + [found]
    RESULT.write_text(json.dumps(sorted(results, key=lambda run: CASES.index(run["case"])), indent=1) + "\n")


def table() -> None:
    print("| case | rows | seconds | rows/s | CPU s | rows/CPU s | peak MB |\n|---|---|---|---|---|---|---|")
    for run in json.loads(RESULT.read_text()):
        speeds = f"{run['wall_s']:.1f} | {run['rows_a_second']:,.0f} | {run['cpu_s']:.1f}"
        memory = ", ".join(f"{name} {mb}" for name, mb in run["peak_mb"].items())
        print(f"| {run['case']} | {run['rows']:,} | {speeds} | {run['rows_a_cpu_second']:,.0f} | {memory} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--case")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if options.case:
        print(json.dumps(case(options.case)))
    elif options.table:
        table()
    else:
        every(options.cases, options.repeats)

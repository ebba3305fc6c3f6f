"""Times the join of late labels to predictions, and their counts by group: evenhand's records against bare DuckDB.

    python benchmarks/late_truth.py                            50M predictions, 40M labels; results/late_truth.json
    python benchmarks/late_truth.py --rows 1000000 joined      the cases named, at another size

`taken` takes the predictions in, seals and counts them, then takes in and seals the labels: everything but the join.
`joined` is one `counted`: labels are joined to the predictions by id, the matched rows tallied by sex, race, label
and prediction, and the tally added to the store. `bare` is DuckDB's join and group-by of the same columns over plain
Parquet with whole numbers as ids, `bare text` with ids as text, which is what evenhand keeps. Labels are of four in
five predictions, in an order of their own. Each case is a process of its own; the ratio is `joined` to `bare`. Limit:
1.3.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "late_truth.json"
BATCH = 200_000
DAY = datetime(2026, 11, 20, tzinfo=UTC)
LIMIT = 1.3
CASES = ("taken", "joined", "bare", "bare text")


def folder(rows: int) -> Path:
    return HERE / ".data" / f"late_truth_{rows}"


def monitor() -> Any:
    from evenhand.core.audit import Audit
    from evenhand.core.monitor import Monitor

    audit = Audit(label="label", positive=(1,), predicted_label="predicted", facets=("sex", "race"), features=())
    return Monitor(name="late", audit=audit, baseline="first 7")


def predictions(rows: int) -> Iterator[Any]:
    """Batches of predictions, the same every time."""
    import numpy as np
    import pyarrow as pa

    sexes, races = pa.array(["f", "m"]), pa.array(["a", "b", "c", "d", "e"])
    for start in range(0, rows, BATCH):
        random, number = np.random.default_rng(start), min(BATCH, rows - start)
        yield pa.table(
            {
                "id": np.arange(start, start + number), "time": pa.array([DAY] * number, pa.timestamp("us", "UTC")),
                "sex": sexes.take(pa.array(random.integers(0, 2, number))),
                "race": races.take(pa.array(random.integers(0, 5, number))),
                "predicted": random.integers(0, 2, number),
            }
        )  # fmt: skip


def labels(rows: int) -> Iterator[Any]:
    """Batches of labels of four in five predictions: every id once, scattered by a step that shares no factor."""
    import numpy as np
    import pyarrow as pa

    step = 7_368_787
    while np.gcd(step, rows) != 1:
        step += 2
    for start in range(0, rows * 4 // 5, BATCH):
        places = np.arange(start, min(start + BATCH, rows * 4 // 5), dtype=np.int64)
        yield pa.table(
            {"id": places * step % rows, "label": np.random.default_rng(start + 1).integers(0, 2, len(places))}
        )


def taken(rows: int) -> dict[str, Any]:
    from evenhand.monitor.capture import Capture
    from evenhand.stores import open_store

    place = folder(rows)
    for old in (place / "home", place / "watch.db"):
        shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)
    place.mkdir(parents=True, exist_ok=True)
    store = open_store(f"sqlite:///{place / 'watch.db'}")
    store.put_monitor(monitor())
    capture, times = Capture(place / "home", monitor(), clock=lambda: DAY), {}
    for name, batches, accept in (
        ("predictions", predictions(rows), capture.accept), ("labels", labels(rows), capture.accept_truth),
    ):  # fmt: skip
        started = time.perf_counter()
        for batch in batches:
            accept(batch)
        times[f"{name}_s"] = time.perf_counter() - started
        started = time.perf_counter()
        capture.seal()
        times[f"{name}_sealed_s"] = time.perf_counter() - started
        if name == "predictions":
            started = time.perf_counter()
            capture.counted(store)
            times["predictions_counted_s"] = time.perf_counter() - started
    capture.close()
    return {**times, "wall_s": sum(times.values())}


def joined(rows: int) -> dict[str, Any]:
    """The join, on a copy, so that it can be done again; records are never changed in place, so links will do."""
    from evenhand.core.window import cell_of
    from evenhand.monitor.capture import Capture
    from evenhand.stores import open_store

    place, copy = folder(rows), folder(rows) / "copy"
    if not (place / "watch.db").exists():
        raise SystemExit("first: python benchmarks/late_truth.py taken")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(place / "home", copy / "home", copy_function=os.link)
    for file in place.glob("watch.db*"):
        shutil.copy(file, copy / file.name)
    store = open_store(f"sqlite:///{copy / 'watch.db'}")
    capture = Capture(copy / "home", monitor(), clock=lambda: DAY)
    started = time.perf_counter()
    capture.counted(store)
    wall = time.perf_counter() - started
    capture.close()
    found = store.tally("late", cell_of(DAY, monitor().windows), "labelled")
    assert found is not None and found.rows == rows * 4 // 5, f"{found and found.rows} rows were matched"
    return {"wall_s": wall, "matched": found.rows}


def bare(rows: int, *, text: bool = False) -> dict[str, Any]:
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind, places = "text" if text else "whole", []
    for name, batches in (("predictions", predictions(rows)), ("labels", labels(rows))):
        place = folder(rows) / f"{name}_{kind}.parquet"
        places.append(place)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            writer = None
            for batch in batches:
                table = batch.set_column(0, "id", batch["id"].cast(pa.string())) if text else batch
                writer = writer or pq.ParquetWriter(place, table.schema, compression="zstd")
                writer.write_table(table)
            assert writer is not None
            writer.close()
    connection = duckdb.connect(config={"threads": os.cpu_count() or 1})
    connection.execute(f"SET temp_directory = '{folder(rows) / 'spill'}'")
    started = time.perf_counter()
    found = connection.execute(
        f"SELECT sex, race, predicted, label, count(*) FROM read_parquet('{places[0]}') p"
        f" LEFT JOIN read_parquet('{places[1]}') l USING (id) GROUP BY ALL"
    ).fetchall()
    wall = time.perf_counter() - started
    return {"wall_s": wall, "matched": sum(row[-1] for row in found if row[3] is not None)}


def case(name: str, rows: int) -> dict[str, Any]:
    work = {"taken": taken, "joined": joined, "bare": bare, "bare text": lambda rows: bare(rows, text=True)}[name]
    found = work(rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rounded = {key: round(value, 3) if isinstance(value, float) else value for key, value in found.items()}
    return {"case": name, "rows": rows, **rounded, "peak_mb": round(peak)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*CASES, []], help="by default all")
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--repeats", type=int, default=1, help="the fastest counts")
    parser.add_argument("--case", choices=CASES)
    given = parser.parse_args()
    if given.case:
        print(json.dumps(case(given.case, given.rows)))
        return
    kept = json.loads(RESULT.read_text()) if RESULT.exists() else []
    for name in given.names or CASES:
        runs = []
        for _ in range(1 if name == "taken" else given.repeats):
            command = [sys.executable, __file__, "--case", name, "--rows", str(given.rows)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            runs.append({**json.loads(done.stdout), "load": round(os.getloadavg()[0], 1)})
        best = min(runs, key=lambda run: run["wall_s"])
        kept = [old for old in kept if (old["case"], old["rows"]) != (name, given.rows)] + [best]
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(kept, indent=1) + "\n")
        print(best, flush=True)
    walls = {run["case"]: run["wall_s"] for run in kept if run["rows"] == given.rows}
    if {"joined", "bare"} <= set(walls):
        print(f"joined / bare = {walls['joined'] / walls['bare']:.2f} (limit {LIMIT})")


if __name__ == "__main__":
    main()

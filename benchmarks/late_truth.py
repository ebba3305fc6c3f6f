"""Times the join of late labels to predictions, and their counts by group: evenhand's records against bare DuckDB.

    python benchmarks/late_truth.py                        50M predictions, 40M labels; results/late_truth.json
    python benchmarks/late_truth.py --rows 5000000 --ids text --repeats 3

First, once, predictions are taken in, sealed and counted, and labels taken in and sealed: everything but the join
(`--again` does it anew). Then in turns, each in a process of its own: `joined` is one `counted`, in which labels are
joined to the predictions by id, the matched rows tallied by sex, race, label and prediction, and the tally added to
the store; `bare` is DuckDB's join and group-by of the same columns over plain Parquet with the same ids. Labels are of
four in five predictions, in an order of their own. Ids are whole numbers, or with `--ids text` what is no number. Wall
and CPU seconds are of the join alone, the peak of the whole process; the fastest run counts. Limit: 1.3 times bare. At
full size this needs 6 GB of disk.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "late_truth.json"
BATCH = 200_000
DAY = datetime(2026, 11, 20, tzinfo=UTC)
LIMIT = 1.3
CASES = ("taken", "joined", "bare")
FREE_BYTES_PER_ROW = 120


@dataclass(frozen=True)
class Size:
    """How many predictions, and what their ids are."""

    rows: int
    ids: str

    @property
    def folder(self) -> Path:
        return HERE / ".data" / f"late_truth_{self.rows}_{self.ids}"

    def named(self, numbers: Any) -> Any:
        """The ids of records by their number."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.ids == "whole":
            return pa.array(numbers)
        return pc.binary_join_element_wise("loan", pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 10, "0"), "-")


def monitor() -> Any:
    from evenhand.core.audit import Audit
    from evenhand.core.monitor import Monitor

    audit = Audit(label="label", positive=(1,), predicted_label="predicted", facets=("sex", "race"), features=())
    return Monitor(name="late", audit=audit, baseline="first 7")


def predictions(size: Size) -> Iterator[Any]:
    """Batches of predictions, the same every time."""
    import numpy as np
    import pyarrow as pa

    rows = size.rows
    sexes, races = pa.array(["f", "m"]), pa.array(["a", "b", "c", "d", "e"])
    for start in range(0, rows, BATCH):
        random, number = np.random.default_rng(start), min(BATCH, rows - start)
        yield pa.table(
            {
                "id": size.named(np.arange(start, start + number)),
                "time": pa.array([DAY] * number, pa.timestamp("us", "UTC")),
                "sex": sexes.take(pa.array(random.integers(0, 2, number))),
                "race": races.take(pa.array(random.integers(0, 5, number))),
                "predicted": random.integers(0, 2, number),
            }
        )  # fmt: skip


def labels(size: Size) -> Iterator[Any]:
    """Batches of labels of four in five predictions: every id once, scattered by a step that shares no factor."""
    import numpy as np
    import pyarrow as pa

    rows, step = size.rows, 7_368_787
    while np.gcd(step, rows) != 1:
        step += 2
    for start in range(0, rows * 4 // 5, BATCH):
        places = np.arange(start, min(start + BATCH, rows * 4 // 5), dtype=np.int64)
        yield pa.table(
            {
                "id": size.named(places * step % rows),
                "label": np.random.default_rng(start + 1).integers(0, 2, len(places)),
            }
        )


def taken(size: Size) -> dict[str, Any]:
    from evenhand.monitor.capture import Capture
    from evenhand.stores import open_store

    place = size.folder
    for old in (place / "home", place / "watch.db"):
        shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)
    place.mkdir(parents=True, exist_ok=True)
    store = open_store(f"sqlite:///{place / 'watch.db'}")
    store.put_monitor(monitor())
    capture, times = Capture(place / "home", monitor(), clock=lambda: DAY), {}
    for name, batches, accept in (
        ("predictions", predictions(size), capture.accept), ("labels", labels(size), capture.accept_truth),
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


def joined(size: Size) -> dict[str, Any]:
    """The join, on a copy, so that it can be done again; records are never changed in place, so links will do."""
    from evenhand.core.window import cell_of
    from evenhand.monitor.capture import Capture
    from evenhand.stores import open_store

    place, copy = size.folder, size.folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(place / "home", copy / "home", copy_function=os.link)
    for file in place.glob("watch.db*"):
        shutil.copy(file, copy / file.name)
    store = open_store(f"sqlite:///{copy / 'watch.db'}")
    capture = Capture(copy / "home", monitor(), clock=lambda: DAY)
    measured = timed(lambda: capture.counted(store))
    capture.close()
    found = store.tally("late", cell_of(DAY, monitor().windows), "labelled")
    assert found is not None, "nothing was matched"
    return {**measured, "matched": found.rows}


def plain_files(size: Size) -> list[Path]:
    """The same predictions and labels as plain Parquet, written once."""
    import pyarrow.parquet as pq

    places = []
    for name, batches in (("predictions", predictions(size)), ("labels", labels(size))):
        place = size.folder / f"{name}.parquet"
        places.append(place)
        if place.exists():
            continue
        first = next(batches)
        with pq.ParquetWriter(place.with_suffix(".new"), first.schema, compression="zstd") as writer:
            writer.write_table(first)
            for batch in batches:
                writer.write_table(batch)
        place.with_suffix(".new").rename(place)
    return places


def bare(size: Size) -> dict[str, Any]:
    import duckdb

    predicted, known = plain_files(size)
    connection = duckdb.connect(config={"threads": os.cpu_count() or 1})
    connection.execute(f"SET temp_directory = '{size.folder / 'spill'}'")
    found: list[Any] = []
    measured = timed(
        lambda: found.extend(
            connection.execute(
                f"SELECT sex, race, predicted, label, count(*) FROM read_parquet('{predicted}') p"
                f" LEFT JOIN read_parquet('{known}') l USING (id) GROUP BY ALL"
            ).fetchall()
        )
    )
    return {**measured, "matched": sum(row[-1] for row in found if row[3] is not None)}


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Wall and CPU seconds of this process and its threads."""
    started, before = time.perf_counter(), time.process_time()
    work()
    return {"wall_s": time.perf_counter() - started, "cpu_s": time.process_time() - before}


def case(name: str, size: Size) -> dict[str, Any]:
    found = {"taken": taken, "joined": joined, "bare": bare}[name](size)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rounded = {key: round(value, 3) if isinstance(value, float) else value for key, value in found.items()}
    return {"case": name, "rows": size.rows, "ids": size.ids, **rounded, "peak_mb": round(peak)}


def run(name: str, size: Size) -> dict[str, Any]:
    """A case in a process of its own."""
    command = [sys.executable, __file__, "--case", name, "--rows", str(size.rows), "--ids", size.ids]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found = {**json.loads(done.stdout), "load": round(os.getloadavg()[0], 1)}
    print(found, flush=True)
    return found


def prepare(size: Size, *, again: bool) -> list[dict[str, Any]]:
    """Take everything in, where that was not done, and write the plain files."""
    size.folder.mkdir(parents=True, exist_ok=True)
    found = []
    if again or not (size.folder / "ready").exists():
        if shutil.disk_usage(size.folder).free < size.rows * FREE_BYTES_PER_ROW:
            raise SystemExit(f"{size.rows * FREE_BYTES_PER_ROW / 1e9:.0f} GB must be free in {size.folder}.")
        (size.folder / "ready").unlink(missing_ok=True)
        found.append(run("taken", size))
        (size.folder / "ready").touch()
    plain_files(size)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--ids", choices=("whole", "text"), default="whole")
    parser.add_argument("--repeats", type=int, default=3, help="turns of bare and joined; the fastest of each counts")
    parser.add_argument("--again", action="store_true", help="take everything in anew")
    parser.add_argument("--case", choices=CASES)
    given = parser.parse_args()
    size = Size(given.rows, given.ids)
    if given.case:
        print(json.dumps(case(given.case, size)))
        return
    runs = prepare(size, again=given.again)
    runs += [run(name, size) for _ in range(given.repeats) for name in ("bare", "joined")]
    best = {
        name: min((each for each in runs if each["case"] == name), key=lambda each: each["wall_s"])
        for name in CASES
        if any(each["case"] == name for each in runs)
    }
    assert best["joined"]["matched"] == best["bare"]["matched"] == given.rows * 4 // 5, best
    kept = json.loads(RESULT.read_text()) if RESULT.exists() else []
    kept = [
        old
        for old in kept
        if (old["case"], old["rows"], old.get("ids")) not in {(each, size.rows, size.ids) for each in best}
    ]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps([*kept, *best.values()], indent=1) + "\n")
    for what in ("wall_s", "cpu_s", "peak_mb"):
        fewest = {name: min(each[what] for each in runs if each["case"] == name) for name in ("joined", "bare")}
        ratio = fewest["joined"] / fewest["bare"]
        print(
            f"{what}: joined {fewest['joined']:,} / bare {fewest['bare']:,} = {ratio:.2f}"
            + f" (limit {LIMIT})" * (what == "wall_s")
        )


if __name__ == "__main__":
    main()

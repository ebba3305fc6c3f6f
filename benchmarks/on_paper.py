"""What a large table costs, on paper: times, bytes and limits from the constants that the scale benchmarks measured.

    python benchmarks/on_paper.py                          10 billion rows audited, 100 million explained, 64 workers
    python benchmarks/on_paper.py --workers 200 --explain 1000000000 --columns 40 --evaluations 400

Reads benchmarks/results/scale_audit.json and scale_models.json. A worker is one core with one Python. Times are those
of work that spreads evenly; the last line says what uneven parts add. A line whose constant is missing says so.
"""

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
Found = Mapping[str, Any]
NOT_MEASURED = "not measured yet"

# What the measured explanations had: columns, evaluations a row (times baseline rows), and cores on the machine.
COLUMNS, EVALUATIONS, CORES = 10, 64, 2
# What Spark reads as one part of Parquet, unless it is told otherwise.
PART_BYTES = 128 * 2**20
# A number of eight bytes.
NUMBER = 8


@dataclass(frozen=True)
class Asked:
    """The sizes on paper."""

    audit: int
    explain: int
    workers: int
    columns: int
    outputs: int
    evaluations: int
    cells: int


@dataclass(frozen=True)
class Line:
    """One line of the table: what, its formula, and the result."""

    what: str
    formula: str
    result: str


def loaded(name: str) -> list[Found]:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else []


def measured(results: Sequence[Found], case: str, key: str) -> dict[int, float]:
    """A constant of a case, by rows."""
    return {each["rows"]: each[key] for each in results if each["case"] == case and key in each}


def slope(times: Mapping[int, float]) -> float | None:
    """Seconds a row: between the smallest and the largest table, so that what every job costs falls out."""
    if len(times) < 2:
        return None
    few, many = min(times), max(times)
    return (times[many] - times[few]) / (many - few)


def largest(found: Mapping[int, float]) -> float | None:
    return found[max(found)] if found else None


def duration(seconds: float) -> str:
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.1f} s"


def size(count: float) -> str:
    units = ("bytes", "kB", "MB", "GB", "TB")
    place = min(len(units) - 1, max(0, int(math.log10(max(count, 1)) // 3)))
    return f"{count / 1000**place:,.3g} {units[place]}"


# --- auditing


def audits(asked: Asked, results: Sequence[Found]) -> Iterator[Line]:
    for case, words, cores in (
        ("duckdb audit, score", "audit, DuckDB, one machine of 2 cores", CORES),
        ("spark, score", f"audit, Spark, {asked.workers} workers", asked.workers),
    ):
        a_row = slope(measured(results, case, "wall_s"))
        if a_row is None:
            yield Line(words, "rows × seconds a row and core ÷ cores", NOT_MEASURED)
            continue
        a_core = a_row * CORES
        taken = asked.audit * a_core / cores
        formula = f"{asked.audit:,} × {a_core * 1e9:.1f} ns ÷ {cores}"
        yield Line(words, formula, f"{duration(taken)}; {asked.audit * a_core / 3600:.1f} core hours")
    yield from _cells(asked, results)


def _cells(asked: Asked, results: Sequence[Found]) -> Iterator[Line]:
    """What an audit holds, shuffles and reads."""
    a_cell = largest(measured(results, "spark wide", "bytes_a_cell"))
    yield Line(
        "driver memory for the cells",
        f"{asked.cells:,} cells × {a_cell:,.0f} bytes" if a_cell else "cells × bytes a cell",
        size(asked.cells * a_cell) if a_cell else NOT_MEASURED,
    )
    read = bytes_a_row()
    if read is None:
        yield Line("shuffled", "parts × cells × bytes a cell", NOT_MEASURED)
        return
    parts = math.ceil(asked.audit * read / PART_BYTES)
    yield Line("read", f"{asked.audit:,} × {read:.1f} bytes a row", f"{size(asked.audit * read)}, {parts:,} parts")
    wide = 6 * NUMBER
    most = min(asked.audit, parts * asked.cells)
    yield Line(
        "shuffled, at most", f"min(rows, parts × cells) × {wide} bytes ({asked.cells:,} cells)", size(most * wide)
    )


def bytes_a_row() -> float | None:
    """What a row of the benchmark's table has on disk, all columns; a real table is usually wider."""
    folder = RESULTS.parent / ".data" / "rows_100000000"
    return sum(file.stat().st_size for file in folder.glob("*.parquet")) / 1e8 if folder.exists() else None


# --- explaining


def explanations(asked: Asked, results: Sequence[Found]) -> Iterator[Line]:
    for case, words in (("explain, processes", "our processes"), ("explain, spark", "Spark")):
        rate = largest(measured(results, case, "rows_s_core"))
        told = f"explaining by regression, {words}, {asked.workers} workers"
        if rate is None:
            yield Line(told, "rows × evaluations ÷ (evaluations a second and core × workers)", NOT_MEASURED)
            continue
        a_second = rate * EVALUATIONS
        taken = asked.explain * asked.evaluations / a_second / asked.workers
        formula = f"{asked.explain:,} × {asked.evaluations} ÷ ({a_second:,.0f} × {asked.workers})"
        yield Line(told, formula, f"{duration(taken)}; {taken * asked.workers / 3600:,.0f} core hours")
    rate = largest(measured(results, "trees, spark", "rows_s_core"))
    yield Line(
        f"exact values of trees, Spark, {asked.workers} workers",
        f"{asked.explain:,} ÷ ({rate:,.0f} × {asked.workers})" if rate else "rows ÷ (rows a second and core × workers)",
        duration(asked.explain / rate / asked.workers) if rate else NOT_MEASURED,
    )
    yield from _kept(asked, results)


def _kept(asked: Asked, results: Sequence[Found]) -> Iterator[Line]:
    """What is written, and what the workers hold."""
    numbers = asked.outputs * (2 * asked.columns + 2) + 2
    yield Line(
        "local values, before Parquet packs them",
        f"{asked.explain:,} × ({asked.outputs} × (2 × {asked.columns} + 2) + 2) × {NUMBER} bytes",
        size(asked.explain * numbers * NUMBER),
    )
    written = largest(measured(results, "explain, spark", "bytes_a_row"))
    here = asked.columns / COLUMNS * asked.outputs
    yield Line(
        "local values as written",
        f"{asked.explain:,} × {written * here:.0f} bytes" if written else "rows × bytes a row",
        size(asked.explain * written * here) if written else NOT_MEASURED,
    )
    model = largest(measured(results, "explain, spark", "model_bytes"))
    yield Line(
        "the model, sent to the workers",
        f"{size(model)} × {asked.workers}" if model else "bytes × workers",
        size(model * asked.workers) if model else NOT_MEASURED,
    )
    yield Line(
        "the slowest part, if one holds a share p of all rows",
        f"p × workers times as long: {2 / asked.workers:.1%} of the rows in one part doubles the time",
        "",
    )


def as_markdown(lines: Sequence[Line]) -> str:
    rows = [f"| {line.what} | {line.formula} | {line.result} |" for line in lines]
    return "\n".join(["| what | formula | result |", "|---|---|---|", *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audit", type=int, default=10_000_000_000, help="rows to audit")
    parser.add_argument("--explain", type=int, default=100_000_000, help="rows to explain")
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--columns", type=int, default=COLUMNS, help="players of a row")
    parser.add_argument("--outputs", type=int, default=1, help="outputs of the model")
    parser.add_argument("--evaluations", type=int, default=EVALUATIONS, help="a row, times the rows of the baseline")
    parser.add_argument("--cells", type=int, default=1_000_000, help="cells of the audit")
    asked = Asked(**vars(parser.parse_args()))
    print(as_markdown([*audits(asked, loaded("scale_audit")), *explanations(asked, loaded("scale_models"))]))


if __name__ == "__main__":
    main()

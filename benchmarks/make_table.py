"""Makes the benchmark tables: seeded, 5 groups of 55, 25, 12, 7 and 1 %, as Parquet under benchmarks/.data.

    python benchmarks/make_table.py 1000000 10000000 100000000

Every value is a hash of its row number, so any machine and any number of threads makes the same table. Columns:
`group` (text), `code` (the same as a small number), `stratum` (3 values), `label`, `predicted` (0/1), `score` (0..1).
"""

import argparse
import shutil
from pathlib import Path

import duckdb

DATA = Path(__file__).resolve().parent / ".data"
ROWS_PER_FILE = 10_000_000

QUERY = """
WITH drawn AS (
    SELECT row, uniform(row, 1) AS place, uniform(row, 2) AS luck, uniform(row, 3) AS choice,
           uniform(row, 4) AS spread, hash(row * 8 + 5) % 3 AS stratum
    FROM (SELECT range AS row FROM range({start}, {stop}))
), grouped AS (
    SELECT *, CASE WHEN place < .55 THEN 0 WHEN place < .80 THEN 1 WHEN place < .92 THEN 2 WHEN place < .99 THEN 3
              ELSE 4 END AS code FROM drawn
), labelled AS (
    SELECT *, (luck < [.50, .42, .35, .30, .25][code + 1])::TINYINT AS label FROM grouped
), predicted AS (
    SELECT *, (choice < CASE WHEN label = 1 THEN [.80, .74, .70, .66, .60][code + 1]
                        ELSE [.20, .18, .15, .14, .12][code + 1] END)::TINYINT AS predicted FROM labelled
)
SELECT ['North', 'South', 'East', 'West', 'Islands'][code + 1] AS "group", code::TINYINT AS code,
       stratum::TINYINT AS stratum, label, predicted, round(predicted * 0.5 + spread * 0.5, 4) AS score
FROM predicted ORDER BY row
"""


def folder(rows: int) -> Path:
    """Where the table of so many rows is."""
    return DATA / f"rows_{rows}"


def make(rows: int) -> Path:
    """Make the table of so many rows, unless it is there."""
    place = folder(rows)
    if place.exists():
        return place
    unfinished = place.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    connection = duckdb.connect()
    connection.execute("SET memory_limit = '6GB'")
    connection.execute("CREATE MACRO uniform(row, salt) AS (hash(row * 8 + salt) % 4294967296) / 4294967296.0")
    for start in range(0, rows, ROWS_PER_FILE):
        query = QUERY.format(start=start, stop=min(start + ROWS_PER_FILE, rows))
        file = unfinished / f"part-{start // ROWS_PER_FILE:03}.parquet"
        connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")
    unfinished.rename(place)
    return place


def main() -> None:
    """Make the tables named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="+", type=int)
    for rows in parser.parse_args().rows:
        place = make(rows)
        size = sum(file.stat().st_size for file in place.iterdir())
        print(f"{rows:,} rows: {size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()

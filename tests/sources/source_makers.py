"""One maker a source: each writes the same table in its own way and reads it back as a Frame."""

import csv
import gzip
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import ibis
import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from evenhand.core.frame import Frame
from evenhand.sources import read
from tests.sources.source_table import Table
from tests.spark.local_session import local_session

Maker = Callable[[Table, Path], Frame]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, str) else repr(value)


def write_csv(table: Table, file: Path, separator: str = ",") -> Path:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, delimiter=separator, lineterminator="\n")
        writer.writerow(table)
        writer.writerows([_cell(value) for value in row] for row in zip(*table.values(), strict=True))
    return file


def from_csv(table: Table, folder: Path) -> Frame:
    return read(write_csv(table, folder / "table.csv"))


def from_tsv(table: Table, folder: Path) -> Frame:
    return read(str(write_csv(table, folder / "table.tsv", "\t")))


def from_semicolons(table: Table, folder: Path) -> Frame:
    return read(write_csv(table, folder / "semicolons.csv", ";"))


def from_gzip(table: Table, folder: Path) -> Frame:
    packed = folder / "table.csv.gz"
    packed.write_bytes(gzip.compress(write_csv(table, folder / "plain.csv").read_bytes()))
    return read(packed)


def from_zstandard(table: Table, folder: Path) -> Frame:
    packed = folder / "table.csv.zst"
    with pa.output_stream(str(packed), compression="zstd") as out:
        out.write(write_csv(table, folder / "plain.csv").read_bytes())
    return read(packed)


def _objects(table: Table) -> list[dict[str, Any]]:
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def from_json_lines(table: Table, folder: Path) -> Frame:
    file = folder / "table.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in _objects(table)), encoding="utf-8")
    return read(file)


def from_json(table: Table, folder: Path) -> Frame:
    file = folder / "table.json"
    file.write_text(json.dumps(_objects(table), indent=1), encoding="utf-8")
    return read(file)


def from_parquet(table: Table, folder: Path) -> Frame:
    pq.write_table(pa.table(table), folder / "table.parquet")
    return read(folder / "table.parquet")


def _parts(table: Table, folder: Path) -> Path:
    whole = pa.table(table)
    for part, start in enumerate(range(0, len(whole), 100)):
        pq.write_table(whole.slice(start, 100), folder / f"part-{part}.parquet")
    return folder


def from_folder(table: Table, folder: Path) -> Frame:
    return read(_parts(table, folder))


def from_glob(table: Table, folder: Path) -> Frame:
    return read(str(_parts(table, folder) / "part-*.parquet"))


def from_csv_glob(table: Table, folder: Path) -> Frame:
    for part, start in enumerate((0, 100, 200)):
        write_csv({name: values[start : start + 100] for name, values in table.items()}, folder / f"part-{part}.csv")
    return read(str(folder / "part-*.csv"))


def from_pandas(table: Table, _: Path) -> Frame:
    return read(pd.DataFrame(table))


def from_pandas_categories(table: Table, _: Path) -> Frame:
    frame = pd.DataFrame(table)
    return read(frame.astype({name: "category" for name in frame.columns if frame[name].dtype == "str"}))


def from_pandas_nullable(table: Table, _: Path) -> Frame:
    return read(pd.DataFrame(table).convert_dtypes())


def from_pandas_objects(table: Table, _: Path) -> Frame:
    return read(pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in table.items()}))


def from_polars(table: Table, _: Path) -> Frame:
    return read(pl.DataFrame(table))


def from_polars_lazy(table: Table, _: Path) -> Frame:
    return read(pl.LazyFrame(table).with_columns(pl.col("sex").cast(pl.Categorical)))


def from_arrow(table: Table, _: Path) -> Frame:
    return read(pa.table(table))


def from_relation(table: Table, folder: Path) -> Frame:
    pq.write_table(pa.table(table), folder / "table.parquet")
    return read(duckdb.connect().read_parquet(str(folder / "table.parquet")))


def from_dict(table: Table, _: Path) -> Frame:
    return read({**table, "id": np.array(table["id"])})


def from_processes(table: Table, folder: Path) -> Frame:
    pq.write_table(pa.table(table), folder / "table.parquet")
    return read(folder / "table.parquet", engine="processes:2")


def from_spreadsheet(table: Table, folder: Path) -> Frame:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (list(table), *zip(*table.values(), strict=True)):
        sheet.append(list(row))
    book.create_sheet("empty")
    book.save(folder / "table.xlsx")
    return read(folder / "table.xlsx", sheet="Sheet")


def _declared(values: list[Any], names: dict[type, str]) -> str:
    kinds = {type(value) for value in values} - {type(None)}
    return names[max(kinds, key=list(names).index)] if kinds else names[str]


def _sqlite(table: Table, folder: Path) -> str:
    file = folder / "table.db"
    quoted = ['"' + name.replace('"', '""') + '"' for name in table]
    names = {bool: "BOOLEAN", int: "INTEGER", float: "REAL", str: "TEXT"}
    columns = [f"{name} {_declared(values, names)}" for name, values in zip(quoted, table.values(), strict=True)]
    connection = sqlite3.connect(file)
    connection.execute(f"CREATE TABLE people ({', '.join(columns)})")
    marks = ", ".join("?" * len(table))
    connection.executemany(f"INSERT INTO people VALUES ({marks})", zip(*table.values(), strict=True))
    connection.commit()
    connection.close()
    return f"sqlite:///{file}"


def from_sqlite_table(table: Table, folder: Path) -> Frame:
    return read(_sqlite(table, folder), table="people")


def from_sqlite_query(table: Table, folder: Path) -> Frame:
    member = "CASE member WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"
    others = ", ".join('"' + name.replace('"', '""') + '"' for name in table if name != "member")
    return read(_sqlite(table, folder), query=f"SELECT {others}, {member} AS member FROM people WHERE 'a:b' <> 'x%y';")


def from_ibis_duckdb(table: Table, folder: Path) -> Frame:
    duckdb.from_arrow(pa.table(table)).write_parquet(str(folder / "people.parquet"))
    connection = ibis.duckdb.connect(folder / "people.duckdb")
    connection.raw_sql(f"CREATE TABLE people AS FROM '{folder}/people.parquet'")
    return read(connection.table("people"))


def from_ibis_sqlite(table: Table, folder: Path) -> Frame:
    return read(ibis.sqlite.connect(_sqlite(table, folder).removeprefix("sqlite:///")).table("people"))


def from_spark_frame(table: Table, _: Path) -> Frame:
    return read(local_session().createDataFrame(pa.table(table)))


def from_spark_parquet(table: Table, folder: Path) -> Frame:
    local_session()
    return read(_parts(table, folder), engine="spark")


def from_spark_table(table: Table, folder: Path) -> Frame:
    session = local_session()
    location = _parts(table, folder)
    session.sql("DROP TABLE IF EXISTS people")
    session.sql(f"CREATE TABLE people USING parquet LOCATION 'file://{location}'")
    return read("people", engine="spark")


FILES: dict[str, Maker] = {
    "csv": from_csv,
    "tsv": from_tsv,
    "semicolons": from_semicolons,
    "csv.gz": from_gzip,
    "csv.zst": from_zstandard,
    "csv glob": from_csv_glob,
    "jsonl": from_json_lines,
    "json": from_json,
    "parquet": from_parquet,
    "folder": from_folder,
    "glob": from_glob,
    "xlsx": from_spreadsheet,
}
FRAMES: dict[str, Maker] = {
    "pandas": from_pandas,
    "pandas categories": from_pandas_categories,
    "pandas nullable": from_pandas_nullable,
    "pandas objects": from_pandas_objects,
    "polars": from_polars,
    "polars lazy": from_polars_lazy,
    "pyarrow": from_arrow,
    "duckdb relation": from_relation,
    "dict": from_dict,
    "processes": from_processes,
}
DATABASES: dict[str, Maker] = {"sqlite table": from_sqlite_table, "sqlite query": from_sqlite_query}
WAREHOUSES: dict[str, Maker] = {"ibis duckdb": from_ibis_duckdb, "ibis sqlite": from_ibis_sqlite}
SPARK: dict[str, Maker] = {
    "spark frame": from_spark_frame,
    "spark parquet": from_spark_parquet,
    "spark table": from_spark_table,
}

"""Files: what is read how, and what is said, in one line, about those that cannot be read."""

import gzip
import time
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evenhand.core.errors import DataError, UnreadableSource
from evenhand.core.frame import Frame
from evenhand.sources import read


def write(folder: Path, name: str, content: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def values(frame: Frame, column: str) -> list[Any]:
    found: list[Any] = frame.rows({"x": frame.expressions.column(column)}, 10**6, 0)["x"].tolist()
    return found


LATE = "a,b\n" + "".join(f"{place},x\n" for place in range(30_000))
BROKEN: dict[str, tuple[str, str | bytes, str]] = {
    "empty": ("x.csv", "", r"x\.csv is empty; it has neither column names nor rows\."),
    "header only": ("x.csv", "a,b\n", r"x\.csv holds no rows, only column names\."),
    "ragged short": ("x.csv", "a,b,c\n1,2,3\n4,5\n", r"is ragged \(line 3\): 3 columns are expected and 2 found\."),
    "ragged long": ("x.csv", "a,b\n1,2\n4,5,6\n", r"is ragged \(line 3\): 2 columns are expected and 3 found\."),
    "header too short": ("x.csv", "a,b\n1,2,3\n4,5,6\n", r"is ragged \(line 2\): 2 columns are expected and 3 found\."),
    "ragged late": ("x.csv", LATE + "1,2,3\n", r"is ragged \(line 30002\): 2 columns are expected and 3 found\."),
    "latin1": (
        "x.csv",
        "a,b\n1,caf\xe9\n".encode("latin1"),
        r"is not UTF-8 text.*iconv -f latin1 -t utf-8 OLD > NEW\.",
    ),
    "latin1 late": ("x.csv", LATE.encode() + b"1,caf\xe9\n", r"is not UTF-8 text"),
    "utf-16": ("x.csv", "a,b\n1,2\n".encode("utf-16"), r"is not UTF-8 text"),
    "open quote": ("x.csv", 'a,b\n1,"2\n3,4\n', r"x\.csv has a quote that is never closed"),
    "gzip cut": (
        "x.csv.gz",
        gzip.compress(LATE.encode())[:500],
        r"x\.csv\.gz is cut short or is not the compressed file",
    ),
    "no gzip": ("x.csv.gz", "a,b\n1,2\n", r"x\.csv\.gz is cut short or is not the compressed file"),
    "no zstandard": ("x.csv.zst", "a,b\n1,2\n", r"x\.csv\.zst is cut short or is not the compressed file"),
    "no parquet": ("x.parquet", "hello there, this is no such file", r"x\.parquet is not a whole Parquet file: "),
    "json cut": ("x.json", '[{"a": 1}, {"a"', r"x\.json does not hold good JSON: "),
    "json lines": ("x.jsonl", '{"a": 1}\n{"a":}\n', r"x\.jsonl does not hold good JSON: "),
    "no objects": ("x.jsonl", "1\n2\n", r"x\.jsonl does not hold objects"),
    "empty array": ("x.json", "[]", r"x\.json (holds no rows|does not hold objects)"),
    "unknown": ("x.docx", "hello", r"'x\.docx' ends in '\.docx', which evenhand does not read; it reads \.csv, \.tsv"),
    "no xlsx": ("x.xlsx", "hello", r"x\.xlsx is not a whole spreadsheet: "),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files(tmp_path: Path, case: str) -> None:
    name, content, message = BROKEN[case]
    with pytest.raises(DataError, match=message) as caught:
        read(write(tmp_path, name, content))
    assert "\n" not in str(caught.value)


def test_parquet_cut_short(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": list(range(1000))}), tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    for name, content in (("head", whole[:500]), ("tail", whole[-500:]), ("hole", whole[:100] + whole[300:])):
        with pytest.raises(UnreadableSource, match="is not a whole Parquet file: ") as caught:
            values(read(write(tmp_path, f"{name}.parquet", content)), "a")
        assert "\n" not in str(caught.value)


def test_missing_files_name_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "people.csv", "a\n1\n")
    with pytest.raises(UnreadableSource, match=r"No file '.*poeple\.csv'\. Did you mean 'people\.csv'\?"):
        read(tmp_path / "poeple.csv")
    with pytest.raises(UnreadableSource, match=r"there is no folder '.*nowhere'\."):
        read(tmp_path / "nowhere" / "x.csv")
    with pytest.raises(UnreadableSource, match=r"No file matches '.*\*\.parquet'\."):
        read(f"{tmp_path}/*.parquet")
    (tmp_path / "bare").mkdir()
    with pytest.raises(UnreadableSource, match=r"The folder .*bare holds no file that evenhand reads"):
        read(tmp_path / "bare")


def test_folders_hold_one_format_and_one_header(tmp_path: Path) -> None:
    write(tmp_path, "one.csv", "a,b\n1,2\n")
    write(tmp_path, "two.csv", "a,c\n1,2\n")
    with pytest.raises(
        UnreadableSource, match=r"two\.csv does not have the header of one\.csv; read them one by one\."
    ):
        read(tmp_path)
    write(tmp_path, "three.jsonl", '{"a": 1}\n')
    with pytest.raises(UnreadableSource, match=r"holds files of several formats \(csv, jsonl\); name one"):
        read(tmp_path)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "p.parquet")
    pq.write_table(pa.table({"b": [1]}), tmp_path / "q.parquet")
    with pytest.raises(UnreadableSource, match=r"q\.parquet does not have the columns of p\.parquet"):
        read(f"{tmp_path}/*.parquet")


def test_web_addresses_are_not_fetched() -> None:
    with pytest.raises(UnreadableSource, match=r"evenhand fetches nothing from https://; copy the file here"):
        read("https://127.0.0.1:9/data.csv")


def test_table_and_query_belong_to_databases(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"table= and query= belong to a database URL"):
        read(write(tmp_path, "x.csv", "a\n1\n"), table="x")
    with pytest.raises(UnreadableSource, match=r"is no spreadsheet, so it has no sheet 'one'"):
        read(write(tmp_path, "x.csv", "a\n1\n"), sheet="one")


def test_twice_the_same_name_in_a_header(tmp_path: Path) -> None:
    frame = read(write(tmp_path, "x.csv", "a,b,a,A,a\n1,2,3,4,5\n"))
    assert list(frame.kinds) == ["a", "b", "a_1", "A", "a_2"]
    assert list(frame.notes) == [
        "The header names 'a' twice; the second is read as 'a_1'.",
        "The header names 'a' 3 times; the third is read as 'a_2'.",
    ]
    assert [values(frame, name) for name in frame.kinds] == [[1], [2], [3], [4], [5]]


NAMES = ["a", "A", "x" * 300, "", "a b", "\u202eevil", "'", '"', ";", "--", "c0", "place", "source", "rowid", "日本"]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_names_that_differ_by_case_long_and_empty_ones(tmp_path: Path, form: str) -> None:
    if form == "parquet":
        pq.write_table(pa.table({name: [place, -1] for place, name in enumerate(NAMES)}), tmp_path / "x.parquet")
    elif form == "csv":
        header = ",".join('"' + name.replace('"', '""') + '"' for name in NAMES)
        rows = [",".join(map(str, range(len(NAMES)))), ",".join(["-1"] * len(NAMES))]
        write(tmp_path, "x.csv", "\n".join([header, *rows]) + "\n")
    else:
        import json

        objects = [{name: place for place, name in enumerate(NAMES)}, dict.fromkeys(NAMES, -1)]
        write(tmp_path, "x.jsonl", "".join(json.dumps(each) + "\n" for each in objects))
    frame = read(tmp_path / f"x.{form}")
    assert list(frame.kinds) == NAMES
    for place, name in enumerate(NAMES):
        assert values(frame, name) == [place, -1]
    (batch,) = frame.batches(NAMES, 10)
    assert list(batch.columns) == NAMES


def test_numbers_that_turn_to_text_late(tmp_path: Path) -> None:
    frame = read(write(tmp_path, "x.csv", LATE + "many,y\n"))
    assert frame.kinds == {"a": "text", "b": "text"}
    assert values(frame, "a")[-2:] == ["29999", "many"]
    frame = read(write(tmp_path, "y.csv", LATE + "0.5,y\n"))
    assert frame.kinds["a"] == "number"
    assert values(frame, "a")[-1] == 0.5
    lines = "".join(f'{{"a": {place}}}\n' for place in range(30_000))
    frame = read(write(tmp_path, "z.jsonl", lines + '{"a": "many"}\n'))
    assert frame.kinds == {"a": "text"}
    assert values(frame, "a")[-2:] == ["29999", "many"]


def test_mixed_json_is_text_and_nested_json_is_other(tmp_path: Path) -> None:
    frame = read(
        write(tmp_path, "x.jsonl", '{"a": 1, "b": [1]}\n{"a": "x"}\n{"a": true, "c": {"d": null}}\n{"a": null}\n')
    )
    assert frame.kinds["a"] == "text"
    assert frame.kinds["b"] == "other"
    assert values(frame, "a") == ["1", "x", "true", None]


def test_empty_is_missing_and_a_question_mark_is_not(tmp_path: Path) -> None:
    frame = read(write(tmp_path, "x.csv", 'a,b\n?,1\n,\n"",2\nNA,3\n'))
    assert values(frame, "a") == ["?", None, None, "NA"]
    assert frame.kinds["b"] == "number"


def test_quotes_that_come_late_and_lines_within_them(tmp_path: Path) -> None:
    frame = read(write(tmp_path, "x.csv", LATE + '7,"two, or\nmore ""words"""\n'))
    assert values(frame, "b")[-1] == 'two, or\nmore "words"'


def test_windows_files(tmp_path: Path) -> None:
    frame = read(write(tmp_path, "x.csv", b"\xef\xbb\xbfname;age\r\n\xc3\xa9;3\r\nz;4\r\n"))
    assert list(frame.kinds) == ["name", "age"]
    assert values(frame, "name") == ["é", "z"]


def test_one_column_and_a_comment_sign(tmp_path: Path) -> None:
    frame = read(write(tmp_path, "x.csv", "name\n#1\n#2\n"))
    assert values(frame, "name") == ["#1", "#2"]


def test_signs_of_a_glob_in_a_file_name(tmp_path: Path) -> None:
    write(tmp_path, "d1.csv", "a\n3\n")
    assert values(read(write(tmp_path, "d[1].csv", "a\n1\n")), "a") == [1]
    assert values(read(write(tmp_path, "d*'x.csv", "a\n2\n")), "a") == [2]


def test_partitions_become_columns(tmp_path: Path) -> None:
    for year in (2023, 2024):
        folder = tmp_path / "all=1" / "data" / f"year={year}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"a": [year % 10]}), folder / "part.parquet")
    for location in (tmp_path / "all=1" / "data", f"{tmp_path}/all=1/data/*/*.parquet"):
        frame = read(location)
        assert list(frame.kinds) == ["a", "year"]
        assert list(zip(values(frame, "a"), values(frame, "year"), strict=True)) == [(3, 2023), (4, 2024)]


def test_a_thousand_columns(tmp_path: Path) -> None:
    header = ",".join(f"column {place}" for place in range(1000))
    file = write(tmp_path, "wide.csv", header + "\n" + (",".join(["1"] * 1000) + "\n") * 200)
    started = time.process_time()
    frame = read(file)
    assert len(frame.kinds) == 1000
    assert frame.distinct("column 999", 5) == [1]
    assert time.process_time() - started < 5


def test_a_parquet_bomb_meets_the_memory_limit(tmp_path: Path) -> None:
    text = pa.array(["x" * 1_000_000]).dictionary_encode()
    schema = pa.schema({"a": pa.string(), "b": pa.int64()})
    with pq.ParquetWriter(tmp_path / "bomb.parquet", schema, compression="zstd") as writer:
        for part in range(60):
            repeated = pa.array([text[0].as_py()] * 10)
            writer.write_table(
                pa.table({"a": repeated, "b": pa.array(range(part * 10, part * 10 + 10))}, schema=schema)
            )
    assert (tmp_path / "bomb.parquet").stat().st_size < 2_000_000
    frame = read(tmp_path / "bomb.parquet", memory_limit="100MB", threads=1)
    expressions = frame.expressions
    with pytest.raises(UnreadableSource, match=r"bomb\.parquet needs more memory than allowed: .* memory_limit='4GB'"):
        frame.rows({"a": expressions.column("a"), "b": expressions.column("b")}, 599, 1)


def _workbook(file: Path) -> Path:
    book = openpyxl.Workbook()
    sheets: dict[str, list[list[Any]]] = {
        "people": [["a", "b", "a"], [1, "x", True], [2.5, 3, None]],
        "trades": [["c"]],
        "bare": [],
    }
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    del book["Sheet"]
    book.save(file)
    return file


def test_sheets(tmp_path: Path) -> None:
    file = _workbook(tmp_path / "book.xlsx")
    frame = read(file, sheet="people")
    assert frame.kinds == {"a": "number", "b": "text", "a_1": "boolean"}
    assert [values(frame, name) for name in frame.kinds] == [[1, 2.5], ["x", "3"], [True, None]]
    assert list(frame.notes) == ["The header names 'a' twice; the second is read as 'a_1'."]
    assert frame.location.endswith("book.xlsx, sheet 'people'")
    for sheet, message in {
        None: r"book\.xlsx has 3 sheets: 'people', 'trades', 'bare'\. Name one with sheet=\.",
        "poeple": r"No sheet 'poeple' in .*book\.xlsx\. Did you mean 'people'\?",
        "trades": r"The sheet 'trades' of .*book\.xlsx holds no rows, only column names\.",
        "bare": r"The sheet 'bare' of .*book\.xlsx is empty",
    }.items():
        with pytest.raises(DataError, match=message):
            read(file, sheet=sheet)


def test_a_spreadsheet_that_would_fill_the_memory(tmp_path: Path) -> None:
    file = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as sheet,
    ):
        for _ in range(260):
            sheet.write(bytes(8_000_000))
    with pytest.raises(UnreadableSource, match=r"bomb.xlsx unpacks to 2.1 GB, more than the 2 GB allowed"):
        read(file)


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (
            "_delta_log/00000000000000000000.json",
            r"holds a Delta table \(.*people/_delta_log\), whose files keep removed",
        ),
        (
            "metadata/v1.metadata.json",
            r"holds an Iceberg table \(.*people/metadata\), whose files keep removed rows too; ",
        ),
    ],
)
@pytest.mark.parametrize("asked", ["people", "."])
def test_tables_that_keep_removed_rows_are_not_read_as_files(
    tmp_path: Path, log: str, message: str, asked: str
) -> None:
    for folder in (tmp_path / "people" / "data", (tmp_path / "people" / log).parent):
        folder.mkdir(parents=True)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "people" / "data" / "part-0.parquet")
    write(tmp_path / "people", log, "{}")
    with pytest.raises(UnreadableSource, match=message + r".*read it with engine='spark'\.$") as caught:
        read(tmp_path / asked)
    assert "\n" not in str(caught.value)
    assert read(tmp_path / "people" / "data" / "part-0.parquet").height == 1  # a file is what it is


def test_folders_called_metadata_are_no_iceberg_table(tmp_path: Path) -> None:
    (tmp_path / "metadata").mkdir()
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "part-0.parquet")
    write(tmp_path / "metadata", "_v1.metadata.json", "{}")
    assert read(tmp_path).height == 2

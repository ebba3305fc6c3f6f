"""Warehouses: Ibis tables of every shape, samples that the warehouse draws, and what cannot be counted."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import evenhand as eh
from evenhand.core.errors import DataError, UnreadableSource
from evenhand.sources import read, warehouse
from tests.sources.source_table import Table, sample

pytestmark = [
    pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'future.infer_string' option:DeprecationWarning"),
]
ROWS = 5000
PEOPLE: Table = {
    "id": list(range(ROWS)),
    "sex": [("F", "M", None)[place % 3] for place in range(ROWS)],
    "score": [place % 7 / 7 for place in range(ROWS)],
}


@pytest.fixture
def duck() -> Iterator[ibis.BaseBackend]:
    connection = ibis.duckdb.connect()
    people = pa.table(PEOPLE)
    connection.con.register("given", people)
    connection.con.execute("CREATE TABLE people AS FROM given")
    connection.con.execute("CREATE TEMP TABLE passing AS FROM given")
    connection.con.execute("CREATE TABLE regions AS SELECT range AS id, range % 2 AS region FROM range(0, 5000, 2)")
    yield connection
    connection.disconnect()


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[ibis.BaseBackend]:
    connection = sqlite3.connect(tmp_path / "people.db")
    connection.execute("CREATE TABLE people (id INTEGER, sex TEXT, score REAL)")
    connection.executemany("INSERT INTO people VALUES (?, ?, ?)", zip(*PEOPLE.values(), strict=True))
    connection.commit()
    connection.close()
    opened = ibis.sqlite.connect(tmp_path / "people.db")
    yield opened
    opened.disconnect()


def test_memtables_joins_and_filters_are_counted(duck: ibis.BaseBackend) -> None:
    people = duck.table("people")
    kept = people.filter(people.score > 0.5)
    joined = people.inner_join(duck.table("regions"), "id")
    group = people.group_by("sex").agg(many=people.count())
    for table, height, columns in (
        (kept, sum(score > 0.5 for score in PEOPLE["score"]), ["id", "sex", "score"]),
        (joined, 2500, ["id", "sex", "score", "region"]),
        (group, 3, ["sex", "many"]),
        (people.mutate(high=people.score >= 0.5), ROWS, ["id", "sex", "score", "high"]),
        (ibis.memtable(pa.table(PEOPLE)), ROWS, ["id", "sex", "score"]),
        (ibis.memtable(pd.DataFrame(PEOPLE)), ROWS, ["id", "sex", "score"]),
    ):
        frame = read(table)
        assert frame.height == height
        assert list(frame.kinds) == columns
        assert frame.location == "duckdb, an Ibis expression"
        assert sum(len(batch) for batch in frame.batches(columns[:1], 700)) == height
    assert read(people.mutate(high=people.score >= 0.5)).kinds["high"] == "boolean"
    assert read(people).location == "duckdb, table 'people'"


def test_what_the_user_computes_stays_as_it_is(duck: ibis.BaseBackend) -> None:
    people = duck.table("people")
    own = people.mutate(log=ibis.cases((people.score < 0.5, float("nan")), else_=(people.score + 1).log(2)), half=0.5)
    frame = read(own)
    rows = frame.rows({name: frame.expressions.number(name) for name in ("log", "half")}, ROWS, 0)
    scores = np.array(PEOPLE["score"])
    assert np.allclose(rows["log"], np.where(scores < 0.5, np.nan, np.log2(scores + 1)), rtol=1e-12, equal_nan=True)
    assert set(rows["half"]) == {0.5}


def test_an_audit_of_a_join_equals_the_one_of_its_rows(duck: ibis.BaseBackend) -> None:
    joined = duck.table("people").left_join(duck.table("regions"), "id").drop("id_right").order_by("id")
    audit = eh.Audit(predicted_label="score>=0.5", facets=("sex", "region"), intersections=(("sex", "region"),))
    regions = [place % 2 if place % 2 == 0 else None for place in range(ROWS)]
    assert eh.run(audit, joined).findings == eh.run(audit, PEOPLE | {"region": regions}).findings


@pytest.mark.parametrize("name", ["people", "passing"])
def test_batches_come_while_other_questions_are_asked(duck: ibis.BaseBackend, name: str) -> None:
    frame = read(duck.table(name))
    ids: list[int] = []
    for batch in frame.batches(["id"], 999):
        assert len(frame.distinct("sex", 5)) == 2
        ids += [int(value) for value in np.asarray(batch["id"])]
    assert ids == PEOPLE["id"]
    with pytest.raises(DataError, match=r"A batch of 0 rows is none; give a size of at least 1\."):
        frame.batches(["id"], 0)


@pytest.mark.parametrize("backend", ["duck", "lite"])
def test_long_tables_draw_their_samples_themselves(
    backend: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = request.getfixturevalue(backend).table("people")
    assert read(table).notes == ()
    monkeypatch.setattr(warehouse, "MOST_STREAMED", 1000)
    frame = read(table)
    assert frame.notes == (
        f"{frame.location} has more than 1,000 rows: where rows are sampled, the warehouse draws them itself, and"
        " another run gets other rows. Counts are of all rows.",
    )
    e = frame.expressions
    columns = {"id": e.column("id"), "score": e.number("score"), "one": e.constant(1)}
    rows = frame.rows(columns, 500, 0)
    assert len(set(rows["id"].tolist())) == 500
    assert rows["score"].tolist() == [PEOPLE["score"][place] for place in rows["id"].tolist()]
    # The mean of 500 of 0 … 4999 strays from 2500 by more than 6 standard errors in no run that anyone will see.
    assert abs(float(rows["id"].mean()) - 2500) < 6 * 5000 / 12**0.5 / 500**0.5
    assert frame.rows(columns, 500, 0)["id"].tolist() != rows["id"].tolist()
    assert frame.rows(columns, ROWS, 0)["id"].tolist() == PEOPLE["id"]


def test_what_is_no_table(duck: ibis.BaseBackend) -> None:
    people = duck.table("people")
    for given, message in (
        (people.sex, r"An Ibis StringColumn is no table; give the table it comes from, or select columns of it\."),
        (people.count(), r"An Ibis IntegerScalar is no table; give the table it comes from"),
        (duck, r"An Ibis Backend is no table; give one, such as connection\.table\('name'\)\."),
        (people.filter(people.id < 0), r"duckdb, an Ibis expression holds no rows\."),
    ):
        with pytest.raises(DataError, match=message):
            read(given)
    with pytest.raises(UnreadableSource, match=r"The Ibis table cannot be counted: Expression contains unbound tables"):
        read(ibis.table({"a": "int64"}, name="nowhere"))


def test_what_the_database_refuses_is_told_in_one_line(duck: ibis.BaseBackend) -> None:
    people = duck.table("people")
    frame = read(people)
    duck.con.execute("DROP TABLE people")
    for ask in (
        lambda: read(people),
        lambda: frame.distinct("sex", 3),
        lambda: list(frame.batches(["sex"], 10)),
        lambda: frame.rows({"id": frame.expressions.column("id")}, 10, 0),
        lambda: frame.cells({"sex": frame.expressions.column("sex")}, {}, [["sex"]], 10),
    ):
        with pytest.raises(UnreadableSource, match=r"duckdb, table 'people' cannot be read: .*people") as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_too_many_cells_are_never_fetched(duck: ibis.BaseBackend) -> None:
    frame = read(duck.table("people"))
    with pytest.raises(DataError, match=r"Counting by 'id' gives more than 100 cells; cut wide columns"):
        frame.cells({"id": frame.expressions.column("id")}, {}, [["id"]], 100)


def test_names_that_the_backend_writes_alike_are_no_trouble_here() -> None:
    table = pa.table({"a.b": ["x"], "a?b": ["y"], "c0": ["z"], "k0": [1], "n": [2]})
    frame = read(ibis.memtable(table))
    found = {name: frame.distinct(name, 3) for name in frame.kinds}
    assert found == {"a.b": ["x"], "a?b": ["y"], "c0": ["z"], "k0": [1], "n": [2]}


@pytest.mark.postgres
def test_postgresql_samples_and_batches(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warehouse, "MOST_STREAMED", 1000)
    connection = ibis.connect(postgres)
    try:
        connection.raw_sql("DROP TABLE IF EXISTS streamed").close()
        connection.raw_sql(
            "CREATE TABLE streamed AS SELECT g AS id, g % 3 AS b FROM generate_series(0, 4999) g"
        ).close()
        frame = read(connection.table("streamed"))
        assert len(set(frame.rows({"id": frame.expressions.column("id")}, 300, 0)["id"].tolist())) == 300
        sizes = [len(batch) for batch in frame.batches(["id"], 999) if frame.distinct("b", 5)]
        assert sizes == [999] * 5 + [5]
        next(iter(frame.batches(["id"], 10)))  # left before its end
        assert sorted(frame.distinct("b", 5), key=str) == [0, 1, 2]
    finally:
        connection.disconnect()


@pytest.mark.parametrize("missing", ["ibis", "pyarrow"])
def test_warehouses_need_their_extra(missing: str) -> None:
    script = (
        "import sys\n"
        f"sys.modules[{missing!r}] = None\n"
        "from evenhand.core.errors import MissingExtra\n"
        "from evenhand.sources.warehouse import read_warehouse\n"
        "try:\n    read_warehouse(object())\nexcept MissingExtra as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    package = {"ibis": "ibis-framework", "pyarrow": "pyarrow"}[missing]
    assert done.stdout == (f"Reading a warehouse needs the package '{package}': pip install 'evenhand[warehouse]'\n"), (
        done.stderr
    )


def test_the_whole_table_of_the_contract_in_memory() -> None:
    table = sample()
    audit = eh.Audit(label="label", positive=(1,), predicted_label="age>=50", facets=("sex", "age@30,60"))
    report = eh.run(audit, ibis.memtable(pa.table(table)))
    assert report.findings == eh.run(audit, table).findings

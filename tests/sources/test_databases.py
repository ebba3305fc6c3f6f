"""Databases: what is said about those that cannot be read, and that nothing is written or given away."""

import sqlite3
import subprocess
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from evenhand.core.errors import DataError, MissingExtra, UnreadableSource
from evenhand.core.values import normalised
from evenhand.sources import read
from tests.sources import source_oracle as oracle


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    connection = sqlite3.connect(tmp_path / "people.db")
    connection.execute(
        "CREATE TABLE people (id INTEGER, sex TEXT, mixed INTEGER, born DATE, photo BLOB, member BOOLEAN)"
    )
    rows = [(1, "F", 1, "2000-01-31", b"\x01", True), (2, None, "x", None, None, None), (3, "M", 2.5, "soon", b"", 0)]
    connection.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.execute("CREATE TABLE nobody (id INTEGER)")
    connection.execute("CREATE VIEW women AS SELECT * FROM people WHERE sex = 'F'")
    connection.commit()
    connection.close()
    return f"sqlite:///{tmp_path}/people.db"


def test_sqlite_is_judged_by_its_values(sqlite: str) -> None:
    frame = read(sqlite, table="people")
    assert frame.kinds == {
        "id": "number", "sex": "text", "mixed": "text", "born": "text", "photo": "other", "member": "boolean"
    }  # fmt: skip
    assert frame.location == f"{sqlite}, table 'people'"
    assert sorted(map(str, frame.distinct("mixed", 5))) == ["1", "2.5", "x"]
    assert frame.distinct("born", 5) == ["2000-01-31", "soon"]
    assert read(sqlite, table="women").distinct("sex", 5) == ["F"]
    twice = read(sqlite, query="SELECT 1 AS a, 2 AS A")
    assert [twice.distinct(name, 5) for name in twice.kinds] == [[1], [2]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"people\.db needs either table= or query=; its tables are: 'nobody', 'people'\."),
        ({"table": "people", "query": "SELECT 1"}, r"needs either table= or query="),
        ({"table": "poeple"}, r"No table 'poeple' in sqlite:///.*people\.db\. Did you mean 'people'\?"),
        ({"table": "nobody"}, r"people\.db, table 'nobody' holds no rows\."),
        ({"query": "SELEC 1"}, r"people\.db cannot be read: near \"1\": syntax error\."),
        ({"query": "SELECT * FROM nowhere"}, r"people\.db cannot be read: no such table: nowhere\."),
        ({"query": "DELETE FROM people"}, r"people\.db cannot be read: "),
    ],
)
def test_what_sqlite_cannot_give(sqlite: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(sqlite, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_nothing_can_be_written(sqlite: str) -> None:
    engine = read(sqlite, table="people")._engine  # type: ignore[attr-defined]
    with engine.connect() as connection, pytest.raises(sa.exc.OperationalError, match="readonly"):
        connection.execute(sa.text("DELETE FROM people"))


def test_databases_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "people.db").write_text("this is no database, only text that is long enough to be looked at" * 20)
    with pytest.raises(UnreadableSource, match=r"No file '.*poeple\.db'\. Did you mean 'people\.db'\?"):
        read(f"sqlite:///{tmp_path}/poeple.db", table="x")
    assert not (tmp_path / "poeple.db").exists()
    with pytest.raises(UnreadableSource, match=r"people\.db.*: file is not a database\."):
        read(f"sqlite:///{tmp_path}/people.db", table="x")
    with pytest.raises(
        UnreadableSource, match=r"evenhand knows no database 'nosuch'; use sqlite:/// or postgresql://\."
    ):
        read("nosuch://host/x", table="x")
    with pytest.raises(MissingExtra, match=r"Reading mysql\+pymysql://host/x needs the package 'pymysql'"):
        read("mysql+pymysql://host/x", table="x")


def test_passwords_are_never_shown() -> None:
    with pytest.raises(
        UnreadableSource, match=r"Cannot connect to postgresql\+psycopg://me:\*\*\*@127\.0\.0\.1:9/x: "
    ) as caught:
        read("postgresql://me:hush-hush@127.0.0.1:9/x", table="x")
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.postgres
def test_postgresql_types_and_schemas(postgres: str) -> None:
    engine = sa.create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql('CREATE SCHEMA IF NOT EXISTS "odd"')
        connection.exec_driver_sql("DROP TABLE IF EXISTS odd.types; DROP TYPE IF EXISTS mood")
        connection.exec_driver_sql("CREATE SEQUENCE IF NOT EXISTS odd.counter")
        connection.exec_driver_sql("CREATE TYPE mood AS ENUM ('sad', 'glad')")
        connection.exec_driver_sql(
            "CREATE TABLE odd.types (n numeric, f real, s smallint, c char(3), v varchar(9), m mood, d date, j json, b boolean)"
        )
        connection.exec_driver_sql(
            "INSERT INTO odd.types VALUES (1.50, 'NaN', 7, 'ab', 'x', 'glad', '2020-01-31', '{\"a\": 1}', true),"
            " ('NaN', 'Infinity', NULL, NULL, '', NULL, NULL, NULL, NULL)"
        )
    engine.dispose()
    frame = read(postgres, table="odd.types")
    assert list(frame.kinds.values()) == ["number"] * 3 + ["text"] * 3 + ["other", "other", "boolean"]
    rows = frame.rows({name: frame.expressions.column(name) for name in frame.kinds}, 9, 0)
    assert [[normalised(value) for value in values] for values in rows.values()] == [
        [1.5, None], [None, np.inf], [7, None], ["ab", None], ["x", ""], ["glad", None],
        ["2020-01-31", None], ['{"a": 1}', None], [True, None],
    ]  # fmt: skip
    with pytest.raises(UnreadableSource, match=r"No table 'odd\.tpyes' in .* Did you mean 'types'\?"):
        read(postgres, table="odd.tpyes")
    with pytest.raises(UnreadableSource, match=r"cannot be read: .*read-only transaction"):
        read(postgres, query="SELECT nextval('odd.counter') AS a")
    with pytest.raises(UnreadableSource, match=r"cannot be read: syntax error"):
        read(postgres, query="SELECT 1 AS a; DROP TABLE odd.types")
    with pytest.raises(DataError, match=r"The query gives two columns called 'a'; name them apart with AS\."):
        read(postgres, query="SELECT 1 AS a, 2 AS a")


HOSTILE = ['a"; DROP TABLE x; --', "50%(s) :bound", "Weird.name", "it's", "naïve ☃", "select", "back\\slash"]


@pytest.mark.postgres
@pytest.mark.parametrize("name", HOSTILE)
def test_postgresql_names_are_quoted_wherever_they_stand(postgres: str, name: str) -> None:
    engine = sa.create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS x (a integer)")
        for schema in (name, None):
            if schema is not None:
                connection.execute(sa.schema.DropSchema(schema, if_exists=True, cascade=True))
                connection.execute(sa.schema.CreateSchema(schema))
            columns = sa.Column(name, sa.Text), sa.Column("x", sa.Integer)
            table = sa.Table(name, sa.MetaData(), *columns, schema=schema)
            table.drop(connection, checkfirst=True)
            table.create(connection)
            connection.execute(table.insert(), [{name: value, "x": len(str(schema))} for value in ("F'", "M%", None)])
    for asked, length in ((name, len("None")), (f"{name}.{name}", len(name))):
        frame = read(postgres, table=asked)
        assert sorted(map(str, frame.distinct(name, 5))) == ["F'", "M%"]
        assert frame.distinct("x", 5) == [length]
        e = frame.expressions
        (cells,) = frame.cells({"k": e.among(e.column(name), ["F'", name])}, {"s": e.number("x")}, [["k"]], 10)
        assert dict(zip(map(str, cells["k"]), cells["s"].tolist(), strict=True)) == {
            "True": length, "False": length, "None": length
        }  # fmt: skip
        assert frame.rows({"x": e.column("x")}, 2, 0)["x"].tolist() == [length] * 2
        assert sum(len(batch) for batch in frame.batches([name], 2)) == 3
    with engine.begin() as connection:
        assert "x" in sa.inspect(connection).get_table_names()
        connection.execute(sa.schema.DropSchema(name, cascade=True))
        table.drop(connection)
    engine.dispose()


@pytest.mark.postgres
def test_postgresql_views_partitions_and_stored_views(postgres: str) -> None:
    engine = sa.create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        for statement in (
            "DROP SCHEMA IF EXISTS parts CASCADE",
            "CREATE SCHEMA parts",
            "CREATE TABLE parts.years (year integer, sex text) PARTITION BY RANGE (year)",
            "CREATE TABLE parts.old PARTITION OF parts.years FOR VALUES FROM (0) TO (2000)",
            "CREATE TABLE parts.new PARTITION OF parts.years FOR VALUES FROM (2000) TO (3000)",
            "INSERT INTO parts.years SELECT g, CASE mod(g, 2) WHEN 0 THEN 'F' ELSE 'M' END FROM generate_series(1990, 2009) g",
            "CREATE VIEW parts.women AS SELECT * FROM parts.years WHERE sex = 'F'",
            "CREATE MATERIALIZED VIEW parts.stored AS SELECT sex, count(*) AS many FROM parts.years GROUP BY sex",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()
    assert {name: read(postgres, table=f"parts.{name}").height for name in ("years", "old", "women", "stored")} == {
        "years": 20, "old": 10, "women": 10, "stored": 2
    }  # fmt: skip
    frame = read(postgres, table="parts.years")
    years = [frame.rows({"y": frame.expressions.column("year")}, 10, 3)["y"].tolist() for _ in range(2)]
    assert years[0] == years[1]
    assert read(postgres, table="parts.stored").kinds == {"sex": "text", "many": "number"}
    with pytest.raises(UnreadableSource, match=r"No table 'parts\.stord' in .* Did you mean 'stored'\?"):
        read(postgres, table="parts.stord")
    with pytest.raises(UnreadableSource, match=r"No table 'nowhere\.years' in "):
        read(postgres, table="nowhere.years")


@pytest.mark.postgres
def test_bins_are_the_same_in_every_engine(postgres: str, tmp_path: Path) -> None:
    random = np.random.default_rng(11)
    powers = [sign * 2.0 ** (place / 8) for place in range(-200, 300) for sign in (-1, 1)]
    values = [*powers, *random.lognormal(0, 5, 2000), *[place / 1024 for place in range(1025)], np.nextafter(1, 0), 0.0]
    wanted = [(oracle.linear_bin(v, 0, 1, 1024), oracle.signed_log_bin(v, 8, -20, 30)) for v in values]
    engine = sa.create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
    file = tmp_path / "values.db"
    for target in (engine, sa.create_engine(f"sqlite:///{file}", poolclass=sa.NullPool)):
        table = sa.Table("bins", sa.MetaData(), sa.Column("id", sa.Integer), sa.Column("v", sa.Double))
        table.drop(target, checkfirst=True)
        table.create(target)
        with target.begin() as connection:
            connection.execute(table.insert(), [{"id": place, "v": float(v)} for place, v in enumerate(values)])
        target.dispose()
    tables = [
        read(postgres, table="bins"),
        read(f"sqlite:///{file}", table="bins"),
        read({"id": range(len(values)), "v": values}),
    ]
    for frame in tables:
        e = frame.expressions
        keys = {
            "id": e.column("id"),
            "lin": e.linear_bin(e.number("v"), 0, 1, 1024),
            "log": e.signed_log_bin(e.number("v"), 8, -20, 30),
        }
        (cells,) = frame.cells(keys, {}, [["id", "lin", "log"]], 10**6)
        found = sorted(zip(*(cells[name].tolist() for name in keys), strict=True))
        assert [(lin, log) for _, lin, log in found] == wanted


def test_sources_without_optional_packages(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "for name in ('pandas', 'polars', 'pyarrow', 'sqlalchemy', 'python_calamine', 'onnxruntime', 'skops'):\n"
        "    sys.modules[name] = None\n"
        "from evenhand.core.errors import MissingExtra\n"
        "from evenhand.models import load_model\n"
        "from evenhand.sources import read\n"
        "open('x.csv', 'w').write('a,b\\n1,x\\n')\n"
        "frame = read('x.csv')\n"
        "print(frame.distinct('b', 3), read({'a': [1]}).distinct('a', 3))\n"
        "for source in ('sqlite:///x.db', 'x.xlsx'):\n"
        "    open('x.xlsx', 'w').write('x')\n"
        "    try:\n        read(source)\n    except MissingExtra as error:\n        print(error)\n"
        "for model in ('x.onnx', 'x.skops'):\n"
        "    open(model, 'w').write('x')\n"
        "    try:\n        load_model(model)\n    except MissingExtra as error:\n        print(error)\n"
    )
    import sys

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "['x'] [1]",
        "Reading a database needs the package 'sqlalchemy': pip install 'evenhand[sql]'",
        "Reading a spreadsheet needs the package 'python-calamine': pip install 'evenhand[spreadsheets]'",
        "Running an ONNX file needs the package 'onnxruntime': pip install 'evenhand[onnx]'",
        "Loading a skops file needs the package 'skops': pip install 'evenhand[skops]'",
    ]

"""The engine is locked: it reads the files of its source and nothing else, and that cannot be undone."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from evenhand.core.errors import SpecError
from evenhand.sources.connection import connect, literal


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.csv").write_text("a\n1\n")
    (tmp_path / "data" / "other.csv").write_text("a\n2\n")
    (tmp_path / "secret.csv").write_text("a\n3\n")
    connection = connect([tmp_path / "data" / "mine.csv"])
    yield connection
    connection.close()


def test_the_file_itself_can_be_read(locked: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert locked.execute(f"FROM read_csv('{tmp_path}/data/mine.csv')").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "probe",
    [
        "FROM read_csv('/etc/passwd')",
        "FROM read_text('/etc/passwd')",
        "FROM read_csv('{folder}/data/../secret.csv')",
        "FROM read_csv('{folder}/data/other.csv')",
        "FROM read_csv('{folder}/data/*.csv')",
        "FROM glob('/etc/*')",
        "ATTACH '{folder}/new.db' AS other",
        "ATTACH '{folder}/data/mine.csv' AS other (TYPE sqlite)",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "COPY (SELECT 1) TO '{folder}/data/out.csv'",
        "EXPORT DATABASE '{folder}/out'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "FROM read_csv('https://127.0.0.1:9/x.csv')",
        "FROM 's3://bucket/x.parquet'",
        "SET enable_external_access = true",
        "SET allowed_paths = ['/etc/passwd']",
        "SET allowed_directories = ['/']",
        "SET lock_configuration = false",
        "SET memory_limit = '100GB'",
        "SET autoinstall_known_extensions = true",
        "SET custom_extension_repository = 'http://127.0.0.1'",
        "SET temp_directory = '/etc'",
        "RESET lock_configuration",
    ],
)
def test_ways_out_are_shut(locked: duckdb.DuckDBPyConnection, tmp_path: Path, probe: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(duckdb.Error):
        locked.execute(probe.format(folder=tmp_path)).fetchall()
    assert sorted(tmp_path.rglob("*")) == before


def test_python_variables_are_no_tables(locked: duckdb.DuckDBPyConnection) -> None:
    secrets = {"a": [1]}
    with pytest.raises(duckdb.CatalogException, match="secrets"):
        locked.execute("FROM secrets")
    assert secrets


@pytest.mark.parametrize("text", ["it's", "'; DROP TABLE x; --", "\\'", "a\x00b", "''"])
def test_literals_mean_themselves(locked: duckdb.DuckDBPyConnection, text: str) -> None:
    assert locked.execute(f"SELECT {literal(text)}").fetchall() == [(text,)]


def test_limits_are_checked() -> None:
    with pytest.raises(SpecError, match=r"memory_limit is 'lots'; give a size such as '1GB' or '500MB'\."):
        connect(memory_limit="lots")
    with pytest.raises(SpecError, match=r"threads is 0; give a whole number of at least 1"):
        connect(threads=0)
    connection = connect(memory_limit="200MB", threads=1)
    assert connection.execute("SELECT current_setting('threads')").fetchall() == [(1,)]

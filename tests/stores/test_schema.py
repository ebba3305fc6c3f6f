"""Opening: the schema is made and kept up to date by migrations, and what cannot be opened is said in one line."""

import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from evenhand import UnreadableSource
from evenhand.stores import open_store
from evenhand.stores.opening import VERSION_TABLE, check_version, config
from evenhand.stores.tables import PREFIX, metadata
from tests.stores.making import START, monitor


def _engine(url: str) -> sa.Engine:
    return sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)


def _tables(url: str) -> set[str]:
    return set(sa.inspect(_engine(url)).get_table_names()) - {"sqlite_sequence"}


def test_the_migrations_make_the_tables_that_the_code_uses(url: str) -> None:
    assert _tables(url) == set()
    open_store(url).close()
    assert _tables(url) == {*metadata.tables, VERSION_TABLE}
    assert all(name.startswith(PREFIX) for name in _tables(url))
    with _engine(url).connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert [change for change in compare_metadata(context, metadata) if "sqlite_sequence" not in str(change)] == []


def test_opening_again_changes_nothing(url: str) -> None:
    with open_store(url) as first:
        first.put_monitor(monitor())
        with open_store(url) as second, second._writing() as connection:
            command.upgrade(config(connection), "head")
        with open_store(url) as third:
            assert third.monitor("loans") == monitor()


def test_a_store_of_a_newer_version_is_refused_in_one_line(url: str) -> None:
    open_store(url).close()
    with _engine(url).begin() as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(UnreadableSource) as refused:
        open_store(url)
    assert "was written by a newer evenhand (schema '9999', and this one knows up to '0003')" in str(refused.value)
    assert str(refused.value).endswith("upgrade evenhand.")
    assert "\n" not in str(refused.value)


def test_a_database_may_be_shared_with_other_tables(url: str) -> None:
    with _engine(url).begin() as connection:
        connection.execute(sa.text("CREATE TABLE jobs (id INTEGER)"))
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('abc')"))
    with open_store(url) as store:
        store.enqueue("run", {})
        assert len(store.jobs()) == 1


OPEN = "import sys; from evenhand.stores import open_store; open_store(sys.argv[1]).note('me', 'opened', 'it')"


@pytest.mark.slow
def test_several_processes_may_open_a_new_store_at_once(url: str) -> None:
    started = [subprocess.Popen([sys.executable, "-c", OPEN, url], stderr=subprocess.PIPE) for _ in range(3)]
    for process in started:
        assert process.communicate(timeout=120)[1] == b""
    with open_store(url) as store:
        assert len(store.log()) == 3


def test_a_file_is_made_that_only_its_owner_reads(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/below/it/store.db") as store:
        store.note("a", "b", "c")
        files = sorted((tmp_path / "below" / "it").iterdir())
        assert [file.name for file in files] == ["store.db", "store.db-shm", "store.db-wal"]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        with store._reading() as connection:
            settings = {
                name: connection.execute(sa.text(f"PRAGMA {name}")).scalar()
                for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
            }
    assert settings == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 30_000}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", r"^The store's URL cannot be understood; use sqlite:///evenhand.db or postgresql://user@host/"),
        ("mysql://u:secret@h/d", r"^A store cannot be kept in 'mysql'; use sqlite:///evenhand.db or postgresql://"),
        ("sqlite://", r"^A store in memory would be lost; name a file, such as sqlite:///evenhand.db\.$"),
        ("sqlite:///:memory:", r"^A store in memory would be lost; name a file, such as sqlite:///evenhand.db\.$"),
        ("sqlite:///a.db?mode=ro", r"^The URL of a SQLite store takes no options; write sqlite:///evenhand.db\.$"),
        ("sqlite:////dev/null/store.db", r"^The store sqlite:////dev/null/store.db cannot be made: "),
        ("postgresql://127.0.0.1:1/d?password=secret", r"^The store postgresql\+psycopg://127.0.0.1:1/d cannot be used: "),
        ("postgresql://u:secret@127.0.0.1:1/d", r"^The store postgresql\+psycopg://u:\*\*\*@127.0.0.1:1/d cannot be used: "),
    ],
)  # fmt: skip
def test_what_cannot_be_opened_is_said_without_secrets(url: str, why: str) -> None:
    with pytest.raises(UnreadableSource, match=why) as refused:
        open_store(url)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_database_is_said_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text('{"schema_version": 1}' * 100)
    with pytest.raises(UnreadableSource, match=r"report.json cannot be used: file is not a database\.$"):
        open_store(f"sqlite:///{file}")
    assert file.read_text() == '{"schema_version": 1}' * 100


def test_an_old_postgresql_is_refused() -> None:
    dialect = SimpleNamespace(name="postgresql", server_version_info=(14, 9))
    with pytest.raises(UnreadableSource, match=r"^here is PostgreSQL 14; a store needs 15 or newer\.$"):
        check_version(SimpleNamespace(dialect=dialect), "here")  # type: ignore[arg-type]


def test_a_store_that_lost_its_tables_says_so(new_url: Callable[[], str]) -> None:
    url = new_url()
    with open_store(url) as store:
        with _engine(url).begin() as connection:
            connection.execute(sa.text(f"DROP TABLE {PREFIX}log"))
        with pytest.raises(UnreadableSource, match=r"cannot be used: .*evenhand_log") as refused:
            store.note("a", "b", "c")
        assert "\n" not in str(refused.value)
        store.put_monitor(monitor())
        assert store.raise_alert("loans", "bias", "x", "r", START).windows == 1

"""Upgrades: a database of an earlier revision, with data, is brought up to date when it is opened, and loses nothing."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from evenhand import UnreadableSource
from evenhand.stores import open_store
from evenhand.stores.database import WRITES
from evenhand.stores.opening import VERSION_TABLE, config
from evenhand.stores.store import SQLStore
from evenhand.stores.tables import PREFIX, metadata
from tests.stores.making import START, counts, day
from tests.stores.test_export import _contents, _fill
from tests.stores.test_schema import _engine


def _rows(url: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of a store, keys too."""
    with _engine(url).connect() as connection:
        found = {}
        for table in metadata.sorted_tables:
            query = sa.select(table).order_by(*table.primary_key)
            found[table.name] = [dict(row._mapping) for row in connection.execute(query)]
        return found


def _as_first(url: str, rows: dict[str, list[dict[str, Any]]]) -> None:
    """A database as revision 1 made it, with these rows."""
    engine = _engine(url)
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        command.upgrade(config(connection), "0001")
        there = sa.MetaData()
        there.reflect(connection)
        for table in (table for table in metadata.sorted_tables if table.name in there.tables):
            old = [column.name for column in there.tables[table.name].c]
            kept = [{name: row[name] for name in old} for row in rows[table.name]]
            if kept:
                connection.execute(
                    sa.insert(sa.table(table.name, *(sa.column(name, table.c[name].type) for name in old))), kept
                )


def _filled(url: str) -> tuple[list[Any], str]:
    with open_store(url) as store:
        _fill(store)
        store.finish(store.jobs(states=["running"])[0].id, "w", error="no rows")
        _, text = store.add_key("ann", ["read"], None)
        return _contents(store), text


def test_a_store_of_the_first_revision_is_brought_up_with_its_data(new_url: Callable[[], str]) -> None:
    whole, old = new_url(), new_url()
    before, key = _filled(whole)
    rows = _rows(whole)
    _as_first(old, rows)
    assert "ended" not in {column["name"] for column in sa.inspect(_engine(old)).get_columns(f"{PREFIX}jobs")}
    with open_store(old) as store:
        after = _contents(store)
        assert store.key_of(key) is not None
        *others, jobs, log = after
        *others_before, jobs_before, log_before = before
        assert (others, log) == (others_before, log_before)
        # When a job ended was not kept then; it was not before it was made.
        assert [(job.id, job.state, job.error, job.payload) for job in jobs] == [
            (job.id, job.state, job.error, job.payload) for job in jobs_before
        ]
        assert [job.ended for job in jobs] == [job.created if job.state == "failed" else None for job in jobs]
        _goes_on(store)
    with _engine(old).connect() as connection:
        assert connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all() == ["0003"]


def _goes_on(store: SQLStore) -> None:
    assert not store.add_tally("loans", day(0), "all", "part 0", counts())
    assert store.add_tally("loans", day(0), "all", "new", counts())
    held = store.lease("w", 60)
    assert held is not None
    assert store.finish(held.id, "w")
    ended = store.jobs(states=["done"])[0].ended
    assert ended is not None
    assert ended > START


def test_an_export_of_the_first_revision_is_still_taken(new_url: Callable[[], str]) -> None:
    with open_store(new_url()) as first, open_store(new_url()) as second:
        _fill(first)
        records = [
            (kind, {name: value for name, value in record.items() if name != "ended"})
            for kind, record in first.exported()
        ]
        assert second.import_(iter(json.loads(json.dumps(records)))) == len(records)
        assert _contents(second) == _contents(first)


NEWER = "from evenhand.cli import main; main()"


def test_a_database_newer_than_the_program_is_one_line_at_the_terminal(url: str, tmp_path: Any) -> None:
    open_store(url).close()
    with _engine(url).begin() as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '0099'"))
    for what in (["monitor", "list", "--store", url], ["serve", "--database", url, "--port", "0"]):
        done = subprocess.run(
            [sys.executable, "-c", NEWER, *what], capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False
        )
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "was written by a newer evenhand (schema '0099', and this one knows up to '0003')" in done.stderr
        assert done.stderr.endswith("upgrade evenhand.\n")
    with pytest.raises(UnreadableSource):
        open_store(url)

"""Counts by cell of time: each part is added once, and parts are summed up as they come to be many."""

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any

import sqlalchemy as sa

from evenhand.core.errors import DataError
from evenhand.core.store import Counted
from evenhand.core.tally import Tally
from evenhand.core.window import Window
from evenhand.stores.database import Database, inserting, require_monitor
from evenhand.stores.tables import monitors, parts, sums

# A cell with this many parts that are in no sum yet is summed up by the next who reads it.
_MANY = 16
# A transaction sums up at most so many parts, so that others need not wait long for it.
_AT_ONCE = 32


class Cells(Database):
    """The tallies that a store keeps."""

    def add_tally(self, monitor: str, cell: Window, counted: Counted, part: str, tally: Tally) -> bool:
        """Add counts to those of a cell, once for each name of a part; False where that part was added before."""
        row = {"monitor": monitor, "counted": counted, "start": cell.start, "end": cell.end, "part": part}
        text = tally.to_json()
        with self._writing() as connection:
            require_monitor(connection, monitor)
            added = inserting(connection, parts).values(**row, tally=text).on_conflict_do_nothing()
            return connection.execute(added.returning(parts.c.part)).first() is not None

    def tally(self, monitor: str, window: Window, counted: Counted) -> Tally | None:
        """The sum over the cells in a window; None where nothing was counted."""
        for cell in self._crowded(monitor, window, counted):
            while self._sum_up(monitor, cell, counted):
                pass
        kept = [_texts(table, monitor, window, counted) for table in (sums, parts)]
        # One statement, hence one moment: a part is either in its cell's sum or beside it.
        both = sa.union_all(*kept).order_by("start", "part")
        with self._reading() as connection:
            texts = [row.tally for row in connection.execute(both)]
            if not texts:
                require_monitor(connection, monitor)
        return _sum((Tally.from_json(text) for text in texts), monitor) if texts else None

    def _crowded(self, monitor: str, window: Window, counted: Counted) -> list[Window]:
        within = _within(parts, monitor, window, counted)
        query = sa.select(parts.c.start, parts.c.end).where(within, parts.c.tally.is_not(None))
        query = query.group_by(parts.c.start, parts.c.end).having(sa.func.count() >= _MANY)
        with self._reading() as connection:
            return [Window(row.start, row.end) for row in connection.execute(query)]

    def _sum_up(self, monitor: str, cell: Window, counted: Counted) -> bool:
        """Move some parts into their cell's sum; False once none is left."""
        place = {"monitor": monitor, "counted": counted, "start": cell.start, "end": cell.end}
        with self._writing() as connection:
            # One at a time for each monitor; adding parts goes on meanwhile.
            alone = sa.select(monitors.c.name).where(monitors.c.name == monitor).with_for_update(key_share=True)
            connection.execute(alone)
            loose = sa.select(parts.c.part, parts.c.tally).where(_at(parts, place), parts.c.tally.is_not(None))
            rows = connection.execute(loose.order_by(parts.c.part).limit(_AT_ONCE)).all()
            before = connection.execute(sa.select(sums.c.tally).where(_at(sums, place))).scalars().all()
            texts = [*before, *(row.tally for row in rows)]
            if not rows:
                return False
            whole = _sum(map(Tally.from_json, texts), monitor).to_json()
            kept = inserting(connection, sums).values(**place, tally=whole)
            where = [sums.c.monitor, sums.c.counted, sums.c.start, sums.c.end]
            connection.execute(kept.on_conflict_do_update(index_elements=where, set_={"tally": whole}))
            moved = _at(parts, place) & parts.c.part.in_([row.part for row in rows])
            connection.execute(sa.update(parts).where(moved).values(tally=None))
            return len(rows) == _AT_ONCE


def _at(table: sa.Table, place: dict[str, Any]) -> sa.ColumnElement[bool]:
    return sa.and_(*(table.c[name] == value for name, value in place.items()))


def _within(table: sa.Table, monitor: str, window: Window, counted: Counted) -> sa.ColumnElement[bool]:
    inside = (table.c.start >= window.start) & (table.c.end <= window.end)
    return (table.c.monitor == monitor) & (table.c.counted == counted) & inside


def _texts(table: sa.Table, monitor: str, window: Window, counted: Counted) -> sa.Select[Any]:
    part = table.c.part if "part" in table.c else sa.literal("").label("part")
    query = sa.select(table.c.start, part, table.c.tally)
    return query.where(_within(table, monitor, window, counted), table.c.tally.is_not(None))


def _sum(tallies: Iterable[Tally], monitor: str) -> Tally:
    try:
        return reduce(add, tallies)
    except ValueError:
        raise DataError(
            f"The counts of monitor {monitor!r} were made for different audits and do not add up; "
            "give the changed monitor a new name, or remove it and count again."
        ) from None

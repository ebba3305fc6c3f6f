"""Joins: recorded predictions put beside the rows they belong to, by an id."""

import sys
from dataclasses import dataclass

import duckdb

from evenhand.core.errors import ColumnNotFound, DataError
from evenhand.core.frame import Frame
from evenhand.sources.duckdb_errors import explained
from evenhand.sources.duckdb_frame import DuckDBFrame
from evenhand.sources.frames import read_frame
from evenhand.sources.origin import Origin


def join_predictions(frame: Frame, predictions: Frame, on: str) -> DuckDBFrame:
    """The frame with the columns of the predictions; rows without a prediction keep missing ones."""
    for side in (frame, predictions):
        if on not in side.kinds:
            raise ColumnNotFound(on, side.kinds)
    if twice := [name for name in predictions.kinds if name in frame.kinds and name != on]:
        raise DataError(
            f"The data and the predictions both have a column {twice[0]!r}; rename it or leave it out of one."
        )
    join = _Join(_reopenable(frame), _reopenable(predictions), on)
    origin, location = join.origin(), f"{frame.location} with {predictions.location}"
    connection = origin.connect()
    try:
        relation = origin.relation(connection, "source")
        notes = (*frame.notes, *predictions.notes, *join.notes(connection))
    except duckdb.Error as error:
        raise explained(error, location) from error
    return DuckDBFrame(relation, join.names, location=location, origin=origin, placed=True, notes=notes)


@dataclass(frozen=True)
class _Join:
    left: DuckDBFrame
    right: DuckDBFrame
    on: str

    @property
    def names(self) -> list[str]:
        return [*self.left.kinds, *(name for name in self.right.kinds if name != self.on)]

    def origin(self) -> Origin:
        left, right = _origin(self.left), _origin(self.right)
        return Origin(self._relation, (*left.paths, *right.paths), left.memory_limit, left.threads)

    def notes(self, connection: duckdb.DuckDBPyConnection) -> list[str]:
        """How many rows found no prediction and the other way round; raises DataError for an id predicted twice."""
        one, two = self._keys
        several = f"FROM right_rows AS r WHERE {two} IS NOT NULL GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 1"
        twice = f"SELECT {two} {several}"
        for (repeated,) in connection.sql(twice).fetchall():
            raise DataError(
                f"The predictions ({self.right.location}) have {self.on!r} {repeated!r} more than once;"
                " keep one prediction for each."
            )
        without = f"SELECT count(*) FROM left_rows AS l ANTI JOIN right_rows AS r ON {one} = {two}"  # noqa: S608 - our own names
        unused = f"SELECT count(*) FROM right_rows AS r ANTI JOIN left_rows AS l ON {one} = {two}"  # noqa: S608 - our own names
        ((rows,),), ((extra,),) = connection.sql(without).fetchall(), connection.sql(unused).fetchall()
        notes = [f"{rows:,} of {self.left.height:,} rows have no prediction with their {self.on!r}."] if rows else []
        return notes + ([f"{extra:,} predictions belong to no row of the data and are left out."] if extra else [])

    @property
    def _keys(self) -> tuple[str, str]:
        one, two = f"l.c{list(self.left.kinds).index(self.on)}", f"r.c{list(self.right.kinds).index(self.on)}"
        if self.left.kinds[self.on] == self.right.kinds[self.on]:
            return one, two
        return f"{one}::VARCHAR", f"{two}::VARCHAR"

    def _relation(self, connection: duckdb.DuckDBPyConnection, name: str) -> duckdb.DuckDBPyRelation:
        self.left.reopened(connection, f"{name}_left").create_view("left_rows")
        self.right.reopened(connection, f"{name}_right").create_view("right_rows")
        added = [place for place, name in enumerate(self.right.kinds) if name != self.on]
        columns = [f"l.c{place}" for place in range(len(self.left.kinds))] + [f"r.c{place}" for place in added]
        named = ", ".join(f"{column} AS c{place}" for place, column in enumerate(columns))
        one, two = self._keys
        # A join may change the order of rows, so each carries its place.
        return connection.sql(
            f"SELECT {named}, l.place FROM (SELECT *, row_number() OVER () - 1 AS place FROM left_rows) AS l"  # noqa: S608 - our own names
            f" LEFT JOIN right_rows AS r ON {one} = {two}"
        )


def _reopenable(frame: Frame) -> DuckDBFrame:
    """The frame itself, or a copy of its rows in memory where they cannot be read by a connection of ours."""
    if isinstance(frame, DuckDBFrame) and frame.origin is not None:
        return frame
    expressions = frame.expressions
    rows = frame.rows({name: expressions.column(name) for name in frame.kinds}, sys.maxsize, 0)
    copied = read_frame(rows, location=frame.location)
    if copied is None:
        raise DataError(f"{frame.location} cannot be joined.")
    return copied


def _origin(frame: DuckDBFrame) -> Origin:
    if frame.origin is None:
        raise DataError(f"{frame.location} cannot be joined.")
    return frame.origin

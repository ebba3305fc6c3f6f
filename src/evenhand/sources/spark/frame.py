"""SparkFrame: a table that Spark counts, and whose rows Spark's workers go through."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import ColumnNotFound, DataError
from evenhand.core.expressions import Expression
from evenhand.core.frame import Columns
from evenhand.core.spread import PLACE, ArrowSchema, Work
from evenhand.core.values import Kind, Level
from evenhand.sources.arrays import values_from_list
from evenhand.sources.arrow_tables import exactly
from evenhand.sources.lazy_counts import tidied
from evenhand.sources.lazy_expressions import LazyExpressions
from evenhand.sources.native import native_of_arrow
from evenhand.sources.spark.counting import SparkCounts
from evenhand.sources.spark.errors import told
from evenhand.sources.spark.mapping import Checked, Part, as_function, dealt, packed
from evenhand.sources.spark.placing import FILE, LINE, ByFile, ByPartition, Placing, unrepeatable
from evenhand.sources.spark.writing import reopened, spark_schema, written


class SparkFrame:
    """A DataFrame of Spark, classic or Connect, whose first columns are in the order of `names`.

    With `of_files` it has two columns more, the file of a row and the row's number in it. Rows then have the places
    that they have when one machine reads the files in the order of their paths. Otherwise places go by partition,
    which is only as repeatable as the DataFrame is: sorted by a key, or read from somewhere without a shuffle.
    """

    def __init__(
        self, table: Any, names: Sequence[str], *, location: str, notes: Sequence[str] = (), of_files: bool = False
    ) -> None:
        self.location, self.notes = location, tuple(notes)
        if len(set(names)) < len(names):
            twice = next(name for place, name in enumerate(names) if name in names[:place])
            raise DataError(f"Two columns of {location} are called {twice!r}; rename one of them.")
        self._told = partial(told, location)
        aliases = [f"c{place}" for place in range(len(names))]
        with self._told():
            named = table.toDF(*aliases, *((FILE, LINE) if of_files else ()))
            tidy, kinds = tidied(nw.from_native(named), names)
        self.kinds: Mapping[str, Kind] = kinds
        self._of_files = of_files
        self._counts = SparkCounts(tidy, kinds, self._told)

    @property
    def expressions(self) -> LazyExpressions:
        """Builds expressions over the columns."""
        return self._counts.expressions

    @cached_property
    def height(self) -> int:
        """The number of rows; counted once."""
        return self._placing.height

    def cells(
        self, keys: Mapping[str, Expression], sums: Mapping[str, Expression], cubes: Sequence[Sequence[str]], limit: int
    ) -> list[Columns]:
        """Group by each of `cubes`: per cube the key columns, `count`, and each sum."""
        return self._counts.cells(keys, sums, cubes, limit)

    def distinct(self, column: str, limit: int) -> list[Level]:
        """Up to `limit` values that occur in a column, most frequent first; missing is not one of them."""
        return self._counts.distinct(column, limit)

    def rows(self, columns: Mapping[str, Expression], limit: int, seed: int) -> Columns:
        """The same rows for the same seed, in the order of their places."""
        places = None
        if self.height > limit:
            places = np.sort(np.random.default_rng(seed).choice(self.height, limit, replace=False))
        named = {f"r{number}": expression for number, expression in enumerate(columns.values())}

        def asked(table: Any) -> Any:
            return nw.from_native(table).select(PLACE, **named).to_native()

        fetched = self._fetched(places, asked)
        return {name: values_from_list(fetched[f"r{number}"].to_pylist()) for number, name in enumerate(columns)}

    def at(self, places: NDArray[np.int64], columns: Sequence[str]) -> Any:
        """The rows at these ascending places, as `batches` gives them; raises ColumnNotFound and DataError."""
        aliases = self._aliases(columns)
        if len(places) and (places[0] < 0 or places[-1] >= self.height):
            raise DataError(f"{self.location} has rows at the places 0 to {self.height - 1:,}; ask for those.")
        fetched = self._fetched(places, lambda table: table.select(*aliases, PLACE))
        return native_of_arrow(fetched.drop_columns([PLACE]), columns)

    def batches(self, columns: Sequence[str], size: int) -> Iterator[Any]:
        """The rows as eager native dataframes of `size` rows, the last one smaller; raises ColumnNotFound."""
        aliases = self._aliases(columns)
        if size < 1:
            raise DataError(f"A batch of {size!r} rows is none; give a size of at least 1.")
        return (native_of_arrow(table, columns) for table in exactly(self._streamed(aliases), size))

    def schema(self, columns: Sequence[str]) -> ArrowSchema:
        """The PyArrow types of these columns, under their own names; raises ColumnNotFound."""
        import pyarrow

        aliases = self._aliases(columns)
        with self._told():
            empty = self._counts.table.to_native().select(*aliases).limit(0).toArrow()
        return pyarrow.schema(list(zip(columns, empty.schema.types, strict=True)))

    def mapped(
        self,
        work: Work,
        columns: Sequence[str],
        gives: ArrowSchema,
        *,
        out: Path | str | None = None,
        together: int = 1,
    ) -> "SparkFrame":
        """What `work` gives for all rows, lazily, or from the folder `out` in which it is written first.

        Raises ColumnNotFound, DataError where `out` exists or a worker finds other rows than were counted, and what the
        work raises in the workers.
        """
        aliases = self._aliases(columns)
        schema = spark_schema(gives)
        checked = Checked(self.location, self._placing.parts)
        with self._told():
            # By their number, as the work knows them; a column may be asked for twice.
            asked = (f"{alias} AS c{number}" for number, alias in enumerate(aliases))
            rows = self._placed.selectExpr(*asked, PLACE)
            if together > 1:
                rows, checked = dealt(rows, checked, self.height, together), Checked(self.location, None)
            done = rows.mapInArrow(as_function(Part(work, gives, checked)), schema)
        location = f"{self.location}, worked on"
        if out is None:
            return SparkFrame(done, gives.names, location=location, notes=self.notes)
        with self._told():
            written(done, gives.names, out)
        table, names = reopened(done.sparkSession, out)
        return SparkFrame(table, names, location=str(out), notes=self.notes, of_files=True)

    @cached_property
    def _placing(self) -> Placing:
        table = self._counts.table.to_native()
        with self._told():
            placing = ByFile.of(table) if self._of_files else None
            return placing or ByPartition.of(table)

    @property
    def _placed(self) -> Any:
        """The columns c0, c1, … and `place`."""
        table = self._placing.placed(self._counts.table.to_native())
        return table.select(*(f"c{place}" for place in range(len(self.kinds))), PLACE)

    def _aliases(self, columns: Sequence[str]) -> list[str]:
        names = list(self.kinds)
        for column in columns:
            if column not in self.kinds:
                raise ColumnNotFound(column, names)
        return [f"c{names.index(column)}" for column in columns]

    def _fetched(self, places: NDArray[np.int64] | None, asked: Callable[[Any], Any]) -> Any:
        """What is asked of the rows at these places, in their order; raises DataError where one is not there."""
        import pyarrow

        with self._told():
            table = self._placed if places is None else _chosen(self._placed, places)
            found = asked(table).toArrow()
        wanted = np.arange(self.height) if places is None else places
        found = found.sort_by(PLACE)
        if not found[PLACE].combine_chunks().equals(pyarrow.array(wanted, pyarrow.int64())):
            raise unrepeatable(self.location)
        return found

    def _streamed(self, aliases: Sequence[str]) -> Iterator[Any]:
        """The rows in the order of places as PyArrow tables of any size; the driver holds few of them at a time."""
        import pyarrow

        seen = 0
        chosen = self._placed.select(*aliases, PLACE)
        ordered = chosen if self._placing.in_order else chosen.sort(PLACE)
        with self._told():
            pieces = ordered.mapInArrow(packed, "piece binary").toLocalIterator()
        while True:
            with self._told():
                row = next(pieces, None)
            if row is None:
                break
            table = pyarrow.ipc.open_stream(pyarrow.py_buffer(bytes(row[0]))).read_all()
            if table[PLACE].to_numpy().tolist() != list(range(seen, seen + len(table))):
                raise unrepeatable(self.location)
            seen += len(table)
            yield table.drop_columns([PLACE])
        if seen != self.height:
            raise unrepeatable(self.location)


def _chosen(table: Any, places: NDArray[np.int64]) -> Any:
    """The rows at these places: as a range where they are one, else joined with a list that every worker gets."""
    import pyarrow
    from pyspark.sql import functions

    if not len(places):
        return table.limit(0)
    inside = table.filter(functions.col(PLACE).between(int(places[0]), int(places[-1])))
    if int(places[-1]) - int(places[0]) + 1 == len(places):
        return inside
    listed = table.sparkSession.createDataFrame(pyarrow.table({PLACE: pyarrow.array(places, pyarrow.int64())}))
    return inside.join(functions.broadcast(listed), PLACE, "left_semi")

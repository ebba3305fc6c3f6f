"""Frame: a table that can be counted — what every source offers and all that the tally asks for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from evenhand.core.expressions import Expression, Expressions
from evenhand.core.values import Kind, Level

Columns = dict[str, NDArray[Any]]


class Frame(Protocol):
    """A table somewhere: in files, in memory, in a database. Rows stay there; cells come back."""

    @property
    def location(self) -> str:
        """Where the table is, as provenance prints it; never with a password."""

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Each column's kind, in the order of the table."""

    @property
    def height(self) -> int:
        """How many rows there are."""

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the report must know about how the table was read."""

    @property
    def expressions(self) -> Expressions:
        """Builds expressions over the columns."""

    def cells(
        self, keys: Mapping[str, Expression], sums: Mapping[str, Expression], cubes: Sequence[Sequence[str]], limit: int
    ) -> list[Columns]:
        """Group by each of `cubes` (names among `keys`): per cube the key columns, `count`, and each sum.

        Raises DataError where a cube has more than `limit` cells.
        """

    def rows(self, columns: Mapping[str, Expression], limit: int, seed: int) -> Columns:
        """A reproducible sample of at most `limit` rows of the expressions."""

    def distinct(self, column: str, limit: int) -> list[Level]:
        """Up to `limit` values that occur in a column, most frequent first."""

    def batches(self, columns: Sequence[str], size: int) -> Iterator[Any]:
        """The rows as eager native dataframes of at most `size` rows, for models that must be called."""

"""Everything that a store holds, as records of JSON, and what such a record must be."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from evenhand.stores.columns import written
from evenhand.stores.database import Database
from evenhand.stores.tables import PREFIX, keys, metadata

# In an order in which what is referred to comes first.
EXPORTED = {table.name.removeprefix(PREFIX): table for table in metadata.sorted_tables if table is not keys}


class Exporting(Database):
    """How the contents of a store leave it."""

    def exported(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Everything but keys and sessions, as kind and JSON, for `import_` of another store; all of one moment."""
        with self._reading(whole=True) as connection:
            for kind, table in EXPORTED.items():
                query = sa.select(table).order_by(*table.primary_key).execution_options(yield_per=200)
                for row in connection.execute(query):
                    yield kind, {name: _plain(value) for name, value in row._mapping.items()}


def _plain(value: Any) -> Any:
    return written(value) if isinstance(value, datetime) else value

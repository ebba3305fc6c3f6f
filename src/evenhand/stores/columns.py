"""Kinds of columns that both databases keep alike: moments in UTC, names, and text of any origin."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator, TypeEngine

from evenhand.core.errors import DataError

LONGEST_NAME = 500

# SQLite counts rows only in a column of exactly this type.
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


class Moment(TypeDecorator[datetime]):
    """A time in UTC: timestamptz in PostgreSQL, text that sorts by time in SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        """Text where the database has no times."""
        return dialect.type_descriptor(sa.String(27) if dialect.name == "sqlite" else sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        """A time without a zone is UTC."""
        if value is None:
            return None
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return written(moment) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        """Always in UTC."""
        if value is None:
            return None
        return (datetime.fromisoformat(value) if dialect.name == "sqlite" else value).astimezone(UTC)


class Name(TypeDecorator[str]):
    """A short text that identifies; what databases cannot keep is refused, so that no two names become one."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        """Refuse names that are long or that hold what is no text."""
        if value is None:
            return None
        if len(value) > LONGEST_NAME:
            raise DataError(f"A name of {len(value)} characters is too long; at most {LONGEST_NAME} are allowed.")
        if value != _storable(value):
            raise DataError(f"The name {value!a} holds characters that are no text; use letters, digits and signs.")
        return value


class Line(TypeDecorator[str]):
    """Text from anywhere; NUL and halves of surrogates, which databases refuse, become U+FFFD."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        """Replace what is no text."""
        return None if value is None else _storable(value)


def written(moment: datetime) -> str:
    """A time in UTC as ISO 8601 text of one length."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _storable(text: str) -> str:
    return text.replace("\0", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")

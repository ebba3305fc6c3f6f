"""The first schema: monitors, counts, outcomes, reports, alerts, messages, jobs, keys and the log."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Written out here and never changed: later steps build on what this one made.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
FREE = "state IN ('waiting', 'running')"


def _table(name: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(f"evenhand_{name}", *columns, sqlite_autoincrement=True)


def _index(name: str, table: str, columns: list[str], only: str | None = None, *, unique: bool = False) -> None:
    where = None if only is None else sa.text(only)
    op.create_index(name, f"evenhand_{table}", columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _text(name: str, *more: sa.schema.SchemaItem, nullable: bool = False, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), *more, nullable=nullable, **options)


def _moment(name: str, *, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, MOMENT, nullable=nullable, **options)


def _count(name: str, *more: sa.schema.SchemaItem, nullable: bool = False, **options: Any) -> sa.Column[int]:
    return sa.Column(name, NUMBER, *more, nullable=nullable, **options)


def _number() -> sa.Column[int]:
    return _count("id", primary_key=True, autoincrement=True)


def _monitor(**options: Any) -> sa.Column[str]:
    return _text("monitor", sa.ForeignKey("evenhand_monitors.name", ondelete="CASCADE"), **options)


def _alert(**options: Any) -> sa.Column[int]:
    return _count("alert", sa.ForeignKey("evenhand_alerts.id", ondelete="CASCADE"), **options)


def _cell() -> tuple[sa.Column[Any], ...]:
    return _moment("start", primary_key=True), _moment("end", primary_key=True)


def upgrade() -> None:
    """Make every table."""
    _table("monitors", _text("name", primary_key=True), _count("version"))
    _counts()
    _table(
        "reports", _number(), _text("project"), _text("name"), _moment("kept"), _text("verdict"), _text("report"),
    )  # fmt: skip
    _index("ix_evenhand_reports_project", "reports", ["project"])
    _alerts()
    _jobs()
    _table(
        "keys", _number(), _text("name"), _text("prefix"), _text("digest"), _text("scopes"), _moment("created"),
        _moment("expires", nullable=True), sa.Column("revoked", sa.Boolean(), nullable=False),
    )  # fmt: skip
    _index("ix_evenhand_keys_prefix", "keys", ["prefix"])
    _table("log", _number(), _moment("at"), _text("who"), _text("what"), _text("about"))


def _counts() -> None:
    _table(
        "definitions", _monitor(primary_key=True), _count("version", primary_key=True, autoincrement=False),
        _text("definition"), _moment("created"),
    )  # fmt: skip
    _table(
        "parts", _monitor(primary_key=True), _text("counted", primary_key=True), *_cell(),
        _text("part", primary_key=True), _text("tally", nullable=True),
    )  # fmt: skip
    _index("evenhand_parts_loose", "parts", ["monitor", "counted", "start"], "tally IS NOT NULL")
    _table("sums", _monitor(primary_key=True), _text("counted", primary_key=True), *_cell(), _text("tally"))
    _table("outcomes", _monitor(primary_key=True), *_cell(), _text("outcome"), _text("report", nullable=True))


def _alerts() -> None:
    _table(
        "alerts", _number(), _monitor(), _text("kind"), _text("about"), _text("subject"), _text("state"),
        _moment("first"), _moment("last"), _count("windows"), _text("reading"),
        _moment("snoozed_until", nullable=True), _moment("told", nullable=True),
    )  # fmt: skip
    _index("evenhand_alerts_one", "alerts", ["monitor", "subject"], "state <> 'recovered'", unique=True)
    _table(
        "tellings", _alert(primary_key=True), _count("channel", primary_key=True, autoincrement=False), _moment("told")
    )
    _table(
        "deliveries", _number(), _alert(nullable=True), _count("channel"), _text("payload"),
        _text("digest", unique=True), _text("state"), _count("attempts"), _moment("next_try"),
        _moment("held_until", nullable=True), _text("error", nullable=True),
    )  # fmt: skip
    _index("ix_evenhand_deliveries_alert", "deliveries", ["alert"])
    _index("evenhand_deliveries_due", "deliveries", ["next_try"], "state = 'waiting'")


def _jobs() -> None:
    _table(
        "jobs", _number(), _text("kind"), _text("key", nullable=True), _text("payload"), _text("state"),
        _moment("created"), sa.Column("progress", sa.Double(), nullable=False), _text("stage"),
        _text("error", nullable=True), _text("worker", nullable=True), _moment("lease_until", nullable=True),
        _text("result"),
    )  # fmt: skip
    _index("evenhand_jobs_one", "jobs", ["key"], f"{FREE} AND key IS NOT NULL", unique=True)
    _index("evenhand_jobs_free", "jobs", ["id"], FREE)

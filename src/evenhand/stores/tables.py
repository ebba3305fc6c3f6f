"""The tables of a store; every name begins with evenhand_, so that a database may be shared with others."""

from typing import Any, get_args

import sqlalchemy as sa

from evenhand.core.bounty import State as SubmissionState
from evenhand.core.store import AlertState, Counted, JobState
from evenhand.stores.columns import Line, Moment, Name, Number

PREFIX = "evenhand_"
UNFINISHED = "state IN ('waiting', 'running') AND key IS NOT NULL"
UNRECOVERED = "state <> 'recovered'"
DELIVERY_STATES = ("waiting", "delivered", "given up")

metadata = sa.MetaData()


def _table(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(PREFIX + name, metadata, *columns, sqlite_autoincrement=True)


def _number() -> sa.Column[int]:
    return sa.Column("id", Number, primary_key=True, autoincrement=True)


def _monitor(**options: Any) -> sa.Column[str]:
    return sa.Column("monitor", Name, sa.ForeignKey(PREFIX + "monitors.name", ondelete="CASCADE"), **options)


def _bounty(**options: Any) -> sa.Column[str]:
    return sa.Column("bounty", Name, sa.ForeignKey(PREFIX + "bounties.name", ondelete="CASCADE"), **options)


def _state(name: str, allowed: tuple[str, ...], **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, info={"allowed": allowed}, **options)


def _moment(name: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, Moment, **{"nullable": False, **options})


def _text(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, Line, **{"nullable": False, **options})


monitors = _table("monitors", sa.Column("name", Name, primary_key=True), sa.Column("version", Number, nullable=False))
definitions = _table(
    "definitions", _monitor(primary_key=True), sa.Column("version", Number, primary_key=True, autoincrement=False),
    _text("definition"), _moment("created"),
)  # fmt: skip
# What was counted, by name of the part; the text moves to the cell's sum, and the name stays.
parts = _table(
    "parts", _monitor(primary_key=True), _state("counted", get_args(Counted), primary_key=True),
    _moment("start", primary_key=True), _moment("end", primary_key=True), sa.Column("part", Name, primary_key=True),
    _text("tally", nullable=True),
)  # fmt: skip
sums = _table(
    "sums", _monitor(primary_key=True), _state("counted", get_args(Counted), primary_key=True),
    _moment("start", primary_key=True), _moment("end", primary_key=True), _text("tally"),
)  # fmt: skip
outcomes = _table(
    "outcomes", _monitor(primary_key=True), _moment("start", primary_key=True), _moment("end", primary_key=True),
    _text("outcome"), _text("report", nullable=True),
)  # fmt: skip
reports = _table(
    "reports", _number(), sa.Column("project", Name, nullable=False, index=True),
    sa.Column("name", Name, nullable=False), _moment("kept"), _text("verdict"), _text("report"),
)  # fmt: skip
# `subject` is a SHA-256 of the kind and what it is about, which may be too long for an index.
alerts = _table(
    "alerts", _number(), _monitor(nullable=False), _text("kind"), _text("about"), _text("subject"),
    _state("state", get_args(AlertState)), _moment("first"), _moment("last"),
    sa.Column("windows", Number, nullable=False), _text("reading"), _moment("snoozed_until", nullable=True),
    _moment("told", nullable=True),
)  # fmt: skip
tellings = _table(
    "tellings", sa.Column("alert", Number, sa.ForeignKey(PREFIX + "alerts.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("channel", Number, primary_key=True, autoincrement=False), _moment("told"),
)  # fmt: skip
# `digest` is a SHA-256 of alert, channel and payload.
deliveries = _table(
    "deliveries", _number(),
    sa.Column("alert", Number, sa.ForeignKey(PREFIX + "alerts.id", ondelete="CASCADE"), index=True),
    sa.Column("channel", Number, nullable=False), _text("payload"), _text("digest", unique=True),
    _state("state", DELIVERY_STATES), sa.Column("attempts", Number, nullable=False), _moment("next_try"),
    _moment("held_until", nullable=True), _text("error", nullable=True),
)  # fmt: skip
jobs = _table(
    "jobs", _number(), sa.Column("kind", Name, nullable=False), sa.Column("key", Name), _text("payload"),
    _state("state", get_args(JobState)), _moment("created"), sa.Column("progress", sa.Double, nullable=False),
    _text("stage"), _text("error", nullable=True), sa.Column("worker", Name), _moment("lease_until", nullable=True),
    _text("result"), _moment("ended", nullable=True, info={"since": "0002"}),
)  # fmt: skip
keys = _table(
    "keys", _number(), sa.Column("name", Name, nullable=False), _text("prefix", index=True), _text("digest"),
    _text("scopes"), _moment("created"), _moment("expires", nullable=True),
    sa.Column("revoked", sa.Boolean, nullable=False),
)  # fmt: skip
bounties = _table(
    "bounties", sa.Column("name", Name, primary_key=True), _text("definition"), _moment("opened"),
    _moment("ended", nullable=True), _text("invitation", nullable=True),
)  # fmt: skip
teams = _table(
    "teams", _bounty(primary_key=True), sa.Column("name", Name, primary_key=True), _moment("joined"),
    sa.Column("key", Number),
)  # fmt: skip
submissions = _table(
    "submissions", _bounty(primary_key=True), sa.Column("number", Number, primary_key=True, autoincrement=False),
    sa.Column("team", Name, nullable=False), _text("digest"), _text("submission"),
    _state("state", get_args(SubmissionState)), _text("verdict", nullable=True),
)  # fmt: skip
log = _table("log", _number(), _moment("at"), _text("who"), _text("what"), _text("about"))


def _index(name: str, *columns: sa.Column[Any], only: str, unique: bool = False) -> None:
    where = sa.text(only)
    sa.Index(PREFIX + name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


_index("parts_loose", parts.c.monitor, parts.c.counted, parts.c.start, only="tally IS NOT NULL")
_index("alerts_one", alerts.c.monitor, alerts.c.subject, only=UNRECOVERED, unique=True)
_index("deliveries_due", deliveries.c.next_try, only="state = 'waiting'")
_index("jobs_one", jobs.c.key, only=UNFINISHED, unique=True)
_index("jobs_free", jobs.c.id, only="state IN ('waiting', 'running')")
sa.Index(PREFIX + "submissions_once", submissions.c.bounty, submissions.c.team, submissions.c.digest, unique=True)
sa.Index(PREFIX + "teams_keys", teams.c.bounty, teams.c.key, unique=True)
_index("submissions_waiting", submissions.c.bounty, submissions.c.number, only="state = 'waiting'")

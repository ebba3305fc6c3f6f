"""Pruning: what is long over goes, a bounded number of rows at a time; nothing that is open or waits is touched."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from evenhand.core.errors import SpecError
from evenhand.core.store import PRUNED, Prunable
from evenhand.stores.database import Database
from evenhand.stores.tables import alerts, deliveries, jobs, log, outcomes

_PRUNING = 4_019_731_863  # the number of the lock that pruning takes in PostgreSQL
# A transaction removes at most so many rows of a kind, so that others need not wait long for it.
_AT_ONCE = {"jobs": 1_000, "deliveries": 1_000, "log": 1_000, "alerts": 1_000, "reports": 100}

_OPEN = sa.select(alerts.c.id).where(alerts.c.state != "recovered")
_TO_SEND = sa.select(deliveries.c.alert).where(deliveries.c.state == "waiting", deliveries.c.alert.is_not(None))


class Pruning(Database):
    """How what is long over leaves a store."""

    def prune(self, before: Mapping[Prunable, datetime]) -> Mapping[Prunable, int]:
        """Remove some of what was over before a moment, by kind; returns how many went, none once all is gone.

        `jobs` that ended; `deliveries` that were settled, except those of alerts that have not recovered; `log`;
        `alerts` that recovered; `reports` of outcomes, except of each monitor's latest. Raises SpecError for others.
        """
        unknown = set(before) - set(PRUNED)
        if unknown:
            given = ", ".join(sorted(map(repr, unknown)))
            raise SpecError(f"A store prunes {', '.join(PRUNED)}; not {given}.")
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":  # one at a time, so that no two wait for each other
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PRUNING)))
            return {kind: connection.execute(_statement(kind, moment)).rowcount for kind, moment in before.items()}


def _statement(kind: Prunable, before: datetime) -> sa.Delete | sa.Update:
    if kind == "reports":
        return _without_reports(before)
    table, over = {
        "jobs": (jobs, jobs.c.state.not_in(("waiting", "running")) & (jobs.c.ended < before)),
        "deliveries": (deliveries, _settled(before)),
        "log": (log, log.c.at < before),
        # `also` of a message names no alert in its row, but it is of the same monitor and as young.
        "alerts": (
            alerts, (alerts.c.state == "recovered") & (alerts.c.last < before) & alerts.c.id.not_in(_TO_SEND)
        ),
    }[kind]  # fmt: skip
    some = sa.select(table.c.id).where(over).order_by(table.c.id).limit(_AT_ONCE[kind]).correlate(None)
    return sa.delete(table).where(table.c.id.in_(some))


def _settled(before: datetime) -> sa.ColumnElement[bool]:
    """Of a message that was settled, `next_try` says when; those of open alerts say what was told of them already."""
    closed = deliveries.c.alert.is_(None) | deliveries.c.alert.not_in(_OPEN)
    return (deliveries.c.state != "waiting") & (deliveries.c.next_try < before) & closed


def _without_reports(before: datetime) -> sa.Update:
    later = outcomes.alias("later")
    newer = sa.exists().where(later.c.monitor == outcomes.c.monitor, later.c.end > outcomes.c.end).correlate(outcomes)
    old = (outcomes.c.end < before) & outcomes.c.report.is_not(None) & newer
    place = sa.tuple_(outcomes.c.monitor, outcomes.c.start, outcomes.c.end)
    some = (
        sa.select(outcomes.c.monitor, outcomes.c.start, outcomes.c.end)
        .where(old)
        .limit(_AT_ONCE["reports"])
        .correlate(None)
    )
    return sa.update(outcomes).where(place.in_(some)).values(report=None)

"""Alerts: one for each thing that drifted, until it recovers."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, get_args

import sqlalchemy as sa

from evenhand.core.errors import DataError, SpecError
from evenhand.core.store import AlertState, StoredAlert
from evenhand.stores.database import Database, inserting, made_or_found, require_monitor, require_row
from evenhand.stores.tables import UNRECOVERED, alerts, log, tellings


class Alerts(Database):
    """The alerts that a store keeps."""

    def alerts(self, *, monitor: str | None = None, states: Sequence[AlertState] = ()) -> Sequence[StoredAlert]:
        """Alerts, latest first."""
        query = sa.select(alerts).order_by(alerts.c.last.desc(), alerts.c.id.desc())
        if monitor is not None:
            query = query.where(alerts.c.monitor == monitor)
        if states:
            query = query.where(alerts.c.state.in_(states))
        with self._reading(whole=True) as connection:
            return _with_tellings(connection, connection.execute(query).all())

    def raise_alert(self, monitor: str, kind: str, about: str, reading: str, at: datetime) -> StoredAlert:
        """Open an alert, or note another window of the one that has not recovered, whose state stays.

        The same window twice counts once, and the reading is that of the latest window.
        """
        row = {"monitor": monitor, "kind": kind, "about": about, "subject": subject(kind, about), "reading": reading}
        here = (alerts.c.monitor == monitor) & (alerts.c.subject == row["subject"]) & (alerts.c.state != "recovered")
        with self._writing() as connection:
            require_monitor(connection, monitor)
            new = inserting(connection, alerts).values(**row, state="open", first=at, last=at, windows=1)
            new = new.on_conflict_do_nothing(
                index_elements=["monitor", "subject"], index_where=sa.text(UNRECOVERED)
            ).returning(*alerts.c)
            found, made = made_or_found(connection, new, sa.select(alerts).where(here).with_for_update())
            if not made and at >= found.last:
                noted = {"windows": found.windows + (at > found.last), "last": at, "reading": reading}
                found = _changed(connection, found.id, noted)
            return _with_tellings(connection, [found])[0]

    def set_alert(self, number: int, state: AlertState, *, until: datetime | None = None, by: str = "") -> StoredAlert:
        """Acknowledge, snooze or recover an alert, logged where `by` is given; raises DataError or SpecError."""
        if state not in get_args(AlertState):
            raise SpecError(f"{state!r} is no state of an alert; there are: {', '.join(get_args(AlertState))}.")
        if (state == "snoozed") != (until is not None):
            raise SpecError("An alert is snoozed until a time; give `until` with 'snoozed', and only then.")
        with self._writing() as connection:
            before = require_row(connection, alerts, number, "alert")
            if before.state == "recovered" and state != "recovered":
                raise DataError(f"Alert {number} has recovered; if it drifts again, a new alert is opened.")
            found = _changed(connection, number, {"state": state, "snoozed_until": until})
            if by:
                note = {"who": by, "what": f"alert {state}", "about": str(number)}
                connection.execute(sa.insert(log).values(**note, at=self._now(connection)))
            return _with_tellings(connection, [found])[0]


def subject(kind: str, about: str) -> str:
    """What an alert is about, at a length that can be looked up."""
    return hashlib.sha256(f"{kind}\n{about}".encode("utf-8", "surrogatepass")).hexdigest()


def _changed(connection: sa.Connection, number: int, values: Mapping[str, Any]) -> sa.Row[Any]:
    return connection.execute(sa.update(alerts).where(alerts.c.id == number).values(values).returning(*alerts.c)).one()


def _with_tellings(connection: sa.Connection, rows: Iterable[sa.Row[Any]]) -> list[StoredAlert]:
    found = {row.id: _stored(row) for row in rows}
    # Read all where there are many: a list of numbers as long as that is no query any more.
    query = sa.select(tellings) if len(found) > 500 else sa.select(tellings).where(tellings.c.alert.in_(list(found)))
    for row in connection.execute(query):
        if row.alert in found:
            alert = found[row.alert]
            found[row.alert] = replace(alert, told_by={**alert.told_by, row.channel: row.told})
    return list(found.values())


def _stored(row: sa.Row[Any]) -> StoredAlert:
    values = {name: value for name, value in row._mapping.items() if name != "subject"}
    return StoredAlert(**values)

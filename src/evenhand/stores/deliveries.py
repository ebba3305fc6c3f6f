"""Messages to channels: queued once, handed to one sender at a time, and kept with what became of them."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from evenhand.core.store import Delivery
from evenhand.stores.database import Database, inserting, made_or_found, require_row
from evenhand.stores.tables import alerts, deliveries, tellings

# How long a message belongs to the sender that it was handed to.
_HELD = timedelta(minutes=1)


class Deliveries(Database):
    """The messages that a store keeps."""

    def queue_delivery(
        self, alert: int | None, channel: int, payload: str, at: datetime, *, also: Sequence[int] = ()
    ) -> Delivery:
        """A message to send; the same payload for the same alert and channel is queued once.

        It tells of `alert` and those in `also`, whose `told` and `told_by[channel]` become `at` in the same
        transaction; None: it tells of no alert. Raises DataError for an alert that is not there.
        """
        digest = hashlib.sha256(f"{alert}\n{channel}\n{payload}".encode("utf-8", "surrogatepass")).hexdigest()
        row = {"alert": alert, "channel": channel, "payload": payload, "digest": digest, "next_try": at}
        told = sorted({number for number in (alert, *also) if number is not None})
        with self._writing() as connection:
            for number in told:
                require_row(connection, alerts, number, "alert")
            new = inserting(connection, deliveries).values(**row, state="waiting", attempts=0)
            new = new.on_conflict_do_nothing(index_elements=["digest"]).returning(*deliveries.c)
            there = sa.select(deliveries).where(deliveries.c.digest == digest)
            found, made = made_or_found(connection, new, there)
            if made:
                _tell(connection, told, channel, at)
            return _delivery(found)

    def due_deliveries(self, at: datetime, most: int = 100) -> Sequence[Delivery]:
        """Messages whose time has come; each is handed to one caller for a minute."""
        free = deliveries.c.held_until.is_(None) | (deliveries.c.held_until <= at)
        query = sa.select(deliveries).where(deliveries.c.state == "waiting", deliveries.c.next_try <= at, free)
        query = query.order_by(deliveries.c.next_try, deliveries.c.id).limit(most).with_for_update(skip_locked=True)
        with self._writing() as connection:
            rows = connection.execute(query).all()
            mine = deliveries.c.id.in_([row.id for row in rows])
            connection.execute(sa.update(deliveries).where(mine).values(held_until=at + _HELD))
            return [_delivery(row) for row in rows]

    def settle_delivery(self, number: int, *, error: str | None, next_try: datetime | None, at: datetime) -> None:
        """It arrived (no error), is to be tried again, or is given up (error, no next try); counts one attempt more."""
        state = "delivered" if error is None else "given up" if next_try is None else "waiting"
        with self._writing() as connection:
            found = require_row(connection, deliveries, number, "delivery")
            if found.state != "waiting":
                return
            values: dict[str, Any] = {"state": state, "error": error, "attempts": found.attempts + 1}
            values |= {"held_until": None, "next_try": next_try if state == "waiting" else at}
            connection.execute(sa.update(deliveries).where(deliveries.c.id == number).values(values))

    def deliveries(self, alert: int | None = None, *, most: int = 100) -> Sequence[Delivery]:
        """Messages, of one alert or of all, latest first; of one that was settled, `next_try` says when."""
        query = sa.select(deliveries).order_by(deliveries.c.id.desc()).limit(most)
        if alert is not None:
            query = query.where(deliveries.c.alert == alert)
        with self._reading() as connection:
            return [_delivery(row) for row in connection.execute(query)]


def _tell(connection: sa.Connection, told: Sequence[int], channel: int, at: datetime) -> None:
    connection.execute(sa.update(alerts).where(alerts.c.id.in_(told)).values(told=at))
    for number in told:
        row = inserting(connection, tellings).values(alert=number, channel=channel, told=at)
        connection.execute(row.on_conflict_do_update(index_elements=["alert", "channel"], set_={"told": at}))


def _delivery(row: sa.Row[Any]) -> Delivery:
    return Delivery(**{name: value for name, value in row._mapping.items() if name not in ("digest", "held_until")})

"""What runs of monitors found, by window."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from evenhand.core.outcome import Outcome
from evenhand.core.report import Report
from evenhand.core.window import moment
from evenhand.stores.database import Database, inserting, read_back, require_monitor
from evenhand.stores.tables import outcomes


class Outcomes(Database):
    """The outcomes that a store keeps."""

    def put_outcome(self, outcome: Outcome) -> None:
        """Keep what a run found; an earlier one of the same window is replaced."""
        texts = {
            "outcome": outcome.model_copy(update={"report": None}).model_dump_json(),
            "report": None if outcome.report is None else outcome.report.to_json(),
        }
        place = {"monitor": outcome.monitor, "start": moment(outcome.start), "end": moment(outcome.end)}
        with self._writing() as connection:
            require_monitor(connection, outcome.monitor)
            kept = inserting(connection, outcomes).values(**place, **texts)
            connection.execute(kept.on_conflict_do_update(index_elements=list(place), set_=texts))

    def outcomes(self, monitor: str, *, since: datetime | None = None, most: int = 1000) -> Sequence[Outcome]:
        """The latest `most` that begin at `since` or later, in the order of windows, without their reports."""
        query = sa.select(outcomes.c.outcome).where(outcomes.c.monitor == monitor)
        if since is not None:
            query = query.where(outcomes.c.start >= since)
        # Windows since a landmark all begin at once: their ends tell them apart.
        query = query.order_by(outcomes.c.end.desc(), outcomes.c.start.desc()).limit(most)
        with self._reading() as connection:
            texts = connection.execute(query).scalars().all()
        return [read_back(Outcome, text) for text in reversed(texts)]

    def outcome(self, monitor: str, start: datetime, end: datetime) -> Outcome | None:
        """One outcome, with its report."""
        here = (outcomes.c.monitor == monitor) & (outcomes.c.start == start) & (outcomes.c.end == end)
        with self._reading() as connection:
            row = connection.execute(sa.select(outcomes.c.outcome, outcomes.c.report).where(here)).first()
        if row is None:
            return None
        report = None if row.report is None else Report.from_json(row.report)
        return read_back(Outcome, row.outcome).model_copy(update={"report": report})

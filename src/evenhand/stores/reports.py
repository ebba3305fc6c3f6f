"""Reports, kept under a project and a name, version after version."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from evenhand.core.errors import DataError
from evenhand.core.report import Report
from evenhand.stores.database import Database
from evenhand.stores.tables import reports


class Reports(Database):
    """The reports that a store keeps."""

    def put_report(self, project: str, name: str, report: Report) -> int:
        """Keep a report as the next version of this name; returns the version's number in the store."""
        row = {"project": project, "name": name, "verdict": report.verdict, "report": report.to_json()}
        with self._writing() as connection:
            kept = sa.insert(reports).values(**row, kept=self._now(connection)).returning(reports.c.id)
            return int(connection.execute(kept).scalar_one())

    def report(self, number: int) -> Report:
        """One report; raises DataError."""
        query = sa.select(reports.c.report).where(reports.c.id == number)
        with self._reading() as connection:
            text = connection.execute(query).scalar() if abs(number) < 2**63 else None
        if text is None:
            raise DataError(f"No report {number} in the store.")
        return Report.from_json(text)

    def reports(self, project: str | None = None) -> Sequence[tuple[int, str, str, datetime, str]]:
        """Number, project, name, when it was kept, verdict; latest first."""
        query = sa.select(reports.c.id, reports.c.project, reports.c.name, reports.c.kept, reports.c.verdict)
        if project is not None:
            query = query.where(reports.c.project == project)
        with self._reading() as connection:
            return [tuple(row) for row in connection.execute(query.order_by(reports.c.id.desc()))]

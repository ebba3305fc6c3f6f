"""Definitions of monitors, in all their versions."""

from collections.abc import Sequence

import sqlalchemy as sa

from evenhand.core.monitor import Monitor
from evenhand.stores.database import Database, inserting, read_back, require_monitor
from evenhand.stores.tables import definitions, monitors


class Monitors(Database):
    """The definitions that a store keeps."""

    def put_monitor(self, monitor: Monitor) -> None:
        """Keep the definition; one of the same name is replaced, its earlier versions stay readable."""
        text = monitor.model_dump_json()
        with self._writing() as connection:
            first = inserting(connection, monitors).values(name=monitor.name, version=0).on_conflict_do_nothing()
            connection.execute(first)
            held = sa.select(monitors.c.version).where(monitors.c.name == monitor.name).with_for_update()
            version = connection.execute(held).scalar_one()
            if version and _definition(connection, monitor.name, version) == text:
                return
            row = {"monitor": monitor.name, "version": version + 1, "definition": text}
            connection.execute(sa.insert(definitions).values(**row, created=self._now(connection)))
            newest = sa.update(monitors).where(monitors.c.name == monitor.name).values(version=version + 1)
            connection.execute(newest)

    def monitor(self, name: str) -> Monitor:
        """The definition; raises DataError naming those there are."""
        return self.monitor_versions(name)[-1]

    def monitor_versions(self, name: str) -> Sequence[Monitor]:
        """All definitions that this name had, the one that counts last; raises DataError."""
        query = sa.select(definitions.c.definition).where(definitions.c.monitor == name)
        with self._reading() as connection:
            found = connection.execute(query.order_by(definitions.c.version)).scalars().all()
            if not found:
                require_monitor(connection, name)
        return [read_back(Monitor, text) for text in found]

    def monitors(self) -> Sequence[str]:
        """The names, sorted."""
        with self._reading() as connection:
            return sorted(connection.execute(sa.select(monitors.c.name)).scalars())

    def remove_monitor(self, name: str) -> None:
        """Forget a monitor and all that was counted for it; raises DataError."""
        with self._writing() as connection:
            if connection.execute(sa.delete(monitors).where(monitors.c.name == name)).rowcount == 0:
                require_monitor(connection, name)


def _definition(connection: sa.Connection, name: str, version: int) -> str:
    here = (definitions.c.monitor == name) & (definitions.c.version == version)
    return str(connection.execute(sa.select(definitions.c.definition).where(here)).scalar_one())

"""The store of monitors and bounties, whole: every part over one database."""

from evenhand.core.store import Store
from evenhand.stores.alerts import Alerts
from evenhand.stores.bounties import Bounties
from evenhand.stores.cells import Cells
from evenhand.stores.deliveries import Deliveries
from evenhand.stores.exporting import Exporting
from evenhand.stores.importing import Importing
from evenhand.stores.jobs import Jobs
from evenhand.stores.keys import Keys
from evenhand.stores.log import Log
from evenhand.stores.monitors import Monitors
from evenhand.stores.outcomes import Outcomes
from evenhand.stores.pruning import Pruning
from evenhand.stores.reports import Reports


class SQLStore(
    Monitors, Cells, Outcomes, Reports, Alerts, Deliveries, Jobs, Bounties, Keys, Log, Pruning, Exporting,
    Importing, Store
):  # fmt: skip
    """A store in SQLite or PostgreSQL; threads and processes may share it. `close` it when done."""

    def __enter__(self) -> "SQLStore":
        """The store itself, closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

"""Operating: what whoever runs monitors at a terminal lets them do — whom messages may reach, and what is kept."""

import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from evenhand.cli.places import Place
from evenhand.cli.terminal import complain

if TYPE_CHECKING:
    from evenhand.core.monitor import Alert, Monitor
    from evenhand.core.store import Store
    from evenhand.monitor.alerts import Reach
    from evenhand.server.settings import Settings

SETTINGS = "EVENHAND_SETTINGS"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Operator:
    """Who runs a command, on this store: with the server's settings, or as the only one who writes to it."""

    store: "Store"
    settings: "Settings | None"
    alone: bool

    def reach(self) -> "Reach":
        """Whom messages may reach: what the settings name; else, in a store of one's own, what one's monitors name."""
        from evenhand.monitor.alerts import Reach

        if self.settings is not None:
            return Reach(hosts=frozenset(self.settings.reach), programs=frozenset(self.settings.programs))
        if not self.alone:
            return Reach()
        channels = [channel for name in self.store.monitors() for channel in self.store.monitor(name).alerts]
        return Reach(hosts=frozenset(_hosts(channels)), programs=frozenset(_programs(channels)))

    def tidy(self, now: datetime) -> None:
        """Remove what is long over; in a store shared with others, only as long as the settings say how long."""
        from evenhand.monitor.retention import Retention, tidy

        if self.settings is not None or self.alone:
            tidy(self.store, Retention() if self.settings is None else self.settings.retention, now)


def operator(store: "Store", place: Place) -> Operator:
    """Who runs this command; EVENHAND_SETTINGS names the file that `evenhand serve --settings` takes.

    Without it, a store in a SQLite file that has no API key is taken to be written to by nobody else. Raises SpecError.
    """
    given = os.environ.get(SETTINGS)
    if given:
        from evenhand.server.settings import Settings

        return Operator(store, Settings.load(Path(given).expanduser()), alone=False)
    return Operator(store, None, alone=place.url.startswith("sqlite:") and not store.keys())


def tell(monitor: "Monitor", store: "Store", place: Place) -> None:
    """Send what is due, say what did not arrive, and remove what is long over; raises EvenhandError."""
    from evenhand.monitor.alerts import deliver_due

    now, who = datetime.now(UTC), operator(store, place)
    if monitor.alerts:
        sent = deliver_due(store, {monitor.name: monitor}, now, reach=who.reach())
        if sent.postponed or sent.given_up:
            complain(_said(store, sent.postponed, sent.given_up))
    who.tidy(now)


def _said(store: "Store", postponed: int, given_up: int) -> str:
    later = "will be tried again by the next run or a server" if postponed else "will not be tried again"
    errors = (each.error for each in store.deliveries(most=postponed + given_up + 100))
    reason = next((error for error in errors if error), "")
    count = postponed + given_up
    return f"{count} {'message' if count == 1 else 'messages'} could not be sent and {later}: {reason}"


def _hosts(channels: "Iterable[Alert]") -> Iterator[str]:
    """The hosts, with their ports, that channels go to, wherever their addresses are written."""
    from urllib.parse import urlsplit

    for channel in channels:
        yield _opened(channel.options.get("server", ""))
        for text in (channel.address, channel.options.get("endpoint_url", "")):
            with suppress(ValueError):
                parts = urlsplit(_opened(text))
                if parts.hostname and parts.scheme in _PORTS:
                    yield f"{_bracketed(parts.hostname)}:{parts.port or _PORTS[parts.scheme]}"


def _programs(channels: "Iterable[Alert]") -> Iterator[str]:
    for channel in channels:
        if channel.to == "command":
            with suppress(ValueError):
                yield from shlex.split(_opened(channel.address))[:1]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _opened(text: str) -> str:
    """The text, or what the environment holds for env:NAME."""
    return os.environ.get(text.removeprefix("env:").strip(), "") if text.startswith("env:") else text

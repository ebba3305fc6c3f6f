"""Places: addresses of our pages, with every part quoted."""

import hashlib
from datetime import datetime
from urllib.parse import quote, urlencode

from evenhand.core.outcome import Outcome


def place(path: str, **query: object) -> str:
    """A path with a query; parts of the query that are None are left out."""
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def of_monitor(name: str, **query: object) -> str:
    """The page of a monitor."""
    return place(f"/monitors/{quote(name, safe='')}", **query)


def of_bounty(name: str, what: str = "", **query: object) -> str:
    """The page of a bounty, or one that belongs to it."""
    return place(f"/bounties/{quote(name, safe='')}{what}", **query)


def of_window(monitor: str, start: str | datetime, end: str | datetime, what: str = "") -> str:
    """The page of a window of a monitor, or its report."""
    first, last = (at.isoformat() if isinstance(at, datetime) else at for at in (start, end))
    return place(f"/monitors/{quote(monitor, safe='')}/window{what}", start=first, end=last)


def of_outcome(outcome: Outcome, what: str = "") -> str:
    """The page of what a run found, or its report."""
    return of_window(outcome.monitor, outcome.start, outcome.end, what)


def short(text: str) -> str:
    """A short name for a text of any length and kind, for addresses."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:10]

"""Client: every verb of a server — capture, truth, monitors, outcomes, reports, alerts, jobs, bounties, keys, log."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Self
from urllib.parse import quote

from evenhand.client.answers import Answers, Refusal
from evenhand.client.hunting import Hunting
from evenhand.core.errors import DataError, SpecError
from evenhand.core.monitor import Monitor
from evenhand.core.outcome import Outcome
from evenhand.core.report import Report
from evenhand.core.store import AlertState, JobState

Scope = Literal["read", "submit", "hunt", "admin"]

_ADDRESS = "EVENHAND_SERVER"
_KEY = "EVENHAND_KEY"
_STREAM = "application/vnd.apache.arrow.stream"
_ENDED = ("done", "failed", "cancelled")


class Client(Hunting):
    """A server, and a key to it; both may come from EVENHAND_SERVER and EVENHAND_KEY.

    Every method raises Refusal where the server turns it away, and DataError where it does not answer, after so many
    `retries`: with longer pauses each time, or those that the server asks for. What is not safe to send twice is sent
    again only where the server cannot have taken it. An authority that is not the system's is given by SSL_CERT_FILE.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        key: str | None = None,
        timeout: float = 60.0,
        retries: int = 3,
        transport: Any = None,
    ) -> None:
        address = address or os.environ.get(_ADDRESS) or "http://127.0.0.1:8787"
        key = key or os.environ.get(_KEY)
        if not key:
            raise SpecError(
                f"A client needs an API key: give key=, or set {_KEY}. `evenhand serve --new-key` makes one."
            )
        if not address.startswith(("http://", "https://")):
            raise SpecError(f"{address!r} is no address of a server; write it as http://127.0.0.1:8787.")
        if not (key.isascii() and key.isprintable()):
            raise SpecError("The API key holds signs that no key has; copy it again.")
        self._answers = Answers(address, key, timeout=timeout, retries=retries, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._answers.close()

    def capture(self, monitor: str, records: Any, *, batch: str | None = None) -> dict[str, int]:
        """Send predictions: a record, a list of them, or a table of PyArrow, pandas or Polars; how many were new."""
        headers = {"Idempotency-Key": batch} if batch is not None else {}
        return self._send(f"/api/monitors/{_part(monitor)}/predictions", records, headers)

    def truth(self, monitor: str, records: Any) -> dict[str, int]:
        """Send labels with the ids of their predictions; how many were new."""
        return self._send(f"/api/monitors/{_part(monitor)}/truth", records, {})

    def monitors(self) -> list[str]:
        """The names of all monitors."""
        found: list[str] = self._answers.json("GET", "/api/monitors")
        return found

    def monitor(self, name: str) -> Monitor:
        """A monitor's definition."""
        return Monitor.model_validate(self._answers.json("GET", f"/api/monitors/{_part(name)}"))

    def put_monitor(self, monitor: Monitor) -> None:
        """Add or replace a monitor."""
        self._answers.json("PUT", f"/api/monitors/{_part(monitor.name)}", json=monitor.model_dump(mode="json"))

    def remove_monitor(self, name: str) -> None:
        """Forget a monitor and what was counted for it."""
        self._answers.json("DELETE", f"/api/monitors/{_part(name)}")

    def put_baseline(self, name: str, report: Report) -> None:
        """Compare a monitor's windows with this report."""
        self._answers.json("PUT", f"/api/monitors/{_part(name)}/baseline", content=report.to_json(), headers=_JSON)

    def outcomes(self, monitor: str, *, since: datetime | None = None, most: int = 100) -> list[Outcome]:
        """The latest outcomes, in the order of windows, without their reports."""
        query = {"most": most} | ({"since": since.isoformat()} if since is not None else {})
        found = self._answers.json("GET", f"/api/monitors/{_part(monitor)}/outcomes", params=query)
        return [Outcome.model_validate(each) for each in found]

    def outcome(self, monitor: str, start: datetime, end: datetime) -> Outcome:
        """The outcome of one window, with its report."""
        query = {"start": start.isoformat(), "end": end.isoformat()}
        return Outcome.model_validate(
            self._answers.json("GET", f"/api/monitors/{_part(monitor)}/outcome", params=query)
        )

    def put_report(self, project: str, name: str, report: Report) -> int:
        """Keep a report as the next version of a name; its number."""
        found = self._answers.json(
            "POST", "/api/reports", params={"project": project, "name": name}, content=report.to_json(), headers=_JSON,
            repeatable=False,
        )  # fmt: skip
        return int(found["number"])

    def report(self, number: int) -> Report:
        """A report."""
        return Report.from_json(self._answers.answer("GET", f"/api/reports/{int(number)}").content)

    def reports(self, project: str | None = None) -> list[dict[str, Any]]:
        """Number, project, name, time and verdict of reports, latest first."""
        found: list[dict[str, Any]] = self._answers.json(
            "GET", "/api/reports", params={"project": project} if project else {}
        )
        return found

    def compare(self, earlier: int, later: int) -> dict[str, Any]:
        """What changed from one report to another."""
        found: dict[str, Any] = self._answers.json("GET", f"/api/reports/{int(earlier)}/compare/{int(later)}")
        return found

    def alerts(self, monitor: str | None = None, *, states: Sequence[AlertState] = ()) -> list[dict[str, Any]]:
        """Alerts, latest first: all, or those of a monitor or in some states."""
        query = {"state": list(states)} | ({"monitor": monitor} if monitor else {})
        found: list[dict[str, Any]] = self._answers.json("GET", "/api/alerts", params=query)
        return found

    def acknowledge(self, alert: int) -> None:
        """Say that somebody looks at an alert."""
        self._answers.json("POST", f"/api/alerts/{int(alert)}/acknowledge")

    def snooze(self, alert: int, until: datetime) -> None:
        """Have nobody told of an alert before a time."""
        self._answers.json("POST", f"/api/alerts/{int(alert)}/snooze", json={"until": until.isoformat()})

    def run(self, monitor: str, window: str) -> int:
        """Have a window looked at; the number of the job."""
        return int(self._answers.json("POST", "/api/jobs", json={"monitor": monitor, "window": window})["id"])

    def jobs(self, *, states: Sequence[JobState] = (), most: int = 100) -> list[dict[str, Any]]:
        """Jobs, latest first."""
        found: list[dict[str, Any]] = self._answers.json(
            "GET", "/api/jobs", params={"state": list(states), "most": most}
        )
        return found

    def job(self, number: int) -> dict[str, Any]:
        """How far a job is."""
        found: dict[str, Any] = self._answers.json("GET", f"/api/jobs/{int(number)}")
        return found

    def wait(self, number: int, *, seconds: float = 600.0) -> dict[str, Any]:
        """A job once it has ended, or as it is after so many seconds."""
        ends = time.monotonic() + seconds
        found = self.job(number)
        while found["state"] not in _ENDED and time.monotonic() < ends:
            time.sleep(0.5)
            found = self.job(number)
        return found

    def cancel(self, job: int) -> None:
        """Ask that a job stops."""
        self._answers.json("POST", f"/api/jobs/{int(job)}/cancel")

    def keys(self) -> list[dict[str, Any]]:
        """All API keys, without their texts."""
        found: list[dict[str, Any]] = self._answers.json("GET", "/api/keys")
        return found

    def make_key(self, name: str, scopes: Sequence[Scope], *, expires: datetime | None = None) -> tuple[int, str]:
        """A new key: its number, and its text, which is shown this once."""
        wanted = {"name": name, "scopes": list(scopes), "expires": expires.isoformat() if expires else None}
        found = self._answers.json("POST", "/api/keys", json=wanted, repeatable=False)
        return int(found["key"]["id"]), str(found["text"])

    def revoke_key(self, number: int) -> None:
        """Have a key, and the sessions that came from it, open nothing any more."""
        self._answers.json("DELETE", f"/api/keys/{int(number)}")

    def log(self, *, most: int = 200) -> list[dict[str, Any]]:
        """Who did what, latest first."""
        found: list[dict[str, Any]] = self._answers.json("GET", "/api/log", params={"most": most})
        return found

    def who(self) -> dict[str, Any]:
        """Whose key this is, and what it may do."""
        found: dict[str, Any] = self._answers.json("GET", "/api/session")
        return found

    def alive(self) -> bool:
        """Whether the server lives; raises DataError where nothing answers."""
        return bool(self._answers.json("GET", "/health")["status"] == "ok")

    def ready(self) -> bool:
        """Whether its store answers too."""
        try:
            return bool(self._answers.json("GET", "/ready")["status"] == "ok")
        except Refusal as refusal:
            if refusal.status == 503:
                return False
            raise

    def metrics(self) -> str:
        """Numbers for Prometheus, as text."""
        return str(self._answers.answer("GET", "/metrics").text)

    def _send(self, path: str, records: Any, headers: Mapping[str, str]) -> dict[str, int]:
        if isinstance(records, Mapping):
            found: dict[str, int] = self._answers.json("POST", path, json=dict(records), headers=headers)
        elif hasattr(records, "__arrow_c_stream__"):
            found = self._answers.json(
                "POST", path, content=_stream(records), headers={**headers, "Content-Type": _STREAM}
            )
        elif isinstance(records, Iterable):
            found = self._answers.json(
                "POST", path, json={"records": [dict(each) for each in records]}, headers=headers
            )
        else:
            raise DataError(f"A {type(records).__name__} is no records; give a dict, a list of dicts or a table.")
        return found


_JSON = {"Content-Type": "application/json"}


def _part(name: str) -> str:
    return quote(name, safe="")


def _stream(records: Any) -> bytes:
    """A table as Arrow's stream of bytes."""
    import pyarrow
    from pyarrow import ipc

    table = pyarrow.table(records)
    sink = pyarrow.BufferOutputStream()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content

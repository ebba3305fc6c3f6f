"""Client: the verbs of a server from Python — capture, truth, monitors, outcomes, reports, alerts, jobs."""

import os
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Self
from urllib.parse import quote

from evenhand.core.errors import DataError, EvenhandError, MissingExtra, SpecError
from evenhand.core.monitor import Monitor
from evenhand.core.outcome import Outcome
from evenhand.core.report import Report

_ADDRESS = "EVENHAND_SERVER"
_KEY = "EVENHAND_KEY"
_STREAM = "application/vnd.apache.arrow.stream"
_ENDED = ("done", "failed", "cancelled")


class Refusal(EvenhandError):
    """The server turned a request away; `status` is that of HTTP."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Client:
    """A server, and a key to it; both may come from EVENHAND_SERVER and EVENHAND_KEY.

    Every method raises Refusal where the server turns it away, and DataError where it does not answer.
    """

    def __init__(
        self, address: str | None = None, *, key: str | None = None, timeout: float = 60.0, transport: Any = None
    ) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtra("The client", "httpx", "client") from error
        address = address or os.environ.get(_ADDRESS) or "http://127.0.0.1:8787"
        key = key or os.environ.get(_KEY)
        if not key:
            raise SpecError(
                f"A client needs an API key: give key=, or set {_KEY}. `evenhand serve --new-key` makes one."
            )
        self._http = httpx.Client(
            base_url=address, headers={"X-API-Key": key}, timeout=timeout, transport=transport, follow_redirects=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def capture(self, monitor: str, records: Any, *, batch: str | None = None) -> dict[str, int]:
        """Send predictions: a record, a list of them, or a table of PyArrow, pandas or Polars; how many were new."""
        headers = {"Idempotency-Key": batch} if batch is not None else {}
        return self._send(f"/api/monitors/{_part(monitor)}/predictions", records, headers)

    def truth(self, monitor: str, records: Any) -> dict[str, int]:
        """Send labels with the ids of their predictions; how many were new."""
        return self._send(f"/api/monitors/{_part(monitor)}/truth", records, {})

    def monitors(self) -> list[str]:
        """The names of all monitors."""
        found: list[str] = self._json("GET", "/api/monitors")
        return found

    def monitor(self, name: str) -> Monitor:
        """A monitor's definition."""
        return Monitor.model_validate(self._json("GET", f"/api/monitors/{_part(name)}"))

    def put_monitor(self, monitor: Monitor) -> None:
        """Add or replace a monitor."""
        self._json("PUT", f"/api/monitors/{_part(monitor.name)}", json=monitor.model_dump(mode="json"))

    def remove_monitor(self, name: str) -> None:
        """Forget a monitor and what was counted for it."""
        self._json("DELETE", f"/api/monitors/{_part(name)}")

    def put_baseline(self, name: str, report: Report) -> None:
        """Compare a monitor's windows with this report."""
        self._json("PUT", f"/api/monitors/{_part(name)}/baseline", content=report.to_json(), headers=_JSON)

    def outcomes(self, monitor: str, *, since: datetime | None = None, most: int = 100) -> list[Outcome]:
        """The latest outcomes, in the order of windows, without their reports."""
        query = {"most": most} | ({"since": since.isoformat()} if since is not None else {})
        found = self._json("GET", f"/api/monitors/{_part(monitor)}/outcomes", params=query)
        return [Outcome.model_validate(each) for each in found]

    def outcome(self, monitor: str, start: datetime, end: datetime) -> Outcome:
        """The outcome of one window, with its report."""
        query = {"start": start.isoformat(), "end": end.isoformat()}
        return Outcome.model_validate(self._json("GET", f"/api/monitors/{_part(monitor)}/outcome", params=query))

    def put_report(self, project: str, name: str, report: Report) -> int:
        """Keep a report as the next version of a name; its number."""
        found = self._json(
            "POST", "/api/reports", params={"project": project, "name": name}, content=report.to_json(), headers=_JSON
        )
        return int(found["number"])

    def report(self, number: int) -> Report:
        """A report."""
        return Report.from_json(self._answer("GET", f"/api/reports/{int(number)}").content)

    def reports(self, project: str | None = None) -> list[dict[str, Any]]:
        """Number, project, name, time and verdict of reports, latest first."""
        found: list[dict[str, Any]] = self._json("GET", "/api/reports", params={"project": project} if project else {})
        return found

    def compare(self, earlier: int, later: int) -> dict[str, Any]:
        """What changed from one report to another."""
        found: dict[str, Any] = self._json("GET", f"/api/reports/{int(earlier)}/compare/{int(later)}")
        return found

    def alerts(self, monitor: str | None = None) -> list[dict[str, Any]]:
        """Alerts, latest first."""
        found: list[dict[str, Any]] = self._json("GET", "/api/alerts", params={"monitor": monitor} if monitor else {})
        return found

    def acknowledge(self, alert: int) -> None:
        """Say that somebody looks at an alert."""
        self._json("POST", f"/api/alerts/{int(alert)}/acknowledge")

    def snooze(self, alert: int, until: datetime) -> None:
        """Have nobody told of an alert before a time."""
        self._json("POST", f"/api/alerts/{int(alert)}/snooze", json={"until": until.isoformat()})

    def run(self, monitor: str, window: str) -> int:
        """Have a window looked at; the number of the job."""
        return int(self._json("POST", "/api/jobs", json={"monitor": monitor, "window": window})["id"])

    def job(self, number: int) -> dict[str, Any]:
        """How far a job is."""
        found: dict[str, Any] = self._json("GET", f"/api/jobs/{int(number)}")
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
        self._json("POST", f"/api/jobs/{int(job)}/cancel")

    def _send(self, path: str, records: Any, headers: Mapping[str, str]) -> dict[str, int]:
        if isinstance(records, Mapping):
            found: dict[str, int] = self._json("POST", path, json=dict(records), headers=headers)
        elif hasattr(records, "__arrow_c_stream__"):
            found = self._json("POST", path, content=_stream(records), headers={**headers, "Content-Type": _STREAM})
        elif isinstance(records, Iterable):
            found = self._json("POST", path, json={"records": [dict(each) for each in records]}, headers=headers)
        else:
            raise DataError(f"A {type(records).__name__} is no records; give a dict, a list of dicts or a table.")
        return found

    def _json(self, method: str, path: str, **options: Any) -> Any:
        answer = self._answer(method, path, **options)
        return answer.json() if answer.content else None

    def _answer(self, method: str, path: str, **options: Any) -> Any:
        import httpx

        try:
            answer = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise DataError(f"The server at {self._http.base_url} does not answer: {error}.") from None
        except ValueError:
            raise DataError("There are values that JSON cannot hold, such as NaN; write None.") from None
        if answer.is_success:
            return answer
        try:
            detail = str(answer.json()["detail"])
        except (ValueError, KeyError, TypeError):
            detail = f"The server answered {answer.status_code}."
        raise Refusal(answer.status_code, detail)


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

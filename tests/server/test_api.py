"""The API: what each route does for those who may, over a real store and journal."""

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

import evenhand as eh
from tests.server.conftest import LOANS, House, records

TO = "/api/monitors/loans"


def test_records_are_captured_once(house: House) -> None:
    one = house.ask("POST", f"{TO}/predictions", key="submit", json=records(0, 1)[0])
    assert (one.status_code, one.json()) == (200, {"accepted": 1, "duplicates": 0})
    many = house.ask("POST", f"{TO}/predictions", key="submit", json={"records": records(0, 50)})
    assert many.json() == {"accepted": 49, "duplicates": 1}
    again = house.ask("POST", f"{TO}/predictions", key="submit", json=records(0, 50))
    assert again.json() == {"accepted": 0, "duplicates": 50}


def test_a_named_batch_counts_once(house: House) -> None:
    headers = {"Idempotency-Key": "batch-1"}
    first = house.ask("POST", f"{TO}/predictions", key="submit", json=records(0, 5), headers=headers)
    second = house.ask("POST", f"{TO}/predictions", key="submit", json=records(0, 5), headers=headers)
    assert (first.json()["accepted"], second.json()["accepted"]) == (5, 0)


def in_form(table: pa.Table, form: str) -> tuple[bytes, str]:
    sink = io.BytesIO()
    if form == "parquet":
        parquet.write_table(table, sink)
        return sink.getvalue(), "application/vnd.apache.parquet"
    if form == "json lines":
        import json

        lines = "\n".join(json.dumps(row) for row in table.to_pylist())
        return lines.encode(), "application/x-ndjson"
    with (ipc.new_file if form == "file" else ipc.new_stream)(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue(), f"application/vnd.apache.arrow.{form}"


@pytest.mark.parametrize("form", ["parquet", "file", "stream", "json lines"])
def test_files_of_every_form_are_captured(house: House, form: str) -> None:
    content, kind = in_form(pa.Table.from_pylist(records(0, 2_000)), form)
    answer = house.ask("POST", f"{TO}/predictions", key="submit", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2_000, "duplicates": 0})


def test_truth_is_captured(house: House) -> None:
    answer = house.ask("POST", f"{TO}/truth", key="submit", json=[{"id": "r1", "repaid": "yes"}])
    assert answer.json() == {"accepted": 1, "duplicates": 0}


def test_monitors_come_and_go(house: House) -> None:
    other = {**LOANS, "name": "cards"}
    assert house.ask("PUT", "/api/monitors/cards", key="admin", json=other).status_code == 200
    assert house.ask("GET", "/api/monitors", key="read").json() == ["cards", "loans"]
    found = house.ask("GET", "/api/monitors/cards", key="read").json()
    assert house.ask("PUT", "/api/monitors/cards", key="admin", json=found).json() == found
    assert house.ask("DELETE", "/api/monitors/cards", key="admin").status_code == 204
    gone = house.ask("GET", "/api/monitors/cards", key="read")
    assert gone.status_code == 404
    assert "loans" in gone.json()["detail"]
    done = [(who, what, about) for _, who, what, about in house.store.log()]
    assert ("key admin", "removed a monitor", "cards") in done
    assert house.ask("GET", "/api/log", key="admin").json()[0]["what"] == "removed a monitor"


@pytest.fixture(scope="module")
def report() -> eh.Report:
    table = {"sex": ["f", "m"] * 100, "granted": [1, 1, 0, 1] * 50, "repaid": [1, 0, 0, 1] * 50}
    return eh.run(eh.Audit(label="repaid", positive=(1,), predicted_label="granted", facets=("sex",)), table)


def test_reports_are_kept_and_compared(house: House, report: eh.Report) -> None:
    def keep() -> dict[str, Any]:
        answer = house.ask(
            "POST", "/api/reports?project=credit&name=loans", key="submit", content=report.to_json(),
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    first, second = keep()["number"], keep()["number"]
    assert eh.Report.from_json(house.ask("GET", f"/api/reports/{first}", key="read").content) == report
    compared = house.ask("GET", f"/api/reports/{first}/compare/{second}", key="read").json()
    assert compared["same_data"] is True
    assert compared["unchanged"] == len(report.findings)
    assert [each["number"] for each in house.ask("GET", "/api/reports?project=credit", key="read").json()] == [
        second,
        first,
    ]
    assert house.ask("GET", "/api/reports/999", key="read").status_code == 404


def test_a_report_becomes_a_baseline(house: House, report: eh.Report) -> None:
    answer = house.ask(
        "PUT", f"{TO}/baseline", key="admin", content=report.to_json(), headers={"Content-Type": "application/json"}
    )
    place = Path(answer.json()["baseline"])
    assert place == (house.home / "loans" / "baseline" / "report.json").resolve()
    assert eh.Report.load(place) == report
    assert house.ask("PUT", TO, key="admin", json=answer.json()).status_code == 200


def test_alerts_are_acknowledged_and_snoozed(house: House) -> None:
    from datetime import UTC, datetime

    alert = house.store.raise_alert("loans", "bias", "DPPL sex=f", "Women are granted less.", datetime.now(UTC))
    at = f"/api/alerts/{alert.id}"
    assert house.ask("POST", f"{at}/acknowledge", key="submit").json()["state"] == "acknowledged"
    snoozed = house.ask("POST", f"{at}/snooze", key="submit", json={"until": "2090-01-01T00:00:00Z"}).json()
    assert (snoozed["state"], snoozed["snoozed_until"][:10]) == ("snoozed", "2090-01-01")
    past = house.ask("POST", f"{at}/snooze", key="submit", json={"until": "2020-01-01T00:00:00Z"})
    assert (past.status_code, past.json()["detail"]) == (422, "until lies in the past; give a time to come.")
    assert len(house.ask("GET", "/api/alerts?monitor=loans&state=snoozed", key="read").json()) == 1
    assert house.ask("POST", "/api/alerts/999/acknowledge", key="submit").json()["detail"] == "There is no alert 999."


def test_jobs_start_and_are_cancelled(house: House) -> None:
    wanted = {"monitor": "loans", "window": "2026-11-20"}
    job = house.ask("POST", "/api/jobs", key="submit", json=wanted)
    assert (job.status_code, job.json()["state"]) == (202, "waiting")
    number = job.json()["id"]
    assert house.ask("POST", "/api/jobs", key="submit", json=wanted).json()["id"] == number
    assert house.ask("POST", f"/api/jobs/{number}/cancel", key="submit").json()["state"] == "cancelled"
    again = house.ask("POST", f"/api/jobs/{number}/cancel", key="submit")
    assert (again.status_code, again.json()["detail"]) == (409, f"Job {number} has ended already: cancelled.")
    assert house.ask("GET", f"/api/jobs/{number}", key="read").json()["state"] == "cancelled"
    wrong = house.ask("POST", "/api/jobs", key="submit", json={"monitor": "loans", "window": "yesterday"})
    assert wrong.json()["detail"].startswith("'yesterday' is no time")


def test_outcomes_of_a_run_are_read(house: House) -> None:
    from evenhand.monitor.jobs import Worker

    house.ask("POST", f"{TO}/predictions", key="submit", json=records(0, 400))
    house.ask("POST", "/api/jobs", key="submit", json={"monitor": "loans", "window": "2026-11-20"})
    job = Worker(house.store, house.home).work_once()
    assert job is not None
    state = house.ask("GET", f"/api/jobs/{job.id}", key="read").json()
    assert state["state"] == "done", state
    outcomes = house.ask("GET", f"{TO}/outcomes?since=2026-11-01", key="read").json()
    assert [each["rows"] for each in outcomes] == [400]
    at = {"start": outcomes[0]["start"], "end": outcomes[0]["end"]}
    assert house.ask("GET", f"{TO}/outcome", key="read", params=at).json()["rows"] == 400
    missing = house.ask("GET", f"{TO}/outcome", key="read", params={"start": "2020-01-01", "end": "2020-01-02"})
    assert missing.status_code == 404


def test_keys_open_until_they_are_revoked(house: House) -> None:
    made = house.ask("POST", "/api/keys", key="admin", json={"name": "scorer", "scopes": ["submit"]}).json()
    text, number = made["text"], made["key"]["id"]
    assert house.ask("POST", f"{TO}/predictions", key=text, json=records(0, 1)).status_code == 200
    assert text not in house.ask("GET", "/api/keys", key="admin").text
    assert house.ask("DELETE", f"/api/keys/{number}", key="admin").status_code == 204
    assert house.ask("POST", f"{TO}/predictions", key=text, json=records(0, 1)).status_code == 401


def test_health_needs_no_key_and_metrics_do(house: House) -> None:
    assert house.ask("GET", "/health").json() == {"status": "ok"}
    assert house.ask("GET", "/ready").json() == {"status": "ok"}
    assert house.ask("GET", "/metrics").status_code == 401
    found = house.ask("GET", "/metrics", key="read")
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("text/plain; version=0.0.4")

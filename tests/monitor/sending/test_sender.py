"""A sender delivers every record once it can, never raises, never slows the service, and counts what it drops."""

import logging
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenhand.core.audit import Audit
from evenhand.core.errors import SpecError
from evenhand.core.monitor import Monitor
from evenhand.monitor.sending import Bounds, Counts, Sender
from tests.monitor.sending.receiving import Receiver, receiving, until

QUICK = Bounds(seconds=0.02, timeout=2.0)
DOWN = "http://127.0.0.1:1"


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_records_and_labels_arrive_with_key_and_batch(server: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_KEY", "eh_secret")
    sender = Sender(server.url + "/below/", "env:SERVICE_KEY", "loans", bounds=QUICK)
    before = datetime.now(UTC)
    number = sender.send({"sex": "f", "score": 0.25})
    assert number is not None
    assert sender.send({"id": 0, "time": "2026-11-20T00:00:00Z", "score": 1.0}) == "0"
    sender.send_truth(number, "yes")
    counts = sender.close()
    assert counts == Counts(given=3, delivered=3)
    assert server.predictions["0"] == {"id": 0, "time": "2026-11-20T00:00:00Z", "score": 1.0}
    found = server.predictions[number]
    assert (found["sex"], found["score"]) == ("f", 0.25)
    assert before <= datetime.fromisoformat(found["time"]) <= datetime.now(UTC)
    assert server.truth == {number: {"id": number, "label": "yes"}}
    assert {told["path"] for told in server.headers} == {
        "/below/api/monitors/loans/predictions", "/below/api/monitors/loans/truth"
    }  # fmt: skip
    assert {told["Authorization"] for told in server.headers} == {"Bearer eh_secret"}


def test_a_monitor_names_the_columns(server: Receiver) -> None:
    audit = Audit(label="repaid", predicted_label="granted", facets=("sex",))
    monitor = Monitor(name="loans", audit=audit, baseline="first 7", id="case", time="at")
    server.id = "case"
    sender = Sender(server.url, "key", monitor, bounds=QUICK)
    number = sender.send({"granted": "yes"})
    sender.send_truth("7", "no")
    sender.send_truth("8", {"repaid": "yes", "group": "x"})
    assert sender.close() == Counts(given=3, delivered=3)
    assert number is not None
    assert set(server.predictions[number]) == {"granted", "case", "at"}
    assert server.truth == {"7": {"case": "7", "label": "no"}, "8": {"case": "8", "repaid": "yes", "group": "x"}}


ODD = {
    "numpy": np.float32(0.5), "whole": np.int64(3), "flag": np.bool_(True), "nan": float("nan"), "numpy nan": np.float64("nan"),
    "infinite": float("inf"), "day": datetime(2026, 1, 1, tzinfo=UTC), "decimal": Decimal("1.5"), "uuid": UUID(int=1),
    "markup": "<script>\u2028\n</script>", "none": None,
}  # fmt: skip


def test_what_services_put_into_records_is_written(server: Receiver) -> None:
    sender = Sender(server.url, "key", "loans", bounds=QUICK)
    sender.send({"id": "a", **ODD})
    assert sender.close() == Counts(given=1, delivered=1)
    found = server.predictions["a"]
    assert (found["numpy"], found["whole"], found["flag"], found["decimal"]) == (0.5, 3, True, 1.5)
    assert found["nan"] is found["numpy nan"] is found["infinite"] is found["none"] is None
    assert (found["day"], found["uuid"]) == ("2026-01-01T00:00:00+00:00", str(UUID(int=1)))
    assert found["markup"] == ODD["markup"]


class Hostile:
    """An object that fails wherever it is touched."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


RECORDS: dict[str, Any] = {
    "none": lambda: None, "number": lambda: 7, "text": lambda: "text", "hostile": lambda: Hostile(),
    "hostile value": lambda: {"x": Hostile()}, "object": lambda: {"x": object()}, "long": lambda: {"x": "a" * 2_000_000},
}  # fmt: skip


@pytest.mark.parametrize("record", RECORDS)
def test_nothing_that_is_no_record_raises(server: Receiver, record: str) -> None:
    sender = Sender(server.url, "key", "loans", bounds=QUICK)
    sender.send(RECORDS[record]())
    sender.send({"id": "good"})
    assert sender.close() == Counts(given=2, delivered=1, unreadable=1)
    assert list(server.predictions) == ["good"]


def test_what_makes_records_later_may_fail(server: Receiver) -> None:
    sender = Sender(server.url, "key", "loans", bounds=QUICK)
    sender.send_later(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    sender.send_later(lambda: None)
    sender.send_later(lambda: [{"id": "a"}, {"x": 1}, {"id": "c"}])
    assert sender.close() == Counts(given=4, delivered=3, unreadable=1)
    assert {"a", "c"} < set(server.predictions)


def test_one_bad_record_costs_no_others(server: Receiver) -> None:
    sender = Sender(server.url, "key", "loans", bounds=QUICK)
    for number in range(100):
        sender.send({"id": number, "x": "bad" if number in (7, 93) else "good"})
    assert sender.close() == Counts(given=100, delivered=98, rejected=2)
    assert len(server.predictions) == 98


def test_a_server_that_refuses_everything_is_not_asked_forever(server: Receiver) -> None:
    server.status = 422
    sender = Sender(server.url, "key", "loans", bounds=QUICK)
    for number in range(500):
        sender.send({"id": number})
    assert sender.close() == Counts(given=500, rejected=500)
    assert len(server.headers) < 80


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503, 302])
def test_a_server_that_cannot_now_is_asked_again(server: Receiver, status: int, tmp_path: Path) -> None:
    server.status = status
    sender = Sender(server.url, "key", "loans", journal=tmp_path, bounds=QUICK)
    for number in range(50):
        sender.send({"id": number})
    until(lambda: sender.counts.kept == 50)
    assert sender.last_answer.startswith(str(status))
    server.status = 200
    until(lambda: sender.counts.delivered == 50)
    assert len(server.predictions) == 50
    assert not list(tmp_path.iterdir())
    assert sender.close() == Counts(given=50, delivered=50)


def test_without_a_journal_records_wait_in_memory_and_then_are_dropped(server: Receiver) -> None:
    server.status = 500
    sender = Sender(server.url, "key", "loans", bounds=Bounds(queue=100, batch=50, seconds=0.02))
    sender.send({"id": "first"})
    until(lambda: sender.last_answer.startswith("500"))
    for number in range(150):
        sender.send({"id": number})
    assert sender.counts == Counts(given=151, dropped=50)
    assert sender.counts.waiting == 101
    server.status = 200
    until(lambda: sender.counts.delivered == 101)
    assert sender.close() == Counts(given=151, delivered=101, dropped=50)
    assert "99" in server.predictions
    assert "100" not in server.predictions


def test_an_answer_that_is_lost_does_not_count_a_record_twice(server: Receiver, tmp_path: Path) -> None:
    server.dropping = True
    sender = Sender(server.url, "key", "loans", journal=tmp_path, bounds=QUICK)
    for number in range(20):
        sender.send({"id": number})
    until(lambda: sender.counts.kept == 20)
    until(lambda: len(server.headers) >= 2)
    server.dropping = False
    until(lambda: sender.counts.delivered == 20)
    sender.close()
    assert len(server.predictions) == 20


def test_what_one_process_left_another_delivers(server: Receiver, tmp_path: Path) -> None:
    script = (
        "import sys; from evenhand.monitor.sending import Sender, Bounds\n"
        f"sender = Sender({DOWN!r}, 'key', 'loans', journal={str(tmp_path)!r}, bounds=Bounds(seconds=0.02))\n"
        "for number in range(1000): sender.send({'id': number})\n"
        "import time\nwhile sender.counts.kept < 1000: time.sleep(0.01)\n"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=False)
    assert done.returncode == -9
    segment = next(iter(tmp_path.iterdir()))
    assert segment.stat().st_mode & 0o077 == 0
    with segment.open("ab") as file:
        file.write(b'P {"id": "torn"')
    sender = Sender(server.url, "key", "loans", journal=tmp_path, bounds=QUICK)
    sender.send({"id": "new"})
    until(lambda: sender.counts.recovered == 1000)
    assert sender.close() == Counts(given=1, delivered=1, recovered=1000)
    assert set(server.predictions) == {*map(str, range(1000)), "new"}
    assert not list(tmp_path.iterdir())


def test_a_service_that_ends_loses_nothing(tmp_path: Path, server: Receiver) -> None:
    script = (
        "from evenhand.monitor.sending import Sender\n"
        "import sys; sender = Sender(sys.argv[1], 'key', 'loans', journal=sys.argv[2])\n"
        "for number in range(300): sender.send({'id': number})"
    )
    for url in (server.url, DOWN):
        subprocess.run([sys.executable, "-c", script, url, str(tmp_path)], timeout=60, check=True)
    assert len(server.predictions) == 300
    kept = b"".join(place.read_bytes() for place in tmp_path.iterdir())
    assert kept.count(b"\n") == 300


def test_a_server_that_hangs_does_not_hold_up_the_end(server: Receiver, tmp_path: Path) -> None:
    server.seconds = 1.5
    sender = Sender(server.url, "key", "loans", journal=tmp_path, bounds=Bounds(seconds=0.02, timeout=5))
    for number in range(700):
        sender.send({"id": number})
    until(lambda: sender.counts.waiting > 0 and not sender.counts.kept)
    started = time.monotonic()
    counts = sender.close(timeout=0.2)
    assert time.monotonic() - started < 1.4
    assert (counts.given, counts.kept, counts.dropped, counts.waiting) == (700, 700, 0, 0)


def test_the_journal_is_bounded_and_what_does_not_fit_is_counted(tmp_path: Path) -> None:
    bounds = Bounds(seconds=0.02, journal_bytes=20_000)
    sender = Sender(DOWN, "key", "loans", journal=tmp_path, bounds=bounds)
    for number in range(2_000):
        sender.send({"id": number, "time": 0})
    counts = sender.close()
    assert counts.given == counts.kept + counts.dropped == 2_000
    assert counts.kept > 500
    assert sum(place.stat().st_size for place in tmp_path.iterdir()) <= 20_000


def test_a_journal_that_cannot_be_written_costs_records_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    sender = Sender(DOWN, "key", "loans", journal=tmp_path / "file", bounds=QUICK)
    sender.send({"id": 1})
    assert sender.close() == Counts(given=1, dropped=1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_worker_sends_for_itself(server: Receiver) -> None:
    script = (
        "import os, sys; from evenhand.monitor.sending import Sender\n"
        "sender = Sender(sys.argv[1], 'key', 'loans'); sender.send({'id': 'parent'})\n"
        "import time; time.sleep(0.2)\n"
        "child = os.fork()\n"
        "if child == 0:\n    sender.send({'id': 'child'}); assert sender.counts.given == 1; sender.close(); os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script, server.url], timeout=60, check=True)
    assert set(server.predictions) == {"parent", "child"}


def seconds_a_record(sender: Sender, number: int) -> list[float]:
    taken = []
    for place in range(number):
        started = time.perf_counter()
        sender.send({"id": place, "age": 40, "score": 0.5, "sex": "f"})
        taken.append(time.perf_counter() - started)
    return taken


@pytest.mark.parametrize("state", ["up", "slow", "failing", "down"])
def test_the_service_is_never_slowed(server: Receiver, state: str, tmp_path: Path) -> None:
    server.seconds = 3.0 if state == "slow" else 0.0
    server.status = 500 if state == "failing" else 200
    sender = Sender(DOWN if state == "down" else server.url, "key", "loans", journal=tmp_path, bounds=QUICK)
    taken = seconds_a_record(sender, 20_000)
    sender.close(timeout=0.1)
    assert statistics.median(taken) < 50e-6
    assert sorted(taken)[int(0.99 * len(taken))] < 0.02


def test_many_threads_at_once(server: Receiver) -> None:
    sender = Sender(server.url, "key", "loans", bounds=Bounds(queue=100_000, seconds=0.02))
    threads = [
        threading.Thread(target=lambda first=first: [sender.send({"id": first + place}) for place in range(1_000)])
        for first in range(0, 8_000, 1_000)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sender.close(timeout=20) == Counts(given=8_000, delivered=8_000)
    assert len(server.predictions) == 8_000


def test_a_closed_sender_drops_and_counts() -> None:
    sender = Sender(DOWN, "key", "loans", bounds=QUICK)
    sender.close()
    assert sender.send({"id": 1}) is None
    assert sender.close() == Counts(given=1, dropped=1)


def test_neither_key_nor_records_are_logged(server: Receiver, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    server.status = 503
    with caplog.at_level(logging.DEBUG):
        sender = Sender(server.url, "eh_secret", "loans", journal=tmp_path, bounds=QUICK)
        for number in range(200):
            sender.send({"id": number, "name": "Ada"})
            time.sleep(0.001)
        until(lambda: sender.counts.kept == 200)
        sender.close()
    assert sum("503" in told.getMessage() for told in caplog.records) == 1, "at most once a minute"
    assert "eh_secret" not in caplog.text
    assert "Ada" not in caplog.text


@pytest.mark.parametrize(
    "url", ["loans.example", "ftp://host", "http://", "https://user:key@host", "file:///etc/passwd"]
)
def test_an_address_that_is_none_is_told_at_once(url: str) -> None:
    with pytest.raises(SpecError, match="is no address of a server; write https://host:8787"):
        Sender(url, "key", "loans")


@pytest.mark.parametrize("key", ["", "a\r\nHost: evil", "schlüssel"])
def test_a_key_that_is_none_is_told_at_once(key: str) -> None:
    with pytest.raises(SpecError, match="The key of a Sender is empty or holds signs that no key has"):
        Sender(DOWN, key, "loans")


def test_bounds_that_make_no_sense_are_told_at_once() -> None:
    with pytest.raises(SpecError, match="must be above 0"):
        Bounds(queue=0)


STATES = st.lists(
    st.tuples(st.sampled_from(["up", "failing", "losing", "down"]), st.integers(1, 40)), min_size=1, max_size=5
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(states=STATES)
def test_whatever_the_server_does_every_record_arrives_once_in_the_end(
    states: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, sent = tmp_path_factory.mktemp("journal"), 0
    with receiving() as server:
        sender = Sender(server.url, "key", "loans", journal=folder, bounds=Bounds(seconds=0.01, batch=7, timeout=1.0))
        for state, records in states:
            server.stop()
            server.status, server.dropping = (500 if state == "failing" else 200), state == "losing"
            if state != "down":
                server.start()
            for _ in range(records):
                sender.send({"id": sent})
                sent += 1
            time.sleep(0.03)
        server.stop()
        server.status, server.dropping = 200, False
        server.start()
        until(lambda: sender.counts.delivered == sent, seconds=60)
        assert sender.close() == Counts(given=sent, delivered=sent)
        assert set(server.predictions) == set(map(str, range(sent)))

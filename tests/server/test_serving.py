"""Serving: the command behind a real socket, where it may listen, and the client that speaks to it."""

import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import evenhand as eh
from evenhand.client import Client, Refusal
from evenhand.core.errors import DataError, EvenhandError, SpecError
from evenhand.core.monitor import Monitor
from evenhand.server.serving import Place, _bound, check_place, serve
from evenhand.server.settings import Settings
from evenhand.stores import open_store
from tests.server.conftest import LOANS, records
from tests.server.launching import Running, children, launched, new_key


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    database = f"sqlite:///{tmp_path}/watch.db"
    with launched(database, new_key(database)) as server:
        yield server


def test_the_command_serves_captures_and_runs(running: Running) -> None:
    """From an empty folder: a definition, records, a run by the worker beside it, its outcome, and a clean end."""
    with Client(running.address, key=running.key) as client:
        client.put_monitor(Monitor.model_validate(LOANS))
        assert client.monitors() == ["loans"]
        assert client.monitor("loans") == Monitor.model_validate(LOANS)
        assert client.capture("loans", records(0, 1)[0]) == {"accepted": 1, "duplicates": 0}
        assert client.capture("loans", records(0, 300), batch="b1") == {"accepted": 299, "duplicates": 1}
        truth = [{"id": f"r{each}", "repaid": "yes" if each % 3 else "no"} for each in range(300)]
        assert client.truth("loans", truth)["accepted"] == 300
        job = client.wait(client.run("loans", "2026-11-20"), seconds=60)
        assert job["state"] == "done", job
        (outcome,) = client.outcomes("loans", since=datetime(2026, 11, 1, tzinfo=UTC))
        assert (outcome.rows, outcome.labelled) == (300, 300)
        start = datetime(2026, 11, 20, tzinfo=UTC)
        assert client.outcome("loans", start, start + timedelta(days=1)).report is not None
    opened = httpx.get(f"{running.address}/open?token={running.token}", follow_redirects=False)
    assert opened.status_code == 303
    assert httpx.get(f"{running.address}/", cookies=dict(opened.cookies)).status_code == 200
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(30) == 0
    assert running.process.stderr is not None
    assert running.process.stderr.read() == ""


def worker_of(running: Running, besides: int = 0) -> int:
    """The process that runs monitors, once there is one; the store's URL must not be in its command line."""
    found: dict[int, str] = {}

    def there() -> bool:
        found.update({number: line for number, line in children(running.process.pid).items() if "working" in line})
        found.pop(besides, None)
        return bool(found)

    eventually(there)
    ((number, line),) = found.items()
    assert "watch.db" not in line
    return number


def gone(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def eventually(done: Callable[[], Any], seconds: float = 30.0) -> None:
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends
        time.sleep(0.1)


def test_a_worker_that_dies_is_started_anew(running: Running) -> None:
    """A model or a file that ends the process that counts does not end the one that takes records in."""
    first = worker_of(running)
    os.kill(first, signal.SIGKILL)
    assert worker_of(running, besides=first) != first
    with Client(running.address, key=running.key) as client:
        client.put_monitor(Monitor.model_validate(LOANS))
        client.capture("loans", records(0, 10))
        assert client.wait(client.run("loans", "2026-11-20"), seconds=60)["state"] == "done"


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGKILL]
)
def test_the_worker_ends_with_its_server(running: Running, number: signal.Signals) -> None:
    worker = worker_of(running)
    running.process.send_signal(number)
    running.process.wait(30)
    eventually(lambda: gone(worker))


def test_no_worker_where_none_is_wanted(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/watch.db"
    with launched(database, new_key(database), "--no-worker") as running:
        assert httpx.get(f"{running.address}/health").status_code == 200
        assert children(running.process.pid) == {}


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for this machine that signed itself, and its key."""
    made = tmp_path / "tls.pem", tmp_path / "tls.key"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
            "-out", str(made[0]), "-keyout", str(made[1]),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return made


def test_it_serves_https(tmp_path: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    file, key = certificate
    database = f"sqlite:///{tmp_path}/watch.db"
    with launched(database, new_key(database), "--tls-certificate", str(file), "--tls-key", str(key)) as running:
        assert running.address.startswith("https://")
        trusted = ssl.create_default_context(cafile=str(file))
        opened = httpx.get(f"{running.address}/open?token={running.token}", verify=trusted, follow_redirects=False)
        assert "; secure" in opened.headers["set-cookie"].lower()
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        with Client(running.address, key=running.key) as client:
            assert client.who()["scopes"] == ["admin"]
        monkeypatch.delenv("SSL_CERT_FILE")
        with Client(running.address, key=running.key, retries=0) as client, pytest.raises(DataError, match="verify"):
            client.who()


def test_certificates_are_checked_before_it_listens(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    store: Any = open_store(f"sqlite:///{tmp_path}/e.db")
    file, key = certificate
    check_place(store, Place(certificate=file, key=key), Settings())
    for place in (Place(certificate=file), Place(certificate=tmp_path / "none", key=key), Place(certificate=key)):
        with pytest.raises(SpecError, match=r"cannot be used for TLS: .*; give PEM files"):
            check_place(store, place, Settings())
    with pytest.raises(SpecError, match="A key for TLS needs its certificate; give --tls-certificate too"):
        check_place(store, Place(key=key), Settings())


def test_answers_are_not_held_back() -> None:
    """Small packets go at once, which asyncio sees to only for sockets that name their protocol."""
    with _bound(Place(port=0)) as bound:
        assert bound.proto == socket.IPPROTO_TCP


def test_the_client_sends_tables_and_says_what_was_refused(running: Running) -> None:
    pa = pytest.importorskip("pyarrow")
    with Client(running.address, key=running.key) as client:
        with pytest.raises(Refusal, match="onitor") as refused:
            client.monitor("loans")
        assert refused.value.status == 404
        client.put_monitor(Monitor.model_validate(LOANS))
        assert client.capture("loans", pa.Table.from_pylist(records(0, 1_000))) == {"accepted": 1_000, "duplicates": 0}
        report = eh.run(eh.Audit(label="y", facets=("s",), positive=(1,)), {"y": [0, 1] * 50, "s": ["a", "b"] * 50})
        first, second = client.put_report("p", "n", report), client.put_report("p", "n", report)
        assert client.report(first) == report
        assert client.compare(first, second)["same_data"] is True
        assert [each["number"] for each in client.reports("p")] == [second, first]
        client.put_baseline("loans", report)
        assert client.monitor("loans").baseline.endswith("report.json")
        with pytest.raises(DataError, match="JSON cannot hold"):
            client.capture("loans", {"id": "a", "x": float("nan")})
        assert client.alerts() == []
        client.remove_monitor("loans")
    with (
        Client(running.address, key="evenhand_wrong") as stranger,
        pytest.raises(Refusal, match="unknown, expired") as told,
    ):
        stranger.monitors()
    assert told.value.status == 401


def test_the_client_needs_a_key_and_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENHAND_KEY", raising=False)
    with pytest.raises(SpecError, match="A client needs an API key: give key="):
        Client("http://127.0.0.1:9")
    with Client("http://127.0.0.1:9", key="evenhand_x") as client, pytest.raises(DataError, match="does not answer"):
        client.monitors()


@pytest.mark.parametrize(("host", "loopback"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("::", False), ("10.0.0.7", False), ("watch.example.org", False)])  # noqa: S104  # fmt: skip
def test_other_addresses_need_a_key_and_a_name(tmp_path: Path, host: str, loopback: bool) -> None:
    store: Any = open_store(f"sqlite:///{tmp_path}/e.db")
    place, named = Place(host), Settings(hosts=("watch.example.org",))
    assert place.loopback is loopback
    if loopback:
        check_place(store, place, Settings())
        return
    with pytest.raises(SpecError, match="there is no API key; make one with `evenhand serve --new-key NAME`"):
        check_place(store, place, named)
    key, _ = store.add_key("ops", ("admin",), None)
    with pytest.raises(SpecError, match="say by which names with --allow-host"):
        check_place(store, place, Settings())
    check_place(store, place, named)
    store.revoke(key.id)
    with pytest.raises(SpecError, match="there is no API key"):
        check_place(store, place, named)


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    store: Any = open_store(f"sqlite:///{tmp_path}/e.db")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EvenhandError, match=rf"Cannot listen on 127.0.0.1:{port}: .* give another --port"):
            serve(store, tmp_path / "records", Place(port=port), Settings())


def test_settings_are_read_and_checked(tmp_path: Path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text("hosts: [watch.example.org]\nsession: 8h\nsizes: {upload: 1000}\n")
    assert Settings.load(file).session == timedelta(hours=8)
    assert Settings.load(file).sizes.upload == 1_000
    file.write_text("host: [x]\n")
    with pytest.raises(SpecError, match=r"unknown key 'host'\. Did you mean 'hosts'"):
        Settings.load(file)
    with pytest.raises(SpecError, match="Cannot read the settings"):
        Settings.load(tmp_path / "none.yaml")

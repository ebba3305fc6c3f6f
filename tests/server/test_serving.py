"""Serving: the command behind a real socket, where it may listen, and the client that speaks to it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import evenhand as eh
from evenhand.client import Client, Refusal
from evenhand.core.errors import DataError, EvenhandError, SpecError
from evenhand.core.monitor import Monitor
from evenhand.server.serving import Place, check_place, serve
from evenhand.server.settings import Settings
from evenhand.stores import open_store
from tests.server.conftest import LOANS, records


@dataclass
class Running:
    address: str
    token: str
    key: str
    process: subprocess.Popen[str]


def command(folder: Path, *words: str) -> list[str]:
    return [
        sys.executable,
        "-c",
        "from evenhand.cli import main; main()",
        "serve",
        "--database",
        f"sqlite:///{folder}/watch.db",
        *words,
    ]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    made = subprocess.run(
        command(tmp_path, "--new-key", "ops"), capture_output=True, text=True, env=environment, timeout=120
    )
    assert made.returncode == 0, made.stderr
    process = subprocess.Popen(
        command(tmp_path, "--port", "0"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**environment, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"(http://127\.0\.0\.1:\d+)/open\?token=(\S+)", line)
    assert found is not None, line
    try:
        yield Running(found[1], found[2], made.stdout.strip(), process)
    finally:
        process.kill()
        process.communicate()


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
    assert "Traceback" not in running.process.stderr.read()


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
            serve(store, tmp_path / "records", Place(port=port), Settings(), worker=False)


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

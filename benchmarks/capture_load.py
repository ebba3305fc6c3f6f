"""Loads a running server with batches of records, while pages are looked at: latencies, memory, and what was lost.

    python benchmarks/capture_load.py                                 60 s at 2,000 records/s; results/capture_load.json
    python benchmarks/capture_load.py --seconds 3600                  the hour in which memory must stay flat
    python benchmarks/capture_load.py --rate 4000 --batch 500 --database postgresql://…

A server of its own, with its worker, over a new SQLite database (or the one given). Clients keep to a clock: each
batch has a time at which it is due, and its latency counts from then, so that a server that stalls cannot hide it.
Beside them a visitor asks for pages twice a second, and every 20 seconds for a run, which seals and counts what came.
The first seconds, in which the server loads what it needs, are counted as records, not as latencies. At the end the
store is asked how many records it counted. Memory is that of the server and its processes, each second, as told for
each minute (Linux only). Limits: p99 of a batch 50 ms, of a page 200 ms.
"""

import argparse
import http.client
import http.cookiejar
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from process_tree import processes

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "capture_load.json"
LIMITS = {"batch_p99_ms": 50.0, "page_p99_ms": 200.0}
COMMAND = [sys.executable, "-W", "ignore", "-c", "from evenhand.cli import main; main()"]
MONITOR = """
name: load
audit: {label: repaid, positive: ["yes"], predicted_label: approved, score: score, facets: [sex, region], features: []}
baseline: first 7
"""
PLACES = ("/", "/monitors/load", "/alerts", "/jobs", "/reports", "/health")


@dataclass
class Seen:
    """What clients saw."""

    batches: list[float] = field(default_factory=list)
    pages: dict[str, list[float]] = field(default_factory=dict)
    memory: list[float] = field(default_factory=list)
    runs: int = 0
    accepted: int = 0
    errors: list[str] = field(default_factory=list)


@contextmanager
def served(home: Path, database: str | None) -> Iterator[tuple[str, str, int]]:
    """A server: the address that opens a session, a key, and its process."""
    environment = {**os.environ, "EVENHAND_HOME": str(home)}
    choice = ["--database", database] if database else []
    (home / "load.yaml").write_text(MONITOR)
    store = ["--store", database] if database else []
    subprocess.run([*COMMAND, "monitor", "add", str(home / "load.yaml"), *store], env=environment, check=True)
    made = [*COMMAND, "serve", *choice, "--new-key", "load", "--scopes", "submit,read"]
    key = subprocess.run(made, env=environment, check=True, capture_output=True, text=True).stdout.strip()
    server = subprocess.Popen(
        [*COMMAND, "serve", *choice, "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        said = server.stdout.readline()
        address = next(word for word in said.split() if word.startswith("http://"))
        wait_for(address)
        yield address, key, server.pid
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def wait_for(address: str) -> None:
    place = urlsplit(address)
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=5)
            connection.request("GET", "/health")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server does not answer")


def bodies(batch: int, client: int) -> Iterator[bytes]:
    """Batches of records, without end."""
    chance, number = random.Random(client), 0  # noqa: S311
    while True:
        now = datetime.now(UTC).isoformat()
        records = []
        for _ in range(batch):
            score = round(chance.random(), 4)
            records.append(
                {
                    "id": f"{client}-{number}", "time": now, "sex": chance.choice("fm"), "score": score,
                    "region": chance.choice(("north", "south", "east", "west")), "income": chance.randrange(90_000),
                    "approved": "yes" if score > 0.5 else "no",
                }
            )  # fmt: skip
            number += 1
        yield json.dumps(records).encode()


@dataclass(frozen=True)
class Span:
    """From when latencies are counted, and when the load ends."""

    warm: float
    end: float


def submit(seen: Seen, address: str, key: str, every: float, batch: int, client: int, span: Span) -> None:
    """One client: a batch each `every` seconds."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    due, made = time.perf_counter() + every * client / 7, bodies(batch, client)
    for number, body in enumerate(made):
        time.sleep(max(0.0, min(due, span.end) - time.perf_counter()))
        if due > span.end:
            break
        try:
            connection.request(
                "POST", "/api/monitors/load/predictions", body, {**headers, "Idempotency-Key": f"{client}-{number}"}
            )
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 200:
                seen.errors.append(f"{answer.status} {content[:200]!r}")
            else:
                seen.accepted += json.loads(content)["accepted"]
        except (OSError, http.client.HTTPException) as error:
            seen.errors.append(f"{type(error).__name__}: {error}")
            connection.close()
        if due >= span.warm:
            seen.batches.append(time.perf_counter() - due)
        due += every
    connection.close()


def visit(seen: Seen, address: str, span: Span) -> None:
    """A visitor with a session."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    opener.open(address, timeout=30).read()
    root = f"http://{urlsplit(address).netloc}"
    while time.perf_counter() < span.end:
        for path in PLACES:
            started = time.perf_counter()
            try:
                opener.open(root + path, timeout=30).read()
                if started >= span.warm:
                    seen.pages.setdefault(path, []).append(time.perf_counter() - started)
            except OSError as error:
                seen.errors.append(f"{path}: {error}")
            time.sleep(0.5)


def ask_for_runs(seen: Seen, address: str, key: str, every: float, span: Span) -> None:
    """Have the day looked at again and again, so that the worker seals and counts while records come."""
    root, headers = f"http://{urlsplit(address).netloc}", {"Authorization": f"Bearer {key}"}
    while (rest := span.end - time.perf_counter()) > 0:
        time.sleep(min(every, rest))
        wanted = json.dumps({"monitor": "load", "window": f"{datetime.now(UTC):%Y-%m-%d}"}).encode()
        asked = urllib.request.Request(f"{root}/api/jobs", wanted, {**headers, "Content-Type": "application/json"})  # noqa: S310
        try:
            urllib.request.urlopen(asked, timeout=30).read()  # noqa: S310
            seen.runs += 1
        except OSError as error:
            seen.errors.append(f"run: {error}")


def resident_mb(process: int) -> float:
    """The memory of a process and those below it."""
    page = os.sysconf("SC_PAGE_SIZE")
    return sum(int(fields[21]) for _, fields in processes(process)) * page / 1e6


def processor_seconds(process: int) -> float:
    """The processor time that a process and those below it took so far."""
    ticks = os.sysconf("SC_CLK_TCK")
    return sum(int(fields[11]) + int(fields[12]) for _, fields in processes(process)) / ticks


def loaded(given: argparse.Namespace) -> dict[str, Any]:
    seen = Seen()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), given.database) as (address, key, process):
        began = time.perf_counter()
        span = Span(began + given.warm_up, began + given.warm_up + given.seconds)
        every = given.clients * given.batch / given.rate
        work: list[Callable[[], None]] = [lambda: visit(seen, address, span)]
        if given.run_every:
            work.append(lambda: ask_for_runs(seen, address, key, given.run_every, span))
        work += [
            lambda client=client: submit(seen, address, key, every, given.batch, client, span)
            for client in range(given.clients)
        ]
        threads = [threading.Thread(target=each) for each in work]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            seen.memory.append(resident_mb(process))
            time.sleep(1)
        seconds, used = time.perf_counter() - began, processor_seconds(process)
        kept = counted(Path(folder), given.database) if given.count else None
    facts = {"rate": given.rate, "batch": given.batch, "clients": given.clients, "seconds": given.seconds}
    return {**facts, **told(seen, seconds), "processor_seconds": round(used, 1), "counted": kept}


def counted(home: Path, database: str | None) -> int:
    """How many of the records the store counts, once they are counted."""
    script = (
        "import sys; from pathlib import Path; from evenhand.cli.places import place_of\n"
        "from evenhand.core.window import Window, moment; from evenhand.monitor.capture import Capture\n"
        "place = place_of(sys.argv[1] or None); store = place.store(); monitor = store.monitor('load')\n"
        "capture = Capture(place.home / 'load', monitor); capture.seal()\n"
        "capture.counted(store); capture.close()\n"
        "print(store.tally('load', Window(moment('2020-01-01'), moment('2100-01-01')), 'all').rows)"
    )
    environment = {**os.environ, "EVENHAND_HOME": str(home)}
    command = [sys.executable, "-W", "ignore", "-c", script, database or ""]
    return int(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def told(seen: Seen, took: float) -> dict[str, Any]:
    pages = [value for values in seen.pages.values() for value in values]
    third = max(len(seen.memory) // 3, 1)
    return {
        "batches": len(seen.batches), "accepted": seen.accepted, "runs": seen.runs,
        "records_a_second": round(seen.accepted / took), "batch_p50_ms": share(seen.batches, 0.5),
        "batch_p99_ms": share(seen.batches, 0.99), "batch_worst_ms": share(seen.batches, 1.0),
        "page_p50_ms": share(pages, 0.5), "page_p99_ms": share(pages, 0.99),
        "pages_p99_ms": {path: share(values, 0.99) for path, values in seen.pages.items()},
        "memory_first_third_mb": round(statistics.median(seen.memory[:third])),
        "memory_last_third_mb": round(statistics.median(seen.memory[-third:])),
        "memory_each_minute_mb": [round(max(seen.memory[at : at + 60])) for at in range(0, len(seen.memory), 60)],
        "memory_peak_mb": round(max(seen.memory)),
        "errors": len(seen.errors), "first_errors": seen.errors[:3],
    }  # fmt: skip


def share(values: list[float], part: float) -> float | None:
    """A quantile in milliseconds."""
    return round(1000 * sorted(values)[min(int(part * len(values)), len(values) - 1)], 1) if values else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--warm-up", type=float, default=5.0, help="seconds whose latencies are not counted")
    parser.add_argument("--run-every", type=float, default=20.0, help="seconds from run to run; 0 asks for none")
    parser.add_argument("--rate", type=int, default=2_000, help="records a second, of all clients")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--database", help="a database URL; by default SQLite")
    parser.add_argument("--count", action=argparse.BooleanOptionalAction, default=True, help="ask what was counted")
    given = parser.parse_args()
    found = loaded(given)
    found["within"] = {name: (found[name] or 0) <= limit for name, limit in LIMITS.items()}
    kept = json.loads(RESULT.read_text()) if RESULT.exists() else []
    same = ("seconds", "rate", "batch")
    kept = [old for old in kept if any(old[name] != found[name] for name in same)]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps([*kept, found], indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

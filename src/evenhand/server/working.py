"""Working: the process beside a server that runs monitors, judges bounties and sends alerts, holding up no request.

Run as `python -m evenhand.server.working`. What to do is a line of JSON on stdin; when stdin ends, so does it.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from evenhand.core.errors import EvenhandError
from evenhand.core.store import Store
from evenhand.server.arenas import share_arenas

STOP_SECONDS = 10
_DELIVER_SECONDS = 5.0
_AGAIN_SECONDS = 5.0  # before a worker that died is started anew
_NICE = 10  # records that come are worth more of the processor than what is counted of them

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Errand:
    """What a worker needs: the URL of the store, the folder of records, where alerts may go, what is kept how long."""

    store: str
    home: str
    reach: Sequence[str] = ()
    programs: Sequence[str] = ()
    retention: Mapping[str, str | None] = field(default_factory=dict)
    hunting: Mapping[str, float] = field(default_factory=dict)
    lease: float = 60.0  # seconds until another worker takes up what one that died was doing


@contextmanager
def beside(errand: Errand) -> Iterator["Watched"]:
    """A worker, started anew where it dies, that ends with the block."""
    watched = Watched(errand)
    thread = threading.Thread(target=watched.watch, name="worker", daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        watched.end()
        thread.join(STOP_SECONDS)


class Watched:
    """The process of a worker, which may die of a model or a file without taking the server along."""

    def __init__(self, errand: Errand) -> None:
        self._line = json.dumps(asdict(errand)).encode() + b"\n"
        self._stop = threading.Event()
        self._process = self._started()

    def watch(self) -> None:
        """Start it anew whenever it dies, until it is to end."""
        while not self._stop.is_set():
            code = self._process.wait()
            if self._stop.is_set():
                return
            _LOG.warning("The worker ended (%s); another is started in %g seconds", code, _AGAIN_SECONDS)
            if not self._stop.wait(_AGAIN_SECONDS):
                self._process = self._started()

    def end(self) -> None:
        """Have it stop, and kill it where it does not."""
        self._stop.set()
        process = self._process
        _close(process)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "evenhand.server.working"], stdin=subprocess.PIPE, env=environment
        )
        # On stdin, because a password in the store's URL could be read from a command line by anyone.
        assert process.stdin is not None  # noqa: S101 - piped
        with suppress(BrokenPipeError):
            process.stdin.write(self._line)
            process.stdin.flush()
        return process


def _close(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None  # noqa: S101 - piped
    with suppress(BrokenPipeError):
        process.stdin.close()


def main() -> None:
    """Work until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the server says when to stop
    errand = Errand(**json.loads(sys.stdin.readline()))
    os.nice(_NICE)
    share_arenas()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=partial(_until_alone, stop), daemon=True).start()
    work(errand, stop)


def work(errand: Errand, stop: threading.Event) -> None:
    """Do jobs and send alerts until `stop` is set; a job that takes longer is left to another's lease."""
    from evenhand.monitor.jobs import Worker
    from evenhand.monitor.retention import Retention
    from evenhand.server.judging import KIND, Judging, Waiting
    from evenhand.server.settings import Hunting
    from evenhand.stores import open_store

    store, home = open_store(errand.store), Path(errand.home)
    judging = Judging(store, home, stop)
    kept = Retention.model_validate(errand.retention)
    worker = Worker(store, home, lease=errand.lease, handlers={KIND: judging}, retention=kept)
    waiting = Waiting(store, home, Hunting.model_validate(errand.hunting))
    tasks = (worker.work, partial(_deliver, store, errand), waiting.watch)
    threads = [threading.Thread(target=task, args=(stop,), daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    while not stop.wait(1):
        pass
    for thread in threads:
        thread.join(STOP_SECONDS / 3 - 1)


def _until_alone(stop: threading.Event) -> None:
    """The server ended, however it did."""
    sys.stdin.read()
    stop.set()


def _deliver(store: Store, errand: Errand, stop: threading.Event) -> None:
    """Send alerts that are due, every few seconds; an error of the store is logged and tried again."""
    from evenhand.monitor.alerts import Reach, deliver_due

    reach = Reach(hosts=frozenset(errand.reach), programs=frozenset(errand.programs))
    while not stop.wait(_DELIVER_SECONDS):
        try:
            monitors = {name: store.monitor(name) for name in store.monitors()}
            deliver_due(store, monitors, datetime.now(UTC), reach=reach)
        except EvenhandError as error:
            _LOG.warning("Alerts could not be sent: %s", error)
        except Exception:
            _LOG.exception("Alerts could not be sent")


if __name__ == "__main__":
    main()

"""Judging: submissions that wait become jobs of a worker, which judges them in the order of their numbers."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.core.errors import EvenhandError
from evenhand.core.store import Job, Store
from evenhand.server.payloads import sweep
from evenhand.server.settings import Hunting

if TYPE_CHECKING:
    from evenhand.bounty.judging.running import Running
    from evenhand.bounty.submissions.sandbox import Sandbox

KIND = "judge"
_LOOK = 1.0  # seconds between two looks for what waits
_SWEEP = 3_600.0  # seconds between two looks for files that nothing names
_AT_ONCE = 1_000
_LONGEST = 60.0  # seconds until what could not be judged is tried again, at the most
_LOG = logging.getLogger(__name__)


def queue_judging(store: Store, name: str) -> Job:
    """A job that judges what waits in a bounty; one that waits or runs already is returned instead."""
    return store.enqueue(KIND, {"bounty": name}, key=f"{KIND} {name}")


class Judging:
    """What a worker does with jobs of this kind; bounties that were opened once stay open for the next job."""

    def __init__(self, store: Store, home: Path, stop: threading.Event) -> None:
        """`stop` ends a job after the submission that is being judged."""
        self._stop = stop
        self._store = store
        self._home = home
        self._running: dict[str, Running] = {}
        self._sandbox: Sandbox | None = None

    def __call__(self, worker: Any, payload: Mapping[str, Any], say: Callable[[str, float], None]) -> Mapping[str, Any]:
        """Judge what waits in the bounty that a job names; raises EvenhandError."""
        from evenhand.bounty.judging.running import Bench, judge_waiting
        from evenhand.bounty.submissions.sandbox import Sandbox

        del worker
        if self._sandbox is None:
            self._sandbox = Sandbox()
        name = self._store.bounty(str(payload["bounty"])).name
        bench = Bench(self._store, self._home, self._sandbox, self._running)
        return judge_waiting(bench, name, say, self._stop.is_set)


@dataclass
class _Looked:
    """Which submission waited first, and when its bounty is looked at again."""

    first: int = 0
    pause: float = _LOOK
    again: float = 0.0


@dataclass
class Waiting:
    """Queues a job for each bounty in which submissions wait, less and less often where it comes no further."""

    store: Store
    home: Path
    limits: Hunting = field(default_factory=Hunting)
    _swept: float = float("-inf")
    _looked: dict[str, _Looked] = field(default_factory=dict)

    def watch(self, stop: threading.Event) -> None:
        """Look every second until `stop` is set; an error of the store is logged and tried again."""
        while not stop.wait(_LOOK):
            try:
                self.look(time.monotonic())
            except EvenhandError as error:
                _LOG.warning("Bounties could not be looked at: %s", error)
            except Exception:
                _LOG.exception("Bounties could not be looked at")

    def look(self, now: float) -> list[str]:
        """Queue what is due; the names of those bounties."""
        queued = []
        names = self.store.bounties()
        if now - self._swept >= _SWEEP:
            self._swept = now
            self.sweep(names)
        for name in names:
            first = self.store.handed_in(name, states=("waiting",), most=1)
            if first and self._is_time(name, first[0].submission.number, now):
                queue_judging(self.store, name)
                queued.append(name)
        return queued

    def sweep(self, names: Sequence[str]) -> None:
        """Remove files that belong to no submission, a day after they came."""
        from evenhand.bounty.judging.running import folder_of
        from evenhand.bounty.proving.holdout import FILES

        for name in names:
            folder = folder_of(self.home, name)
            if (folder / FILES).is_dir():
                sweep(folder, folder / FILES, self._named(name), self.limits)

    def _named(self, name: str) -> set[str]:
        """The files that submissions name."""
        named: set[str] = set()
        after = 0
        while page := self.store.handed_in(name, after=after, most=_AT_ONCE):
            after = page[-1].submission.number
            named |= {each.submission.file for each in page}
        return named

    def _is_time(self, name: str, first: int, now: float) -> bool:
        known = self._looked.setdefault(name, _Looked())
        if known.first != first:
            self._looked[name] = _Looked(first, again=now + _LOOK)
            return True
        if now < known.again:
            return False
        known.pause = min(2 * known.pause, _LONGEST)
        known.again = now + known.pause
        return True

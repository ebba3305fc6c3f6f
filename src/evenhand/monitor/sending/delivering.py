"""Delivering: batches go to the server, wait in hand or in the journal while it is away, and are counted."""

import logging
import random
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event, Lock

from evenhand.monitor.sending.counts import Ledger
from evenhand.monitor.sending.journal import Journal, Segment
from evenhand.monitor.sending.posting import Kind, Post

Line = tuple[Kind, bytes]

# Well below what a server reads at once.
BATCH_BYTES = 2_000_000
LONGEST_PAUSE = 60.0
# Requests spent on finding the records of one batch that the server will not have.
MOST_REQUESTS = 64
_LOG = logging.getLogger("evenhand.monitor.sending")


@dataclass(frozen=True)
class Result:
    """What became of some lines: so many delivered, so many refused for good, and those left for later."""

    delivered: int = 0
    rejected: int = 0
    left: tuple[Line, ...] = ()

    def __add__(self, other: "Result") -> "Result":
        return Result(self.delivered + other.delivered, self.rejected + other.rejected, self.left + other.left)


class Delivering:
    """What the sender's thread does with lines; `keep` and `give_up` also end the work of a thread that hangs."""

    def __init__(self, post: Post, journal: Journal | None, ledger: Ledger, batch: int) -> None:
        self._post, self._journal, self._ledger, self._size = post, journal, ledger, batch
        self._hand: tuple[Line, ...] = ()
        self._holding = Lock()
        self._pause, self._again, self._logged = 0.0, 0.0, float("-inf")
        self._requests = 0

    @property
    def takes_more(self) -> bool:
        """Whether it may be handed more: while the server is away and there is no journal, the queue must wait."""
        return self._journal is not None or (not self._hand and self._due)

    @property
    def _due(self) -> bool:
        return time.monotonic() >= self._again

    def take(self, lines: list[Line]) -> None:
        """Deliver lines, or keep them while the server is away."""
        if not self._due:
            self.keep(lines)
            return
        self._hand = tuple(lines)
        self._empty_hand()

    def _empty_hand(self) -> None:
        """Deliver what is in hand; what the server could not take goes to the journal, or stays in hand."""
        lines = self._hand
        result = self._delivered(lines, uuid.uuid4().hex)
        with self._holding:
            if self._hand is not lines:
                return  # the service ended meanwhile, and they were kept
            self._hand = result.left
            self._ledger.add("delivered", result.delivered)
            self._ledger.add("rejected", result.rejected)
        if result.left and self._journal is not None:
            self.give_up(drop=False)

    def catch_up(self, stop: Event) -> None:
        """Deliver what waits in hand and in the journal, as long as the server answers."""
        if self._hand and self._due:
            self._empty_hand()
        while self._journal is not None and self._due and not stop.is_set():
            with self._holding:
                self._journal.turn()
            with self._journal.oldest() as segment:
                if segment is None or not self._replayed(segment, self._journal):
                    return

    def _replayed(self, segment: Segment, journal: Journal) -> bool:
        """Send a segment; it goes when the server has all of it, and is sent again from its beginning otherwise."""
        result = self._delivered(tuple(segment.lines()), segment.name)
        if result.left:
            return False
        segment.remove()
        mine = journal.own.pop(segment.file_name, 0)
        rejected = min(mine, result.rejected)
        self._ledger.move(mine - rejected, of="kept", to="delivered")
        self._ledger.move(rejected, of="kept", to="rejected")
        self._ledger.add("recovered", 0 if mine else result.delivered)
        return True

    def _delivered(self, lines: tuple[Line, ...], name: str) -> Result:
        """Send lines in batches, whose names begin with a name; from the first that must wait on, all are left."""
        result = Result()
        for place, (kind, some) in enumerate(batches(lines, self._size)):
            self._requests = 0
            waiting = Result(left=tuple((kind, line) for line in some))
            result += waiting if result.left else self._sent(kind, some, f"{name}-{place}")
        return result

    def _sent(self, kind: Kind, lines: list[bytes], name: str) -> Result:
        """Send a batch; what the server refuses is halved, so that one bad record costs no others."""
        self._requests += 1
        answer = self._post(kind, lines, name)
        if answer == "later":
            self._wait()
            return Result(left=tuple((kind, line) for line in lines))
        self._pause = 0.0
        if answer == "taken":
            return Result(delivered=len(lines))
        if len(lines) == 1 or self._requests >= MOST_REQUESTS:
            self._say("The server refuses records", len(lines))
            return Result(rejected=len(lines))
        half = len(lines) // 2
        first = self._sent(kind, lines[:half], f"{name}a")
        if first.left:
            return first + Result(left=tuple((kind, line) for line in lines[half:]))
        return first + self._sent(kind, lines[half:], f"{name}b")

    def _wait(self) -> None:
        """Leave the server alone for a while: longer each time, and not all services at the same moment."""
        self._pause = min(max(2 * self._pause, 0.5), LONGEST_PAUSE)
        self._again = time.monotonic() + self._pause * random.uniform(0.5, 1.0)  # noqa: S311
        self._say("The server cannot be reached; records wait", 0)

    def _say(self, what: str, number: int) -> None:
        """Log at most once a minute."""
        if time.monotonic() - self._logged > 60:
            self._logged = time.monotonic()
            _LOG.warning("%s (%s): %s", what, number or "all", self._post.said)

    def keep(self, lines: list[Line]) -> None:
        """Put lines into the journal, or drop and count them where there is no room."""
        with self._holding:
            self._keep(lines)

    def _keep(self, lines: list[Line]) -> None:
        for kind, some in batches(tuple(lines), self._size):
            kept = 0
            if self._journal is not None:
                try:
                    kept = self._journal.append(kind, some)
                except OSError as error:
                    self._say(f"The journal cannot be written to: {error.strerror}", len(some))
            self._ledger.add("kept", kept)
            self._ledger.add("dropped", len(some) - kept)

    def give_up(self, *, drop: bool = True) -> None:
        """Keep what is in hand; with `drop`, which is the end, also where there is no journal to keep it."""
        with self._holding:
            if drop or self._journal is not None:
                hand, self._hand = self._hand, ()
                self._keep(list(hand))
            if drop and self._journal is not None:
                self._journal.turn()


def batches(lines: tuple[Line, ...], size: int) -> Iterator[tuple[Kind, list[bytes]]]:
    """Lines of one kind, so many and so many bytes at a time."""
    for wanted in ("predictions", "truth"):
        some: list[bytes] = []
        room = BATCH_BYTES
        for kind, line in lines:
            if kind == wanted:
                if some and (len(some) == size or len(line) > room):
                    yield kind, some
                    some, room = [], BATCH_BYTES
                some.append(line)
                room -= len(line)
        if some:
            yield wanted, some

"""Job: one request while somebody waits for it; work asks it now and then whether to go on."""

import threading
import time
from dataclasses import dataclass, field

from evenhand.clarify.online.refusals import Dropped


@dataclass
class Job:
    """When the answer is due, and whether anybody still wants it."""

    deadline: float
    stop: threading.Event = field(default_factory=threading.Event)
    started: bool = False

    @classmethod
    def within(cls, seconds: float) -> "Job":
        """A job that has this many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds until it is due."""
        return max(0.0, self.deadline - time.monotonic())

    def check(self) -> None:
        """Raises Dropped where nobody waits any more."""
        if self.stop.is_set() or time.monotonic() > self.deadline:
            raise Dropped

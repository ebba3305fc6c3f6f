"""Limits: how many requests a key or an address may send."""

import time
from collections import OrderedDict
from threading import Lock

_MOST = 10_000  # names remembered; the ones not heard of for longest are forgotten first


class Limiter:
    """Buckets of tokens by name: each fills at a rate, up to a burst, and a request takes one."""

    def __init__(self, burst: float) -> None:
        self._burst = burst
        self._lock = Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, name: str, rate: float) -> float:
        """Take a token; the seconds to wait where there is none, else 0."""
        if rate <= 0:
            return 0.0
        now = time.monotonic()
        full = max(1.0, rate * self._burst, 5.0)
        with self._lock:
            held, at = self._buckets.pop(name, (full, now))
            held = min(full, held + (now - at) * rate)
            short = held < 1
            self._buckets[name] = (held if short else held - 1, now)
            if len(self._buckets) > _MOST:
                self._buckets.popitem(last=False)
        return (1 - held) / rate if short else 0.0

"""Line process: another process that answers a line for each line, and whose death takes nothing along."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock


class LineProcess:
    """A process that is started when it is first asked, and anew when it died; threads may share it."""

    def __init__(self, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        """`start` makes it, with pipes to it and from it, at the head of a session of its own."""
        self._start = start
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The number of the process, while it runs."""
        running = self._process
        return running.pid if running is not None and running.poll() is None else None

    def ask(self, line: bytes, seconds: float) -> bytes | None:
        """The line that it answers; one without an end where it died, None where it took longer. Both end it."""
        with self._lock:
            try:
                process = self._running()
                assert process.stdin is not None  # noqa: S101 - piped
                process.stdin.write(line + b"\n")
                process.stdin.flush()
                found = _line(process, time.monotonic() + seconds)
            except BrokenPipeError:
                found = b""
            if found is None or not found.endswith(b"\n"):
                self.end()
            return found

    def end(self) -> None:
        """Kill it, and all that it started."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self.pid is None:
            self.end()
            self._process = self._start()
        return self._process


def _line(process: subprocess.Popen[bytes], ends: float) -> bytes | None:
    """One line of its output, which is unfinished where it died; None where time ran out."""
    assert process.stdout is not None  # noqa: S101 - piped
    found = b""
    while not found.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, ends - time.monotonic()))
        if not ready:
            return None
        part = os.read(process.stdout.fileno(), 65_536)
        if not part:
            return found
        found += part
    return found

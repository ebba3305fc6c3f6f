"""A real server with its worker in processes of its own, which can be killed, and the memory that each of them has."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

SETTINGS = """rates: {key: 0, address: 0, refused: 0, joins: 0}
hunting: {waiting: 10000, files: 10000}
"""


class Server:
    """The command `evenhand serve` on the records of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start it, on the same port as before."""
        settings = self.folder / "settings.yaml"
        settings.write_text(SETTINGS)
        words = ["serve", "--database", f"sqlite:///{self.folder / 'evenhand.db'}", "--home",
                 str(self.folder / "records"), "--port", str(self.port), "--settings", str(settings)]  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from evenhand.cli import main; main()", *words], stdout=subprocess.PIPE,
            stderr=(self.folder / "server.log").open("a"), text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"(https?://127\.0\.0\.1:(\d+))/", line)
        if found is None:
            raise SystemExit(f"The server did not start: {line} {(self.folder / 'server.log').read_text()[-2000:]}")
        self.address, self.port = found[1], int(found[2])

    def kill(self) -> None:
        """`kill -9` of the server, the worker, and what they started."""
        for process in (self.process.pid, *_parents(self.process.pid)):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()

    def memory(self) -> dict[str, float]:
        """MB of the server, the worker, and the processes that strangers' files meet, without those of one file."""
        found = {"server": 0.0, "worker": 0.0, "sandboxes": 0.0}
        below = _parents(self.process.pid)
        words = {process: _words(process) for process in (self.process.pid, *below)}
        for process, said in words.items():
            if words.get(below.get(process, 0)) == said:  # forked for one file
                continue
            role = "server" if process == self.process.pid else "worker" if "server.working" in said else "sandboxes"
            found[role] += _resident(process)
        return {role: round(size, 1) for role, size in found.items()}


def _parents(process: int) -> dict[int, int]:
    """Whoever this process started, directly or not, and by whom."""
    parents: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found: dict[int, int] = {}
    left = [process]
    while left:
        here = left.pop()
        children = {child: parent for child, parent in parents.items() if parent == here}
        found |= children
        left += children
    return found


def _words(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return str(process)


def _resident(process: int) -> float:
    """MB that it has of its own: libraries are shared with others."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(each.split()[1]) for each in lines if each.startswith("RssAnon")) / 1024

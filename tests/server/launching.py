"""Launching: the command `evenhand serve` in processes of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"}


@dataclass
class Running:
    """A server that listens, the token that opens a session, and an administrator's key."""

    address: str
    token: str
    key: str
    process: subprocess.Popen[str]


def serving(*words: str) -> list[str]:
    return [sys.executable, "-c", "from evenhand.cli import main; main()", "serve", *words]


def new_key(database: str, environment: Mapping[str, str] = ENVIRONMENT) -> str:
    made = subprocess.run(
        serving("--database", database, "--new-key", "ops"),
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@contextmanager
def launched(database: str, key: str, *words: str, environment: Mapping[str, str] = ENVIRONMENT) -> Iterator[Running]:
    """A server on a free port; it is killed in the end, if it still runs."""
    process = subprocess.Popen(
        serving("--database", database, "--port", "0", *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"(https?://127\.0\.0\.1:\d+)/open\?token=(\S+)", line)
    try:
        assert found is not None, (line, process.stderr.read() if process.stderr is not None else "")
        yield Running(found[1], found[2], key, process)
    finally:
        process.kill()
        process.communicate()


def children(process: int) -> dict[int, str]:
    """The processes that one started, with their command lines."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process:
                found[int(place.name)] = (place / "cmdline").read_text().replace("\0", " ")
        except OSError:  # it ended meanwhile
            continue
    return found

"""A PostgreSQL server of our own for the tests that need one."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _in_memory() -> str | None:
    """A folder in memory with room for many small databases, where there is one: these tests are of no disk."""
    place = Path("/dev/shm")  # noqa: S108 - what is made there has a name of its own
    roomy = place.is_dir() and os.access(place, os.W_OK) and shutil.disk_usage(place).free > 4 << 30
    return str(place) if roomy else None


@contextmanager
def running() -> Iterator[str]:
    """The URL of an empty database on a throw-away server; the test is skipped, or fails in CI, where none is installed."""
    binaries = _binaries()
    if binaries is None:
        if os.environ.get("EVENHAND_REQUIRE_ALL") == "1":
            pytest.fail("PostgreSQL's initdb and pg_ctl are required (EVENHAND_REQUIRE_ALL=1) and not found.")
        pytest.skip("PostgreSQL's initdb and pg_ctl are not installed.")
    folder = Path(tempfile.mkdtemp(prefix="evenhand-postgres-", dir=_in_memory()))
    as_user = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    port, data = _free_port(), folder / "data"

    def call(*command: str) -> None:
        done = subprocess.run([*as_user, *command], cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    call(str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-N", "-U", "postgres", "--encoding=UTF8")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    call(str(binaries / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        call(str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)

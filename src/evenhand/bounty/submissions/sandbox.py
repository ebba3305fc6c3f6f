"""Sandbox: strangers' files are handled by another process, whose death is one clear answer and takes nothing along.

That process has no environment and, where the system permits it, no network; it forks a process for each file, which
puts up walls around itself first (`walls.py`). On kernels with neither Landlock nor seccomp, models are still loaded
behind limits alone, for no format that is loaded runs code of its author; Python code is not run there. Behind the
walls code may see which files exist, and how long things take; it is as safe as the kernel's own isolation, so run a
server that takes code on a machine, or in a container, that holds nothing else.
"""

import json
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

import evenhand
from evenhand.core.errors import MissingExtra
from evenhand.core.line_process import LineProcess

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    " from evenhand.bounty.submissions.child import main; main()"
)
_UNSHARE = ("unshare", "--map-root-user", "--net")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_STARTING = 60.0  # seconds for Python and its packages to load


class Sandbox:
    """One process for strangers' files, started when first needed, and anew when it died; a context manager."""

    def __init__(self) -> None:
        self._process = LineProcess(_started)

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def walls(self) -> tuple[str, ...]:
        """What stands around each file here: "files", "processes and network", "network namespace"."""
        said = self.do({"task": "walls", "folder": "/tmp", "file": "", "loss": {}, "classes": [], "seconds": 10.0,  # noqa: S108
                        "memory": 2**30, "written": 0})  # fmt: skip
        return (*said["walls"], *(("network namespace",) if _unshared() else ()))

    def do(self, errand: dict[str, Any]) -> dict[str, Any]:
        """What became of an errand: its `state` (done, refused or failed), what is `told`, and the `walls`."""
        line = self._process.ask(json.dumps(errand).encode(), errand["seconds"] + _STARTING)
        if line is None or not line.endswith(b"\n"):
            return {"state": "failed", "told": "The process that handles submissions died.", "walls": []}
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """End the process."""
        self._process.end()


def _started() -> subprocess.Popen[bytes]:
    try:
        import pyarrow  # noqa: F401 - the other process needs it
    except ImportError as error:
        raise MissingExtra("Reading submissions", "pyarrow", "server") from error
    command = [sys.executable, "-I", "-c", _START, json.dumps(_paths())]
    # Neither secrets of the environment nor open files go along.
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", **dict.fromkeys(_THREADS, "1")}
    return subprocess.Popen(  # noqa: S603 - this very Python
        [*(_UNSHARE if _unshared() else ()), *command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=environment, cwd="/", start_new_session=True,
    )  # fmt: skip


def _paths() -> list[str]:
    """Where packages lie: not the working folder, which may hold anything and which the walls would leave readable."""
    own = str(Path(evenhand.__file__).parents[1])
    prefixes = tuple(f"{prefix.rstrip(os.sep)}{os.sep}" for prefix in (sys.prefix, sys.base_prefix))
    packages = ("site-packages", "dist-packages")
    found = [path for path in sys.path if path.startswith(prefixes) or path.endswith(packages)]
    return list(dict.fromkeys([own, *found]))


@lru_cache(maxsize=1)
def _unshared() -> bool:
    """Whether this system lets a process have a network of its own, with nothing in it."""
    try:
        tried = subprocess.run([*_UNSHARE, "true"], capture_output=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0

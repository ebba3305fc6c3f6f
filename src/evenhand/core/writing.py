"""Writing files whole or not at all."""

import os
import tempfile
from pathlib import Path

from evenhand.core.errors import EvenhandError


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write a file (text as UTF-8) beside its place and move it there, so that no reader ever sees half of it.

    Raises EvenhandError where the place cannot be written to.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise EvenhandError(f"Cannot write {str(path)!r}: {error.strerror}.") from None


def _write(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

"""Journal: what is finished of a long explanation, one JSON line each, so that a killed run goes on where it was."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from evenhand.core.errors import EvenhandError


class Journal:
    """Finished parts of one run by their key, kept in a working file until `finish` removes it.

    The first line says what the run is about (`about`, as JSON); a file about something else is begun anew. A line that
    was torn when the run was killed is left out. Raises EvenhandError where the file cannot be written.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self._path = path
        self._head = json.dumps(
            {"about": hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()}
        )
        self.done: dict[str, Any] = self._read()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = "".join(f"{line}\n" for line in [self._head, *map(_line, self.done.items())])
            path.write_text(text, encoding="utf-8")
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise EvenhandError(f"Cannot write {str(path)!r}: {error.strerror}.") from error

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, key: str, part: Any) -> None:
        """Keep a finished part, at once and on the disk."""
        self.done[key] = part
        self._file.write(f"{_line((key, part))}\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def finish(self) -> None:
        """Remove the working file: everything it holds now stands elsewhere."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return {}
        if not lines or lines[0] != self._head:
            return {}
        return dict(pair for pair in map(_pair, lines[1:]) if pair is not None)


def json_line(document: Any) -> str:
    """A document as one line of JSON; raises ValueError for NaN."""
    # splitlines, by which journals are read, also breaks at U+2028 and the like: they are written as escapes.
    return json.dumps(document, ensure_ascii=True, allow_nan=False, default=plain)


def plain(value: Any) -> Any:
    """A number of numpy as Python's own, anything else as text."""
    return value.item() if hasattr(value, "item") else str(value)


def _line(pair: tuple[str, Any]) -> str:
    return json_line({"key": pair[0], "part": pair[1]})


def _pair(line: str) -> tuple[str, Any] | None:
    try:
        found = json.loads(line)
        return str(found["key"]), found["part"]
    except (ValueError, KeyError, TypeError):
        return None

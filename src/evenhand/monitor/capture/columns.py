"""Columns: what the records of a monitor hold — names and kinds, which may grow and never change."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Literal, cast

from evenhand.core.audit import Audit
from evenhand.core.errors import DataError, UnreadableSource
from evenhand.core.frame import Frame
from evenhand.core.monitor import Monitor
from evenhand.core.plan import columns_of, named_columns
from evenhand.monitor.capture.durable import locked, write_durable

# Without a value so far, a column is of no kind yet.
Kind = Literal["number", "text", "boolean", "unknown"]
MOST_COLUMNS = 2_000
SQL: Mapping[Kind, str] = {"number": "DOUBLE", "text": "VARCHAR", "boolean": "BOOLEAN", "unknown": "VARCHAR"}


def stored_name(place: int) -> str:
    """What files call a column: names that are given could differ only by case, or be anything."""
    return f"c{place}"


@dataclass(frozen=True)
class Needed:
    """What an audit reads of predictions, and of the truth."""

    inputs: tuple[str, ...]
    labels: tuple[str, ...]


def without_label(audit: Audit) -> Audit | None:
    """The audit of rows whose label is not known; None where it asks of labels alone."""
    if audit.predicted_label is None and audit.score is None:
        return None
    missing = {name: policy for name, policy in audit.missing.items() if name not in named_columns(audit.label, ())}
    return audit.model_copy(update={"label": None, "missing": missing})


def needed(monitor: Monitor) -> Needed:
    """The columns that records and labels of a monitor must have."""
    audit = monitor.audit
    roles = columns_of(audit, cast(Frame, SimpleNamespace(kinds=())))
    labels = named_columns(audit.label, ())
    inputs = dict.fromkeys((*roles, *(audit.features or ())))
    return Needed(tuple(name for name in inputs if name not in labels), labels)


class Columns:
    """The columns of one monitor, kept in a file; a column's place never changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.kinds: dict[str, Kind] = self._read()

    def place(self, name: str) -> int:
        """Where a column stands."""
        return list(self.kinds).index(name)

    def reread(self) -> None:
        """See what other processes have learned."""
        self.kinds = self._read()

    def learn(self, kinds: Mapping[str, Kind]) -> None:
        """Take new columns, durably, before any record has them; raises DataError where a kind differs."""
        if all(
            self.kinds.get(name) == kind or (name in self.kinds and kind == "unknown") for name, kind in kinds.items()
        ):
            return
        with locked(self._path.with_suffix(".lock")):
            known = self._read()
            for name, kind in kinds.items():
                if known.get(name, "unknown") == "unknown":
                    known[name] = kind
                elif kind not in (known[name], "unknown"):
                    raise DataError(
                        f"Column {name!r} is {kind} here and was {known[name]} before; send it as it was, or under "
                        "another name."
                    )
            if len(known) > MOST_COLUMNS:
                raise DataError(f"With these records there would be {len(known):,} columns; {MOST_COLUMNS:,} may be.")
            write_durable(self._path, json.dumps(list(known.items()), ensure_ascii=True).encode())
            self.kinds = known

    def _read(self) -> dict[str, Kind]:
        try:
            found = json.loads(self._path.read_bytes())
            return {str(name): cast(Kind, kind) for name, kind in found}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError):
            raise UnreadableSource(
                f"{str(self._path)!r} is not what was written there; take it from a backup."
            ) from None

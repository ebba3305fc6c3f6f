"""A reference model of capture in plain Python, and a stream of batches that repeats ids, in and out of order."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from evenhand.core.audit import Audit
from evenhand.core.monitor import Monitor
from evenhand.core.store import Counted
from evenhand.core.tally import Tally
from evenhand.core.window import Window, cell_of, moment
from evenhand.flow import tally_of
from evenhand.monitor.capture.columns import without_label

Record = dict[str, Any]
START = datetime(2026, 11, 20, tzinfo=UTC)
ALWAYS = Window(START - timedelta(days=30), START + timedelta(days=30))


def clock() -> datetime:
    return START + timedelta(days=2)


AUDIT = Audit(label="paid", predicted_label="approved", positive=(1,), facets=("sex",))
MONITOR = Monitor.model_validate(
    {"name": "loans", "audit": AUDIT, "baseline": "first 7", "windows": {"length": "6h", "grace": "1h"}}
)


@dataclass
class Memory:
    """A store of tallies in memory."""

    parts: dict[tuple[Window, str, str], Tally] = field(default_factory=dict)

    def add_tally(self, monitor: str, cell: Window, counted: Counted, part: str, tally: Tally) -> bool:
        assert monitor == MONITOR.name
        new = (cell, counted, part) not in self.parts
        self.parts.setdefault((cell, counted, part), tally)
        return new

    def cells(self, counted: str) -> dict[Window, Tally]:
        found: dict[Window, Tally] = {}
        for (cell, what, _), tally in self.parts.items():
            if what == counted:
                found[cell] = found[cell] + tally if cell in found else tally
        return found


@dataclass
class Model:
    """What must have been kept: the first record and the first label of each id."""

    rows: dict[str, Record] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    corrections: set[tuple[str, int]] = field(default_factory=set)

    def take(self, kind: str, batch: Sequence[Record]) -> None:
        for record in batch:
            if kind == "predictions":
                self.rows.setdefault(str(record["id"]), record)
            elif self.labels.setdefault(str(record["id"]), record["paid"]) != record["paid"]:
                self.corrections.add((str(record["id"]), record["paid"]))

    def cells(self, counted: str) -> dict[Window, Tally]:
        by_cell: dict[Window, list[Record]] = {}
        for key, record in self.rows.items():
            if counted == "all" or key in self.labels:
                row = {**record, "paid": self.labels.get(key)}
                by_cell.setdefault(cell_of(moment(record["time"]), MONITOR.windows), []).append(row)
        audit = without_label(AUDIT) if counted == "all" else AUDIT
        assert audit is not None
        return {cell: tally_of(audit, table(rows)) for cell, rows in by_cell.items()}


def table(rows: Sequence[Record]) -> dict[str, list[Any]]:
    names = ("sex", "approved", "paid")
    return {name: [row[name] for row in rows] for name in names}


def batches(seed: int, number: int, ids: int = 400) -> list[tuple[str, list[Record]]]:
    """Batches of predictions and of truth, with ids that come again, some with other content."""
    draw = random.Random(seed)  # noqa: S311
    return [_batch(draw, ids) for _ in range(number)]


def _batch(draw: random.Random, ids: int) -> tuple[str, list[Record]]:
    keys = [draw.randrange(ids) for _ in range(draw.randint(1, 25))]
    if draw.random() < 0.4:
        return "truth", [{"id": key, "paid": draw.randint(0, 1)} for key in keys]
    return "predictions", [
        {
            "id": key,
            "time": (START + timedelta(minutes=draw.randrange(2000))).isoformat(),
            "sex": draw.choice("FM"),
            "approved": draw.randint(0, 1),
            "age": draw.randint(18, 80),
        }
        for key in keys
    ]


def same(first: dict[Window, Tally], second: dict[Window, Tally]) -> bool:
    return first.keys() == second.keys() and all(first[cell] == second[cell] for cell in first)

"""evenhand monitor demo: files of made-up loan decisions in production, with a drift planted in the last week."""

import csv
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.cli.terminal import say
from evenhand.core.errors import EvenhandError, SpecError

if TYPE_CHECKING:
    import numpy as np

_ROWS, _BASELINE, _WEEK = 400, 4_000, 7
# What is planted: so many of the women who would have been approved are turned down in the last week.
TURNED_DOWN = 0.7
_COLUMNS = ("person", "time", "sex", "region", "age", "income", "debt", "score", "approved")


def demo(
    folder: Annotated[Path, typer.Argument(help="A new folder for the files.")],
    days: Annotated[int, typer.Option(min=8, max=366, help="How many days of predictions.")] = 21,
    until: Annotated[str | None, typer.Option(help="The first day after them. [default: today]")] = None,
) -> None:
    """Write made-up loan decisions to try a monitor on: a baseline, predictions by day, and labels of all but a week.

    In the last week 70 of 100 women who would have been approved are turned down.
    """
    if folder.exists() and any(folder.iterdir()):
        raise EvenhandError(f"{str(folder)!r} is not empty; give a new folder.")
    end = _midnight(until)
    table = _table(_BASELINE + _ROWS * days, harmed=_ROWS * min(days, _WEEK))
    start = end - timedelta(days=days)
    _write(folder / "baseline.csv", _rows(table, 0, _BASELINE, start - timedelta(days=30)))
    for number in range(days):
        day = start + timedelta(days=number)
        rows = _rows(table, _BASELINE + number * _ROWS, _ROWS, day)
        name = f"{day:%Y-%m-%d}.csv"
        _write(folder / "predictions" / name, {column: rows[column] for column in _COLUMNS})
        if number < days - _WEEK:
            _write(folder / "truth" / name, {column: rows[column] for column in ("person", "repaid")})
    first, last = end - timedelta(days=days), end - timedelta(days=1)
    say(f"Wrote {folder}: baseline.csv, predictions/ of {first:%Y-%m-%d} to {last:%Y-%m-%d}, and truth/.")
    say("The last week has no labels yet, and a drift: women are turned down more often.")


def _midnight(until: str | None) -> datetime:
    if until is None:
        return datetime.combine(datetime.now(UTC), time(), UTC)
    from evenhand.core.window import moment

    found = moment(until)
    if found.time() != time():
        raise SpecError(f"--until {until} is no day; write 2026-11-20.")
    return found


def _table(rows: int, *, harmed: int) -> dict[str, Any]:
    """Decisions as the demo's model makes them; in the last rows women are turned down more often."""
    import numpy as np

    from evenhand.demo import demo_table

    table: dict[str, Any] = demo_table(rows=rows, seed=1)
    refused = _refused(table, np.random.default_rng(1)) & (np.arange(rows) >= rows - harmed)
    table["approved"] = np.where(refused, "no", table["approved"])
    table["score"] = table["score"] - 0.5 * refused
    return table


def _rows(table: Mapping[str, Any], first: int, rows: int, day: datetime) -> dict[str, Any]:
    """Some rows, at times spread over a day."""
    step = timedelta(days=1) / rows
    found = {name: column[first : first + rows] for name, column in table.items()}
    return {**found, "time": [day + place * step for place in range(rows)]}


def _refused(table: Mapping[str, Any], generator: "np.random.Generator") -> Any:
    approved = (table["sex"] == "Female") & (table["approved"] == "yes")
    return approved & (generator.random(len(approved)) < TURNED_DOWN)


def _write(path: Path, table: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        for row in zip(*table.values(), strict=True):
            writer.writerow([cell.isoformat() if isinstance(cell, datetime) else cell for cell in row])

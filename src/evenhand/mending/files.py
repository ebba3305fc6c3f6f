"""Files of a mending: frontier, model and reports in one folder, whole or not at all."""

import csv
import io
import shutil
import tempfile
from pathlib import Path

from evenhand.core.errors import EvenhandError, SpecError
from evenhand.core.frontier import Frontier, Payment
from evenhand.mending import MendedTable
from evenhand.mending.choosing import remarks
from evenhand.renderers import render
from evenhand.renderers.frontier import render_frontier

PAGE, DATA, TABLE, PAYMENTS, MODEL = "frontier.html", "frontier.json", "frontier.csv", "payments.csv", "model"
# Characters that make a spreadsheet run a cell as a formula.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def check_folder(folder: Path) -> None:
    """Raise SpecError where the folder holds anything but an earlier mending, which would be replaced."""
    if folder.exists() and not folder.is_dir():
        raise SpecError(f"{str(folder)!r} is a file; name a folder for the results.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / DATA).is_file():
        raise SpecError(f"{str(folder)!r} holds other files, which would be lost; name a new folder.")


def deliver(found: MendedTable, folder: Path) -> None:
    """Write everything beside the folder's place, then move it there; an earlier mending is replaced."""
    check_folder(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            _write(found, made)
            made.chmod(0o755)
            _swap(made, folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise EvenhandError(f"Cannot write {str(folder)!r}: {error.strerror}.") from None


def _swap(made: Path, folder: Path) -> None:
    old = made.with_name(f"{made.name}.old")
    if folder.exists():
        folder.replace(old)
    try:
        made.replace(folder)
    except OSError:
        if old.exists():
            old.replace(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write(found: MendedTable, folder: Path) -> None:
    texts = {
        PAGE: render_frontier(found.frontier, remarks=remarks(found.frontier)),
        DATA: found.frontier.model_dump_json(indent=1) + "\n",
        TABLE: table_of(found.frontier),
        "before.json": found.before.to_json(),
        PAYMENTS: payments_of(found.frontier),
    }
    if found.after is not None:
        texts |= {"report.json": found.after.to_json(), "report.html": render(found.after, against=found.before)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    if found.after is not None:
        found.chosen.save(folder / MODEL)


def table_of(frontier: Frontier) -> str:
    """The points as CSV, one a line; texts that a spreadsheet would run are quoted."""
    names = frontier.constraints
    head = ["point", "method", "setting", "stage", "chosen", "efficient", "within", "credible", "confidence"]
    head += ["needs_facet", "randomised"]
    head += ["accuracy", "accuracy_low", "accuracy_high"]
    head += [f"{name}{end}" for name in names for end in ("", " low", " high")]
    written = io.StringIO()
    writer, efficient = csv.writer(written), frontier.efficient
    writer.writerow([*map(_cell, head), "levels_down"])
    for point in frontier.points:
        flags = (
            point.name == frontier.chosen, point.name in efficient, point.within, point.credible,
            round(point.confidence, 4), point.needs_facet, point.randomised,
        )  # fmt: skip
        numbers = [point.accuracy, *(point.violations[name] for name in names)]
        ends = [value for each in numbers for value in (each.value, each.interval.low, each.interval.high)]
        texts = (point.name, point.method, point.setting, point.stage)
        writer.writerow(
            [*map(_cell, texts), *flags, *(f"{value:.6g}" for value in ends), _cell("; ".join(point.levels_down))]
        )
    return written.getvalue()


def payments_of(frontier: Frontier) -> str:
    """Who pays at each point as CSV, a line for each group, in people per 1,000 of it."""
    numbers = [name for name in Payment.model_fields if name != "group"]
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["point", "group", *numbers, "levels_down"])
    for point in frontier.points:
        for payment in point.payments:
            values = [getattr(payment, name) for name in numbers]
            told = ["" if value is None else f"{value:.6g}" for value in values]
            down = payment.group in point.levels_down
            writer.writerow([_cell(point.name), _cell(payment.group), *told, down])
    return written.getvalue()


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULAS) else text

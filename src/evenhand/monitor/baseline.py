"""Baseline: what windows are compared with — made once, written down with its hash, and never changed by itself."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from evenhand.core.errors import DataError, UnreadableSource
from evenhand.core.explanation import Explanation
from evenhand.core.frame import Frame
from evenhand.core.monitor import Monitor
from evenhand.core.report import Report
from evenhand.core.tally import Tally
from evenhand.core.window import Window, moment
from evenhand.core.writing import write_whole
from evenhand.flow import About, report_of, tally_of
from evenhand.monitor.drift import Histograms, histograms_of
from evenhand.monitor.reporting import Counts, window_report
from evenhand.sources import read

_FIRST = re.compile(r"first\s+(\d{1,4})(?:\s+windows?)?", re.IGNORECASE)
_PARTS = ("report.json", "histograms.json", "labelled.json")
_FROZEN, _EXPLANATION = "frozen.json", "explanation"


@dataclass(frozen=True)
class Baseline:
    """A report, and where there were rows: histograms, what was counted of labels, and what drove the predictions.

    `without_labels` says that the labels of its windows were not known yet.
    """

    folder: Path
    source: str
    hash: str
    report: Report
    histograms: Histograms | None
    labelled: Tally | None
    columns: tuple[str, ...] = ()
    without_labels: bool = False
    stretch: Window | None = None

    @cached_property
    def explanation(self) -> Explanation | None:
        """What drove the predictions of its rows; None where that was not asked yet."""
        place = self.explanation_folder
        return Explanation.load(place) if place.is_dir() else None

    @property
    def explanation_folder(self) -> Path:
        """Where its explanation is, or is to be."""
        return self.folder / f"{_EXPLANATION}-{self.hash[:16]}"

    @property
    def words(self) -> str:
        """How outcomes name it."""
        return f"the baseline {self.hash[:12]} ({self.source}, {self.report.provenance.rows:,} rows)"


@dataclass(frozen=True)
class Rows:
    """What a baseline is made of: the counts, and the rows where they are still there."""

    source: str
    counts: Counts | None
    frame: Frame | None
    report: Report | None = None
    stretch: Window | None = None


def first_windows(monitor: Monitor) -> int | None:
    """How many windows the baseline is made of; None where it is a table or a report."""
    found = _FIRST.fullmatch(monitor.baseline.strip())
    if found is not None and int(found[1]) < 1:
        raise DataError(f"baseline {monitor.baseline!r} names no window; write 'first 7'.")
    return None if found is None else int(found[1])


def baseline_windows(monitor: Monitor, known: Sequence[Window], window: Window) -> tuple[Window | None, int]:
    """The stretch of the first windows with records, once there are enough up to a window, and how many there are."""
    wanted = first_windows(monitor) or 0
    first = sorted({each for each in known if each.end <= window.end})[:wanted]
    if len(first) < wanted or not first:
        return None, len(first)
    return Window(min(each.start for each in first), max(each.end for each in first)), len(first)


def kept_baseline(monitor: Monitor, folder: Path) -> Baseline | None:
    """The baseline that was made before for this definition; raises DataError where its files were changed."""
    place = folder / "baseline"
    try:
        found = json.loads((place / _FROZEN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise DataError(f"The baseline in {str(place)!r} cannot be read; remove that folder to make it anew.") from None
    if found.get("definition") != definition(monitor):
        return None
    texts = {name: _text(place / name) for name in _PARTS}
    if _hash(texts) != found.get("hash"):
        raise DataError(
            f"The baseline in {str(place)!r} was changed since it was made; remove that folder to make it anew."
        )
    report, histograms, labelled = texts.values()
    stretch = None if found["stretch"] is None else Window(*(moment(each) for each in found["stretch"]))
    return Baseline(
        folder=place, source=str(found["source"]), hash=found["hash"], report=Report.from_json(report or ""),
        histograms=None if histograms is None else Histograms.from_json(histograms),
        labelled=None if labelled is None else Tally.from_json(labelled),
        columns=tuple(found["columns"]), without_labels=bool(found["without_labels"]),
        stretch=stretch,
    )  # fmt: skip


def make_baseline(monitor: Monitor, folder: Path, rows: Rows) -> Baseline:
    """Make a baseline and write it down; raises DataError where nothing can be said of the rows."""
    place = folder / "baseline"
    report = rows.report or _report(monitor, rows)
    histograms = None if rows.frame is None else histograms_of(rows.frame, monitor)
    enough = rows.counts is None or rows.counts.enough(monitor)
    labelled = rows.counts.labelled if rows.counts is not None and enough else None
    texts = {
        "report.json": report.to_json(),
        "histograms.json": None if histograms is None else histograms.to_json(),
        "labelled.json": None if labelled is None else labelled.to_json(),
    }
    for name, text in texts.items():
        if text is None:
            (place / name).unlink(missing_ok=True)
        else:
            write_whole(place / name, text)
    frozen = {
        "schema_version": 1, "source": rows.source, "hash": _hash(texts), "definition": definition(monitor),
        "columns": [] if rows.frame is None else list(rows.frame.kinds), "without_labels": not enough,
        "stretch": None if rows.stretch is None else [rows.stretch.start.isoformat(), rows.stretch.end.isoformat()],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    # Last, so that a baseline that was only half written is made again.
    write_whole(place / _FROZEN, json.dumps(frozen, indent=1) + "\n")
    found = kept_baseline(monitor, folder)
    assert found is not None  # noqa: S101 - written just now
    return found


def rows_given(monitor: Monitor) -> Rows:
    """The rows of a table, or a report, that the definition names."""
    if monitor.baseline.lower().endswith(".json"):
        try:
            return Rows(monitor.baseline, None, None, Report.load(monitor.baseline))
        except UnreadableSource:
            # Then it is a table of JSON, or an error that names the file.
            pass
    frame = read(monitor.baseline)
    return Rows(frame.location, Counts(None, tally_of(monitor.audit, frame)), frame)


def definition(monitor: Monitor) -> str:
    """A fingerprint of what a baseline depends on."""
    parts = monitor.model_dump_json(include={"audit", "baseline", "id", "time", "columns", "model", "windows"})
    return hashlib.sha256(parts.encode()).hexdigest()


def _report(monitor: Monitor, rows: Rows) -> Report:
    assert rows.counts is not None  # noqa: S101 - there is a report or there are counts
    title = f"Baseline of {monitor.name}"
    about = About(rows.source, () if rows.frame is None else tuple(rows.frame.kinds))
    if rows.counts.all is None and rows.counts.labelled is not None:
        return report_of(rows.counts.labelled, about, title=title)
    report, notes = window_report(rows.counts, monitor, about, title)
    if report is None:
        raise DataError(" ".join(notes) or f"The baseline of {monitor.name} has no rows.")
    return report


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _hash(texts: "dict[str, str | None]") -> str:
    content = hashlib.sha256()
    for name, text in texts.items():
        content.update(f"{name}\0{text is not None}\0{text or ''}\0".encode())
    return content.hexdigest()
